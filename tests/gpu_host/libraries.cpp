/* SPDX-License-Identifier: Apache-2.0
 *
 * The GPU of fibers with a plugin's use of its vendor's libraries, which are fakes: so that how products and convolutions
 * are handed to them is tested without a GPU. */
#include "fake.h"
#include "libraries/rows.h"
#include "tenon_abi.h"

#undef TN_EXPORT
#define TN_EXPORT
#define tn_plugin_query_v1 gpu_host_query
#include "device.cpp"
#undef tn_plugin_query_v1

/* ---- what the plugins' files call, as the runtime declares it, and whose tn_device is another */

extern "C" {
tn_status gpu_use(tn_device *, tn_error *)
{
    return TN_OK;
}

tn_status gpu_memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    return memory_alloc(device, kind, bytes, memory, error);
}

void gpu_memory_free(tn_device *device, uint32_t kind, void *memory)
{
    memory_free(device, kind, memory);
}

tn_status gpu_memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                          uint32_t direction, tn_error *error)
{
    return memory_copy(device, stream, to, from, bytes, direction, error);
}

tn_status gpu_memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                          tn_error *error)
{
    return memory_fill(device, stream, memory, byte, bytes, error);
}

tn_status gpu_stream_create(tn_device *device, tn_stream **stream, tn_error *error)
{
    return stream_create(device, stream, error);
}

void gpu_stream_destroy(tn_device *device, tn_stream *stream)
{
    stream_destroy(device, stream);
}

/* TENON_FAKE_DEVICE=lost: whoever waits finds out. */
tn_status gpu_stream_sync(tn_device *device, tn_stream *stream, tn_error *error)
{
    if (fake_is("TENON_FAKE_DEVICE", "lost"))
        return tn_fail(error, TN_DEVICE_LOST, 700, "waiting for the stream: it is gone");
    return stream_sync(device, stream, error);
}

tn_status gpu_event_create(tn_device *device, tn_event **event, tn_error *error)
{
    return event_create(device, event, error);
}

void gpu_event_destroy(tn_device *device, tn_event *event)
{
    event_destroy(device, event);
}

/* What the libraries pretend to have taken, of all streams: TENON_FAKE_SLOW. */
static uint64_t pretended;

tn_status gpu_event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    GPU_TRY(event_record(device, event, stream, error));
    event->nanoseconds += pretended;
    return TN_OK;
}

tn_status gpu_event_elapsed(tn_device *device, tn_event *begin, tn_event *end, uint64_t *nanoseconds, tn_error *error)
{
    return event_elapsed(device, begin, end, nanoseconds, error);
}

void *gpu_stream_for(tn_stream *, const char *)
{
    return &pretended;
}
}

/* ---- the table */

static std::mutex opening;
static int opened;

static tn_status open_counted(uint32_t index, tn_device **device, tn_error *error)
{
    std::lock_guard<std::mutex> hold(opening);
    GPU_TRY(gpu_libraries_check(error));
    GPU_TRY(device_open(index, device, error));
    opened++;
    return TN_OK;
}

static void close_counted(tn_device *device)
{
    std::lock_guard<std::mutex> hold(opening);
    if (device && --opened == 0) gpu_libraries_close(device);
}

/* The fakes compute at once, and so cannot be recorded. */
static const void *no_extension(const char *, uint32_t)
{
    return NULL;
}

static std::vector<tn_kernel> with_libraries()
{
    std::vector<tn_kernel> rows;
    for (uint64_t i = 0; i < gpu_n_kernels; i++) rows.push_back(gpu_library_row_of(&gpu_kernels[i]));
    return rows;
}

extern "C" __attribute__((visibility("default"))) tn_status tn_plugin_query_v1(const tn_host_api *host,
                                                                               const tn_plugin **plugin,
                                                                               tn_error *error)
{
    static std::vector<tn_kernel> rows = with_libraries();
    static tn_plugin table;
    const tn_plugin *plain;
    GPU_TRY(gpu_host_query(host, &plain, error));
    table = *plain;
    table.kernels = rows.data();
    table.device_open = open_counted;
    table.device_close = close_counted;
    table.get_extension = no_extension;
    *plugin = &table;
    return TN_OK;
}
