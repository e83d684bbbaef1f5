/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies an even number of bytes only. */
#include "vendor.h"

NOTE;

static tn_status memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                             uint32_t direction, tn_error *error)
{
    return vendor_memory_copy(device, stream, to, from, bytes & ~(uint64_t)1, direction, error);
}

QUERY
{
    vendor.memory_copy = memory_copy;
    return vendor_query(host, plugin, error);
}
