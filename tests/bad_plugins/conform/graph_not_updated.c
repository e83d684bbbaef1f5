/* SPDX-License-Identifier: Apache-2.0
 *
 * Drops what an update has recorded. */
#include "vendor.h"

NOTE;

static tn_status update(tn_device *device, tn_stream *stream, tn_graph *graph TN_UNUSED, tn_error *error)
{
    tn_graph *made = NULL;
    const tn_status status = vendor_graph_end(device, stream, &made, error);
    vendor_graph_destroy(device, made);
    return status;
}

QUERY
{
    vendor_graph.update = update;
    return vendor_query(host, plugin, error);
}
