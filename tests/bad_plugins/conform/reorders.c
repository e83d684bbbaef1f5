/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills at once, whatever was queued before. */
#include "vendor.h"

NOTE;

static tn_status memory_fill(tn_device *device TN_UNUSED, tn_stream *stream TN_UNUSED, void *memory, uint32_t byte,
                             uint64_t bytes, tn_error *error TN_UNUSED)
{
    memset(memory, (int)byte, bytes);
    return TN_OK;
}

QUERY
{
    vendor_pause = 2000;
    vendor.memory_fill = memory_fill;
    return vendor_query(host, plugin, error);
}
