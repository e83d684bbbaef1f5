/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory. The core pools it, so allocations are few. Malloc and Free make the whole device wait for them; a pool of the
 * runtime's, asked on a stream of its own, does not, and keeps nothing back. */
#include "runtime.h"

#include <stdlib.h>

enum { ALIGNMENT = 256 };

static tn_status fail_alloc(tn_device *device, uint64_t bytes, GPU(Error_t) result, tn_error *error)
{
    size_t unused = 0, total = 0;
    (void)GPU(GetLastError)();
    if (result != GPU(ErrorMemoryAllocation)) return gpu_status(device, result, "allocating memory", error);
    if (GPU(MemGetInfo)(&unused, &total) != GPU(Success)) unused = total = 0;
    return tn_fail(error, TN_OUT_OF_MEMORY, (int64_t)result,
                   "%s has no %llu bytes left: %llu of its %llu are free, for all processes", device->name,
                   (unsigned long long)bytes, (unsigned long long)unused, (unsigned long long)total);
}

static tn_status alloc_host(uint64_t bytes, void **memory, tn_error *error)
{
    *memory =
        bytes < (UINT64_C(1) << 47) ? aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT) : NULL;
    if (*memory) return TN_OK;
    return tn_fail(error, TN_OUT_OF_MEMORY, 0, "the system has no %llu bytes of memory left",
                   (unsigned long long)bytes);
}

/* ---- the pool */

static tn_status make_pool(tn_device *device, tn_error *error)
{
    const struct GPU(MemPoolProps) wanted = {
        .allocType = GPU(MemAllocationTypePinned),
        .location = {.type = GPU(MemLocationTypeDevice), .id = device->index},
    };
    uint64_t kept =
        0; /* bytes that are free: what is given back is there for other processes, and memory_info sees it */
    GPU_CALL(device, GPU(MemPoolCreate)(&device->pool, &wanted), "making a pool of memory");
    GPU_CALL(device, GPU(MemPoolSetAttribute)(device->pool, GPU(MemPoolAttrReleaseThreshold), &kept),
             "telling the pool of memory to keep nothing");
    GPU_CALL(device, GPU(StreamCreateWithFlags)(&device->memory_stream, GPU(StreamNonBlocking)),
             "making a stream for allocations");
    return TN_OK;
}

tn_status gpu_memory_open(tn_device *device, tn_error *error)
{
    int has_pools = 0;
    GPU_CALL(device, GPU(DeviceGetAttribute)(&has_pools, GPU_HAS_POOLS, device->index), "asking for pools of memory");
    if (!has_pools) return TN_OK;
    tn_status status = make_pool(device, error);
    if (status != TN_OK) gpu_memory_close(device);
    return status;
}

void gpu_memory_close(tn_device *device)
{
    tn_error ignored = {.struct_size = sizeof ignored};
    if (gpu_use(device, &ignored) == TN_OK) {
        if (device->memory_stream)
            gpu_status(device, GPU(StreamDestroy)(device->memory_stream), "destroying a stream", &ignored);
        if (device->pool) gpu_status(device, GPU(MemPoolDestroy)(device->pool), "destroying a pool", &ignored);
    }
    device->memory_stream = NULL;
    device->pool = NULL;
}

static GPU(Error_t) alloc_device(tn_device *device, uint64_t bytes, void **memory)
{
    if (!device->pool) return GPU(Malloc)(memory, bytes);
    GPU(Error_t) result = GPU(MallocFromPoolAsync)(memory, bytes, device->pool, device->memory_stream);
    return result == GPU(Success) ? GPU(StreamSynchronize)(device->memory_stream) : result;
}

static GPU(Error_t) free_device(tn_device *device, void *memory)
{
    if (!device->pool) return GPU(Free)(memory);
    GPU(Error_t) result = GPU(FreeAsync)(memory, device->memory_stream);
    return result == GPU(Success) ? GPU(StreamSynchronize)(device->memory_stream) : result;
}

/* ---- the table's functions */

tn_status gpu_memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    *memory = NULL;
    if (kind == TN_MEMORY_HOST) return alloc_host(bytes, memory, error);
    GPU_TRY(gpu_use(device, error));
    GPU(Error_t)
    result = kind == TN_MEMORY_PINNED ? GPU_MALLOC_PINNED(memory, bytes) : alloc_device(device, bytes, memory);
    return result == GPU(Success) ? TN_OK : fail_alloc(device, bytes, result, error);
}

void gpu_memory_free(tn_device *device, uint32_t kind, void *memory)
{
    tn_error ignored = {.struct_size = sizeof ignored};
    if (kind == TN_MEMORY_HOST) {
        free(memory);
        return;
    }
    if (!memory || gpu_use(device, &ignored) != TN_OK) return;
    if ((kind == TN_MEMORY_PINNED ? GPU_FREE_PINNED(memory) : free_device(device, memory)) != GPU(Success))
        (void)GPU(GetLastError)();
}

tn_status gpu_memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                          uint32_t direction, tn_error *error)
{
    static const enum GPU(MemcpyKind) kinds[] = {[TN_COPY_TO_DEVICE] = GPU(MemcpyHostToDevice),
                                                 [TN_COPY_TO_HOST] = GPU(MemcpyDeviceToHost),
                                                 [TN_COPY_ON_DEVICE] = GPU(MemcpyDeviceToDevice)};
    if (bytes == 0) return TN_OK;
    if (direction < TN_COPY_TO_DEVICE || direction > TN_COPY_ON_DEVICE)
        return tn_fail(error, TN_INVALID, 0, "a copy has direction %u; there are 1, 2 and 3", direction);
    GPU_TRY(gpu_use(device, error));
    GPU_CALL(device, GPU(MemcpyAsync)(to, from, bytes, kinds[direction], stream->stream), "queueing a copy");
    return TN_OK;
}

tn_status gpu_memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                          tn_error *error)
{
    if (bytes == 0) return TN_OK;
    GPU_TRY(gpu_use(device, error));
    GPU_CALL(device, GPU(MemsetAsync)(memory, (int)byte, bytes, stream->stream), "queueing a fill");
    return TN_OK;
}

tn_status gpu_memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error)
{
    size_t unused = 0, total = 0;
    GPU_TRY(gpu_use(device, error));
    GPU_CALL(device, GPU(MemGetInfo)(&unused, &total), "asking for free memory");
    *free_bytes = unused;
    *total_bytes = total;
    return TN_OK;
}
