/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills whole words. */
#include "vendor.h"

NOTE;

static tn_status memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                             tn_error *error)
{
    return vendor_memory_fill(device, stream, memory, byte, bytes / 4 * 4, error);
}

QUERY
{
    vendor.memory_fill = memory_fill;
    return vendor_query(host, plugin, error);
}
