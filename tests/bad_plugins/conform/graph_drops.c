/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaves out of a graph what it cannot record, and does not say so. */
#include "vendor.h"

NOTE;

static tn_status end(tn_device *device, tn_stream *stream, tn_graph **graph, tn_error *error)
{
    if (stream->recording) stream->recording->spoilt = 0;
    return vendor_graph_end(device, stream, graph, error);
}

QUERY
{
    vendor_graph.end = end;
    return vendor_query(host, plugin, error);
}
