/* SPDX-License-Identifier: Apache-2.0
 *
 * The vendor's tenon.graph: a list of jobs. Part of vendor.h. */

static tn_status vendor_graph_begin(tn_device *device TN_UNUSED, tn_stream *stream, tn_error *error)
{
    if (stream->recording) return tn_fail(error, TN_INVALID, 0, "the stream is being recorded already");
    tn_graph *graph = vendor_host->alloc(sizeof *graph, 8);
    if (!graph) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a graph");
    memset(graph, 0, sizeof *graph);
    stream->recording = graph;
    return TN_OK;
}

static void vendor_graph_destroy(tn_device *device TN_UNUSED, tn_graph *graph)
{
    if (!graph) return;
    vendor_host->free(graph->jobs);
    vendor_host->free(graph);
}

static tn_status vendor_graph_end(tn_device *device, tn_stream *stream, tn_graph **graph, tn_error *error)
{
    tn_graph *made = stream->recording;
    if (!made) return tn_fail(error, TN_INVALID, 0, "the stream is not being recorded");
    stream->recording = NULL;
    if (made->spoilt) {
        vendor_graph_destroy(device, made);
        return tn_fail(error, TN_UNSUPPORTED, 0, "something was queued that cannot be recorded");
    }
    *graph = made;
    return TN_OK;
}

static tn_status vendor_graph_launch(tn_device *device TN_UNUSED, tn_graph *graph, tn_stream *stream, tn_error *error)
{
    tn_status status = TN_OK;
    for (uint64_t i = 0; status == TN_OK && i < graph->n; i++) status = vendor_queue(stream, &graph->jobs[i], 1, error);
    return status;
}

static tn_graph_api vendor_graph = {
    .struct_size = sizeof vendor_graph,
    .begin = vendor_graph_begin,
    .end = vendor_graph_end,
    .launch = vendor_graph_launch,
    .destroy = vendor_graph_destroy,
};
