/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies between blocks of device memory in words of eight bytes, at addresses that are multiples of eight. */
#include "vendor.h"

NOTE;

static tn_status memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                             uint32_t direction, tn_error *error)
{
    if (direction == TN_COPY_ON_DEVICE) bytes = (bytes + 7) / 8 * 8;
    return vendor_memory_copy(device, stream, to, from, bytes, direction, error);
}

QUERY
{
    vendor.memory_copy = memory_copy;
    return vendor_query(host, plugin, error);
}
