/* SPDX-License-Identifier: Apache-2.0
 *
 * The device half of the reference backend's table: host memory, and streams that are always idle. */
#include "engine/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGNMENT = 64 };

static int the_device, the_stream;

static tn_status device_count(uint32_t *count, tn_error *reason)
{
    (void)reason;
    *count = 1;
    return TN_OK;
}

static tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    if (index) return tn_fail(error, TN_NOT_FOUND, 0, "the reference backend has one device, not %u", index + 1);
    const tn_device_info all = {
        .struct_size = info->struct_size,
        .name = "this computer's CPU, portable C",
        .architecture = "c11",
        .location = "",
        .kind = TN_DEVICE_CPU,
        .image_layout = TN_LAYOUT_NCHW,
        .flags = TN_DEVICE_SYNCHRONOUS | TN_DEVICE_HOST_MEMORY,
        .memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
        .alignment = ALIGNMENT,
    };
    memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
    return TN_OK;
}

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    if (index) return tn_fail(error, TN_NOT_FOUND, 0, "the reference backend has one device, not %u", index + 1);
    *device = (tn_device *)&the_device;
    return TN_OK;
}

static void device_close(tn_device *device)
{
    (void)device;
}

/* The kernel may promise memory that it does not have; what the machine cannot hold at all is refused at once. */
static tn_status memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    (void)device;
    (void)kind;
    uint64_t total = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    *memory = NULL;
    if (bytes > total || posix_memalign(memory, ALIGNMENT, bytes) != 0)
        return tn_fail(error, TN_OUT_OF_MEMORY, ENOMEM, "%.3f GB asked for on a machine with %.3f GB",
                       (double)bytes / 1e9, (double)total / 1e9);
    return TN_OK;
}

static void memory_free(tn_device *device, uint32_t kind, void *memory)
{
    (void)device;
    (void)kind;
    free(memory);
}

static tn_status memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                             uint32_t direction, tn_error *error)
{
    (void)device;
    (void)stream;
    (void)direction;
    (void)error;
    if (bytes) memmove(to, from, bytes);
    return TN_OK;
}

static tn_status memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                             tn_error *error)
{
    (void)device;
    (void)stream;
    (void)error;
    if (bytes) memset(memory, (int)byte, bytes);
    return TN_OK;
}

static tn_status memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error)
{
    (void)device;
    (void)error;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *free_bytes = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * page;
    *total_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;
    return TN_OK;
}

static tn_status stream_create(tn_device *device, tn_stream **stream, tn_error *error)
{
    (void)device;
    (void)error;
    *stream = (tn_stream *)&the_stream;
    return TN_OK;
}

static void stream_destroy(tn_device *device, tn_stream *stream)
{
    (void)device;
    (void)stream;
}

static tn_status stream_sync(tn_device *device, tn_stream *stream, tn_error *error)
{
    (void)device;
    (void)stream;
    (void)error;
    return TN_OK;
}

/* An event is the time when it was recorded. */
static tn_status event_create(tn_device *device, tn_event **event, tn_error *error)
{
    (void)device;
    *event = calloc(1, sizeof(uint64_t));
    return *event ? TN_OK : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for an event");
}

static void event_destroy(tn_device *device, tn_event *event)
{
    (void)device;
    free(event);
}

static tn_status event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    (void)device;
    (void)stream;
    (void)error;
    *(uint64_t *)event = tn__now();
    return TN_OK;
}

static tn_status event_wait(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    (void)device;
    (void)event;
    (void)stream;
    (void)error;
    return TN_OK;
}

static tn_status event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error)
{
    (void)device;
    (void)event;
    (void)error;
    *done = 1;
    return TN_OK;
}

static tn_status event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds,
                               tn_error *error)
{
    (void)device;
    (void)error;
    *nanoseconds = *(uint64_t *)end - *(uint64_t *)start;
    return TN_OK;
}

static const void *get_extension(const char *name, uint32_t version)
{
    (void)name;
    (void)version;
    return NULL;
}

static void shut_down(void)
{
}

const tn_plugin tn__host_device = {
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .memory_alloc = memory_alloc,
    .memory_free = memory_free,
    .memory_copy = memory_copy,
    .memory_fill = memory_fill,
    .memory_info = memory_info,
    .stream_create = stream_create,
    .stream_destroy = stream_destroy,
    .stream_sync = stream_sync,
    .event_create = event_create,
    .event_destroy = event_destroy,
    .event_record = event_record,
    .event_wait = event_wait,
    .event_query = event_query,
    .event_elapsed = event_elapsed,
    .get_extension = get_extension,
    .shutdown = shut_down,
};
