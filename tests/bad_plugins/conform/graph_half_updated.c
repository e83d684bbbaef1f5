/* SPDX-License-Identifier: Apache-2.0
 *
 * Says that a graph cannot become what was recorded, after it has begun to. */
#include "vendor.h"

NOTE;

static tn_status update(tn_device *device, tn_stream *stream, tn_graph *graph, tn_error *error)
{
    const tn_status status = vendor_graph_update(device, stream, graph, error);
    if (status == TN_UNSUPPORTED) graph->n = graph->n ? 1 : 0;
    return status;
}

QUERY
{
    vendor_graph.update = update;
    return vendor_query(host, plugin, error);
}
