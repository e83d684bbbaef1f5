/* SPDX-License-Identifier: Apache-2.0
 *
 * A small, complete plugin: one synchronous device on host memory, without operators. The bad plugins change one thing
 * of it each, so that what the loader refuses is just that. */
#ifndef TENON_TEST_BASE_H
#define TENON_TEST_BASE_H

#include "tenon_ops.h"

#include <stdlib.h>
#include <string.h>

static int the_device, the_stream, the_event;

static tn_status base_device_count(uint32_t *count, tn_error *reason)
{
    (void)reason;
    *count = 1;
    return TN_OK;
}

static tn_status base_device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    if (index) return tn_fail(error, TN_NOT_FOUND, 0, "there is one device");
    info->name = "Test device";
    info->architecture = "none";
    info->location = "";
    info->kind = TN_DEVICE_CPU;
    info->image_layout = TN_LAYOUT_NCHW;
    info->flags = TN_DEVICE_SYNCHRONOUS | TN_DEVICE_HOST_MEMORY;
    info->memory_bytes = 0;
    info->alignment = 64;
    return TN_OK;
}

static tn_status base_device_open(uint32_t index, tn_device **device, tn_error *error)
{
    (void)index, (void)error;
    *device = (tn_device *)&the_device;
    return TN_OK;
}

static void base_device_close(tn_device *device)
{
    (void)device;
}

static tn_status base_memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    (void)device, (void)kind;
    *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    return *memory ? TN_OK : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no %llu bytes", (unsigned long long)bytes);
}

static void base_memory_free(tn_device *device, uint32_t kind, void *memory)
{
    (void)device, (void)kind;
    free(memory);
}

static tn_status base_memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                                  uint32_t direction, tn_error *error)
{
    (void)device, (void)stream, (void)direction, (void)error;
    memcpy(to, from, bytes);
    return TN_OK;
}

static tn_status base_memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                                  tn_error *error)
{
    (void)device, (void)stream, (void)error;
    memset(memory, (int)byte, bytes);
    return TN_OK;
}

static tn_status base_memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error)
{
    (void)device, (void)error;
    *free_bytes = *total_bytes = 0;
    return TN_OK;
}

static tn_status base_stream_create(tn_device *device, tn_stream **stream, tn_error *error)
{
    (void)device, (void)error;
    *stream = (tn_stream *)&the_stream;
    return TN_OK;
}

static void base_stream_destroy(tn_device *device, tn_stream *stream)
{
    (void)device, (void)stream;
}

static tn_status base_stream_sync(tn_device *device, tn_stream *stream, tn_error *error)
{
    (void)device, (void)stream, (void)error;
    return TN_OK;
}

static tn_status base_event_create(tn_device *device, tn_event **event, tn_error *error)
{
    (void)device, (void)error;
    *event = (tn_event *)&the_event;
    return TN_OK;
}

static void base_event_destroy(tn_device *device, tn_event *event)
{
    (void)device, (void)event;
}

static tn_status base_event_mark(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    (void)device, (void)event, (void)stream, (void)error;
    return TN_OK;
}

static tn_status base_event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error)
{
    (void)device, (void)event, (void)error;
    *done = 1;
    return TN_OK;
}

static tn_status base_event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds,
                                    tn_error *error)
{
    (void)device, (void)start, (void)end, (void)error;
    *nanoseconds = 0;
    return TN_OK;
}

static const void *base_get_extension(const char *name, uint32_t version)
{
    (void)name, (void)version;
    return NULL;
}

static void base_shutdown(void)
{
}

/* For operators of one element. */
TN_UNUSED static tn_status base_scalar_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                             tn_error *error)
{
    (void)self, (void)device;
    if (desc->out[0]->dtype == TN_F32 && desc->out[0]->rank == 0) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "it takes scalars of f32 alone");
}

TN_UNUSED static void base_plan_destroy(tn_plan *plan)
{
    free(plan);
}

TN_UNUSED static tn_plugin base = {
    .struct_size = sizeof base,
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .name = "base",
    .version = "1.0",
    .vendor = "Tenon's tests",
    .library = "none",
    .device_count = base_device_count,
    .device_info = base_device_info,
    .device_open = base_device_open,
    .device_close = base_device_close,
    .memory_alloc = base_memory_alloc,
    .memory_free = base_memory_free,
    .memory_copy = base_memory_copy,
    .memory_fill = base_memory_fill,
    .memory_info = base_memory_info,
    .stream_create = base_stream_create,
    .stream_destroy = base_stream_destroy,
    .stream_sync = base_stream_sync,
    .event_create = base_event_create,
    .event_destroy = base_event_destroy,
    .event_record = base_event_mark,
    .event_wait = base_event_mark,
    .event_query = base_event_query,
    .event_elapsed = base_event_elapsed,
    .get_extension = base_get_extension,
    .shutdown = base_shutdown,
};

/* Begins the body of query. */
#define QUERY                                                                                           \
    tn_status tn_plugin_query_v1(const tn_host_api *host TN_UNUSED, const tn_plugin **plugin TN_UNUSED, \
                                 tn_error *error TN_UNUSED)

#endif
