/* SPDX-License-Identifier: Apache-2.0
 *
 * Launches what it recorded in another order. */
#include "vendor.h"

NOTE;

static tn_status launch(tn_device *device TN_UNUSED, tn_graph *graph, tn_stream *stream, tn_error *error)
{
    tn_status status = TN_OK;
    for (uint64_t i = graph->n; status == TN_OK && i-- > 0;) status = vendor_queue(stream, &graph->jobs[i], 1, error);
    return status;
}

QUERY
{
    vendor_graph.launch = launch;
    return vendor_query(host, plugin, error);
}
