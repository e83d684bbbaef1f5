/* SPDX-License-Identifier: Apache-2.0
 *
 * Does at the end of recording what it should only have recorded. */
#include "vendor.h"

NOTE;

static tn_status end(tn_device *device, tn_stream *stream, tn_graph **graph, tn_error *error)
{
    const tn_status status = vendor_graph_end(device, stream, graph, error);
    return status == TN_OK ? vendor_graph_launch(device, *graph, stream, error) : status;
}

QUERY
{
    vendor_graph.end = end;
    return vendor_query(host, plugin, error);
}
