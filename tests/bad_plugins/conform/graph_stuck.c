/* SPDX-License-Identifier: Apache-2.0
 *
 * Goes on recording when it could not record something. */
#include "vendor.h"

NOTE;

static tn_status end(tn_device *device, tn_stream *stream, tn_graph **graph, tn_error *error)
{
    if (stream->recording && stream->recording->spoilt)
        return tn_fail(error, TN_UNSUPPORTED, 0, "something was queued that cannot be recorded");
    return vendor_graph_end(device, stream, graph, error);
}

QUERY
{
    vendor_graph.end = end;
    return vendor_query(host, plugin, error);
}
