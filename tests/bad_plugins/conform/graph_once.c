/* SPDX-License-Identifier: Apache-2.0
 *
 * Can launch a graph only once. */
#include "vendor.h"

NOTE;

static tn_status launch(tn_device *device, tn_graph *graph, tn_stream *stream, tn_error *error)
{
    const tn_status status = vendor_graph_launch(device, graph, stream, error);
    graph->n = 0;
    return status;
}

QUERY
{
    vendor_graph.launch = launch;
    return vendor_query(host, plugin, error);
}
