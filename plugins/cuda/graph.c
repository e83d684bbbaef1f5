/* SPDX-License-Identifier: Apache-2.0
 *
 * The extension tenon.graph: a stream's work captured as a CUDA graph. */
#include "cuda.h"

struct tn_graph {
    cudaGraphExec_t exec;
};

static tn_status begin(tn_device *device, tn_stream *stream, tn_error *error)
{
    GPU_TRY(cu_use(device, error));
    /* Relaxed: a capture is no reason to keep a thread from working with its other streams. */
    CU_TRY(device, cudaStreamBeginCapture(stream->stream, cudaStreamCaptureModeRelaxed), "beginning a capture");
    return TN_OK;
}

/* What cannot be captured makes the capture invalid, which only its end tells. */
static tn_status fail_capture(cudaError_t result, tn_error *error)
{
    (void)cudaGetLastError();
    return tn_fail(error, TN_UNSUPPORTED, (int64_t)result, "the stream's work cannot be captured: %s (%s, %d)",
                   cudaGetErrorString(result), cudaGetErrorName(result), (int)result);
}

static tn_status end(tn_device *device, tn_stream *stream, tn_graph **result, tn_error *error)
{
    cudaGraph_t captured = NULL;
    GPU_TRY(cu_use(device, error));
    cudaError_t ended = cudaStreamEndCapture(stream->stream, &captured);
    if (ended != cudaSuccess || !captured) return fail_capture(ended, error);
    tn_graph *graph = gpu_host->alloc(sizeof *graph, 64);
    tn_status status = graph
                           ? cu_status(device, cudaGraphInstantiate(&graph->exec, captured, 0), "making a graph", error)
                           : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for a graph");
    (void)cudaGraphDestroy(captured);
    if (status != TN_OK) {
        gpu_host->free(graph);
        return status;
    }
    *result = graph;
    return TN_OK;
}

static tn_status launch(tn_device *device, tn_graph *graph, tn_stream *stream, tn_error *error)
{
    GPU_TRY(cu_use(device, error));
    CU_TRY(device, cudaGraphLaunch(graph->exec, stream->stream), "launching a graph");
    return TN_OK;
}

static void destroy(tn_device *device, tn_graph *graph)
{
    tn_error ignored = {.struct_size = sizeof ignored};
    if (!graph) return;
    if (cu_use(device, &ignored) == TN_OK)
        cu_status(device, cudaGraphExecDestroy(graph->exec), "destroying a graph", &ignored);
    gpu_host->free(graph);
}

const tn_graph_api cu_graph = {sizeof cu_graph, begin, end, launch, destroy};
