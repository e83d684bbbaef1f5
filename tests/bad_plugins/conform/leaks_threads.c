/* SPDX-License-Identifier: Apache-2.0
 *
 * Does not end the thread of a stream that is destroyed. */
#include "vendor.h"

NOTE;

static void stream_destroy(tn_device *device, tn_stream *stream)
{
    tn_error ignored;
    vendor_stream_sync(device, stream, &ignored);
}

QUERY
{
    vendor.stream_destroy = stream_destroy;
    return vendor_query(host, plugin, error);
}
