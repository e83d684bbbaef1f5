/* SPDX-License-Identifier: Apache-2.0
 *
 * Gives the same block twice. */
#include "vendor.h"

NOTE;

static void *given;

static tn_status memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    if (bytes > 4096) return vendor_memory_alloc(device, kind, bytes, memory, error);
    if (!given) given = aligned_alloc(VENDOR_ALIGNMENT, 4096);
    *memory = given;
    return TN_OK;
}

static void memory_free(tn_device *device, uint32_t kind, void *memory)
{
    if (memory != given) vendor_memory_free(device, kind, memory);
}

QUERY
{
    vendor.memory_alloc = memory_alloc;
    vendor.memory_free = memory_free;
    return vendor_query(host, plugin, error);
}
