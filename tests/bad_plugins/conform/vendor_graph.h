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

/* What was recorded on the stream, which records no longer; NULL, and why. */
static tn_graph *vendor_graph_take(tn_device *device, tn_stream *stream, tn_error *error, tn_status *status)
{
    tn_graph *made = stream->recording;
    stream->recording = NULL;
    *status = TN_OK;
    if (!made) {
        *status = tn_fail(error, TN_INVALID, 0, "the stream is not being recorded");
    } else if (made->spoilt) {
        vendor_graph_destroy(device, made);
        made = NULL;
        *status = tn_fail(error, TN_UNSUPPORTED, 0, "something was queued that cannot be recorded");
    }
    return made;
}

static tn_status vendor_graph_end(tn_device *device, tn_stream *stream, tn_graph **graph, tn_error *error)
{
    tn_status status;
    tn_graph *made = vendor_graph_take(device, stream, error, &status);
    if (made) *graph = made;
    return status;
}

static int vendor_graph_alike(const tn_graph *a, const tn_graph *b)
{
    if (a->n != b->n) return 0;
    for (uint64_t i = 0; i < a->n; i++)
        if (a->jobs[i].run != b->jobs[i].run || a->jobs[i].plan != b->jobs[i].plan) return 0;
    return 1;
}

static tn_status vendor_graph_update(tn_device *device, tn_stream *stream, tn_graph *graph, tn_error *error)
{
    tn_status status;
    tn_graph *made = vendor_graph_take(device, stream, error, &status);
    if (!made) return status;
    if (vendor_graph_alike(graph, made))
        memcpy(graph->jobs, made->jobs, made->n * sizeof *made->jobs);
    else
        status = tn_fail(error, TN_UNSUPPORTED, 0, "what was recorded is other work than the graph's");
    vendor_graph_destroy(device, made);
    return status;
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
    .update = vendor_graph_update,
    .launch = vendor_graph_launch,
    .destroy = vendor_graph_destroy,
};
