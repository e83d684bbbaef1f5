/* SPDX-License-Identifier: Apache-2.0
 *
 * Releases half of a graph. */
#include "vendor.h"

NOTE;

static void destroy(tn_device *device TN_UNUSED, tn_graph *graph)
{
    vendor_host->free(graph);
}

QUERY
{
    vendor_graph.destroy = destroy;
    return vendor_query(host, plugin, error);
}
