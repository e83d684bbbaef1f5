/* SPDX-License-Identifier: Apache-2.0
 *
 * The extension tenon.graph: a stream's work, captured as a graph of the runtime. */
#include "runtime.h"

struct tn_graph {
    GPU(GraphExec_t) exec;
    char name[GPU_NAME_BYTES]; /* for messages of errors that show after its launch */
};

static tn_status begin(tn_device *device, tn_stream *stream, tn_error *error)
{
    GPU_TRY(gpu_use(device, error));
    /* Relaxed: a capture is no reason to keep a thread from working with its other streams. */
    GPU_CALL(device, GPU(StreamBeginCapture)(stream->stream, GPU(StreamCaptureModeRelaxed)), "beginning a capture");
    stream->captures = 1;
    stream->recorded.n = 0;
    return TN_OK;
}

/* What cannot be captured makes the capture invalid, which only its end tells. */
static tn_status fail_capture(GPU(Error_t) result, tn_error *error)
{
    (void)GPU(GetLastError)();
    return tn_fail(error, TN_UNSUPPORTED, (int64_t)result, "the stream's work cannot be captured: %s (%s, %d)",
                   GPU(GetErrorString)(result), GPU(GetErrorName)(result), (int)result);
}

static void name_it(tn_graph *graph, const gpu_recent *recorded)
{
    snprintf(graph->name, sizeof graph->name, "a graph of %u plan%s%s%.60s", recorded->n, recorded->n == 1 ? "" : "s",
             recorded->n ? ", of which the last is " : "",
             recorded->n ? recorded->names[(recorded->n - 1) % GPU_NAMES] : "");
}

static tn_status end_capture(tn_device *device, tn_stream *stream, GPU(Graph_t) * captured, tn_error *error)
{
    *captured = NULL;
    stream->captures = 0;
    GPU_TRY(gpu_use(device, error));
    GPU(Error_t) ended = GPU(StreamEndCapture)(stream->stream, captured);
    return ended == GPU(Success) && *captured ? TN_OK : fail_capture(ended, error);
}

static tn_status end(tn_device *device, tn_stream *stream, tn_graph **result, tn_error *error)
{
    GPU(Graph_t) captured;
    GPU_TRY(end_capture(device, stream, &captured, error));
    tn_graph *graph = gpu_host->alloc(sizeof *graph, 64);
    tn_status status =
        graph ? gpu_status(device, GPU(GraphInstantiateWithFlags)(&graph->exec, captured, 0), "making a graph", error)
              : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for a graph");
    (void)GPU(GraphDestroy)(captured);
    if (status != TN_OK) {
        gpu_host->free(graph);
        return status;
    }
    name_it(graph, &stream->recorded);
    *result = graph;
    return TN_OK;
}

static tn_status update(tn_device *device, tn_stream *stream, tn_graph *graph, tn_error *error)
{
    GPU(Graph_t) captured;
    GPU_TRY(end_capture(device, stream, &captured, error));
    GPU(Error_t) result = GPU_GRAPH_UPDATE(graph->exec, captured);
    (void)GPU(GraphDestroy)(captured);
    if (result == GPU(Success)) {
        name_it(graph, &stream->recorded);
        return TN_OK;
    }
    (void)GPU(GetLastError)();
    return tn_fail(error, TN_UNSUPPORTED, (int64_t)result, "%s cannot become what was recorded: %s (%s, %d)",
                   graph->name, GPU(GetErrorString)(result), GPU(GetErrorName)(result), (int)result);
}

static tn_status launch(tn_device *device, tn_graph *graph, tn_stream *stream, tn_error *error)
{
    GPU_TRY(gpu_use(device, error));
    gpu_note(stream, graph->name, "");
    GPU_CALL(device, GPU(GraphLaunch)(graph->exec, stream->stream), "launching a graph");
    return TN_OK;
}

static void destroy(tn_device *device, tn_graph *graph)
{
    tn_error ignored = {.struct_size = sizeof ignored};
    if (!graph) return;
    if (gpu_use(device, &ignored) == TN_OK)
        gpu_status(device, GPU(GraphExecDestroy)(graph->exec), "destroying a graph", &ignored);
    gpu_host->free(graph);
}

const tn_graph_api gpu_graph = {sizeof gpu_graph, begin, end, update, launch, destroy};
