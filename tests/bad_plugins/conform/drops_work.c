/* SPDX-License-Identifier: Apache-2.0
 *
 * Forgets what is queued on a stream that is destroyed. */
#include "vendor.h"

NOTE;

static void stream_destroy(tn_device *device, tn_stream *stream)
{
    pthread_mutex_lock(&vendor_lock);
    if (stream->queued > stream->done + 1) stream->queued = stream->done + 1;
    pthread_mutex_unlock(&vendor_lock);
    vendor_stream_destroy(device, stream);
}

QUERY
{
    vendor_pause = 2000;
    vendor.stream_destroy = stream_destroy;
    return vendor_query(host, plugin, error);
}
