/* SPDX-License-Identifier: Apache-2.0
 *
 * Does not look whether there is memory for a stream. */
#include "vendor.h"

NOTE;

static tn_status stream_create(tn_device *device, tn_stream **stream, tn_error *error)
{
    tn_stream *tried = vendor_host->alloc(sizeof *tried, 8);
    tried->queued = 0;
    vendor_host->free(tried);
    return vendor_stream_create(device, stream, error);
}

QUERY
{
    vendor.stream_create = stream_create;
    return vendor_query(host, plugin, error);
}
