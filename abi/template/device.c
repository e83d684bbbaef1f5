/* SPDX-License-Identifier: Apache-2.0
 *
 * The device: here the CPU, where work is done when its call returns, so that streams have nothing to wait for. Replace
 * each function's body by your SDK's call. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "plugin.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

struct tn_device {
    uint32_t index;
};
struct tn_stream {
    tn_device *device;
};
struct tn_event {
    uint64_t nanoseconds; /* of the monotonic clock when it was recorded; 0: not yet */
};

/* ---- what it is */

/* With no device present: *count = 0, TN_OK, and why in reason->message. */
tn_status device_count(uint32_t *count, tn_error *reason)
{
    (void)reason;
    *count = 1;
    return TN_OK;
}

static uint64_t memory_bytes(int of_what)
{
    const long pages = sysconf(of_what), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes : 0;
}

/* The caller's struct may be shorter than ours or longer: what it has room for, and what we know, is filled in. */
tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    if (index != 0) return tn_fail(error, TN_NOT_FOUND, 0, "there is one device, 0, and no device %u", index);
    const tn_device_info all = {.struct_size = info->struct_size,
                                .name = "the CPU",
                                .architecture = "plain C",
                                .location = "",
                                .kind = TN_DEVICE_CPU,
                                .image_layout = TN_LAYOUT_NCHW,
                                .flags = TN_DEVICE_SYNCHRONOUS | TN_DEVICE_HOST_MEMORY,
                                .memory_bytes = memory_bytes(_SC_PHYS_PAGES),
                                .alignment = ALIGNMENT};
    memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
    return TN_OK;
}

tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    if (index != 0) return tn_fail(error, TN_NOT_FOUND, 0, "there is one device, 0, and no device %u", index);
    tn_device *opened = host->alloc(sizeof *opened, ALIGNMENT);
    if (!opened) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory to open a device");
    opened->index = index;
    *device = opened;
    return TN_OK;
}

void device_close(tn_device *device)
{
    host->free(device);
}

/* ---- memory: the core pools, so these may be slow */

tn_status memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    (void)device, (void)kind;
    *memory = host->alloc(bytes, ALIGNMENT);
    if (*memory) return TN_OK;
    return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for %llu bytes", (unsigned long long)bytes);
}

void memory_free(tn_device *device, uint32_t kind, void *memory)
{
    (void)device, (void)kind;
    host->free(memory);
}

tn_status memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                      uint32_t direction, tn_error *error)
{
    (void)device, (void)stream, (void)direction, (void)error;
    if (bytes) memmove(to, from, bytes);
    return TN_OK;
}

tn_status memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                      tn_error *error)
{
    (void)device, (void)stream, (void)error;
    if (bytes) memset(memory, (int)byte, bytes);
    return TN_OK;
}

tn_status memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error)
{
    (void)device, (void)error;
    *free_bytes = memory_bytes(_SC_AVPHYS_PAGES);
    *total_bytes = memory_bytes(_SC_PHYS_PAGES);
    return TN_OK;
}

/* ---- streams */

tn_status stream_create(tn_device *device, tn_stream **stream, tn_error *error)
{
    tn_stream *made = host->alloc(sizeof *made, ALIGNMENT);
    if (!made) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for a stream");
    made->device = device;
    *stream = made;
    return TN_OK;
}

void stream_destroy(tn_device *device, tn_stream *stream)
{
    (void)device;
    host->free(stream);
}

tn_status stream_sync(tn_device *device, tn_stream *stream, tn_error *error)
{
    (void)device, (void)stream, (void)error;
    return TN_OK;
}

/* ---- events: points in time */

tn_status event_create(tn_device *device, tn_event **event, tn_error *error)
{
    (void)device;
    tn_event *made = host->alloc(sizeof *made, ALIGNMENT);
    if (!made) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for an event");
    made->nanoseconds = 0;
    *event = made;
    return TN_OK;
}

void event_destroy(tn_device *device, tn_event *event)
{
    (void)device;
    host->free(event);
}

tn_status event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    (void)device, (void)stream, (void)error;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->nanoseconds = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    return TN_OK;
}

tn_status event_wait(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    (void)device, (void)event, (void)stream, (void)error;
    return TN_OK;
}

tn_status event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error)
{
    (void)device, (void)event, (void)error;
    *done = 1;
    return TN_OK;
}

tn_status event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds, tn_error *error)
{
    (void)device;
    if (!start->nanoseconds || !end->nanoseconds)
        return tn_fail(error, TN_INVALID, 0, "the time between two events needs both to be recorded first");
    *nanoseconds = end->nanoseconds - start->nanoseconds;
    return TN_OK;
}
