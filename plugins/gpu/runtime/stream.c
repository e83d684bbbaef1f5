/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams, events, and launches. */
#include "runtime.h"

#include "code.h"

#include <string.h>

/* ---- streams */

tn_status gpu_stream_create(tn_device *device, tn_stream **result, tn_error *error)
{
    GPU_TRY(gpu_use(device, error));
    tn_stream *stream = gpu_host->alloc(sizeof *stream, 64);
    if (!stream) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for a stream");
    *stream = (tn_stream){.device = device};
    tn_status status = gpu_status(device, GPU(StreamCreateWithFlags)(&stream->stream, GPU(StreamNonBlocking)),
                                  "making a stream", error);
    if (status != TN_OK)
        gpu_host->free(stream);
    else
        *result = stream;
    return status;
}

void gpu_stream_destroy(tn_device *device, tn_stream *stream)
{
    tn_error ignored = {.struct_size = sizeof ignored};
    if (!stream) return;
    if (gpu_use(device, &ignored) == TN_OK) {
        gpu_status(device, GPU(StreamSynchronize)(stream->stream), "waiting for a stream", &ignored);
        gpu_status(device, GPU(StreamDestroy)(stream->stream), "destroying a stream", &ignored);
    }
    gpu_host->free(stream);
}

/* ---- what was queued last */

/* Copies what there is room for before `end`, which can always be written; returns where the next text begins. */
static char *append(char *to, char *end, const char *text)
{
    char *behind = memccpy(to, text, 0, (size_t)(end - to));
    if (behind) return behind - 1;
    *end = 0;
    return end;
}

void gpu_note(tn_stream *stream, const char *operator_name, const char *implementation)
{
    gpu_recent *recent = stream->captures ? &stream->recorded : &stream->queued;
    char *name = recent->names[recent->n++ % GPU_NAMES], *end = name + GPU_NAME_BYTES - 1;
    name = append(name, end, operator_name);
    if (*implementation) append(append(name, end, " "), end, implementation);
}

/* An error of queued work shows up when it is waited for; what was queued last is the best hint there is. */
static void name_recent(const gpu_recent *recent, char *text, size_t size)
{
    uint32_t n = recent->n < GPU_NAMES ? recent->n : GPU_NAMES;
    size_t used = (size_t)snprintf(text, size, "waiting for the stream%s", n ? ", where last were queued" : "");
    for (uint32_t i = 0; i < n && used < size; i++) {
        uint32_t at = (recent->n - n + i) % GPU_NAMES;
        used += (size_t)snprintf(text + used, size - used, "%s %s", i ? "," : "", recent->names[at]);
    }
}

tn_status gpu_stream_sync(tn_device *device, tn_stream *stream, tn_error *error)
{
    char doing[GPU_NAMES * GPU_NAME_BYTES + 60];
    GPU_TRY(gpu_use(device, error));
    GPU(Error_t) result = GPU(StreamSynchronize)(stream->stream);
    if (result == GPU(Success)) return TN_OK;
    name_recent(&stream->queued, doing, sizeof doing);
    return gpu_status(device, result, doing, error);
}

/* ---- events */

tn_status gpu_event_create(tn_device *device, tn_event **result, tn_error *error)
{
    GPU_TRY(gpu_use(device, error));
    tn_event *event = gpu_host->alloc(sizeof *event, 64);
    if (!event) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for an event");
    tn_status status = gpu_status(device, GPU(EventCreate)(&event->event), "making an event", error);
    if (status != TN_OK)
        gpu_host->free(event);
    else
        *result = event;
    return status;
}

void gpu_event_destroy(tn_device *device, tn_event *event)
{
    tn_error ignored = {.struct_size = sizeof ignored};
    if (!event) return;
    if (gpu_use(device, &ignored) == TN_OK)
        gpu_status(device, GPU(EventDestroy)(event->event), "destroying an event", &ignored);
    gpu_host->free(event);
}

tn_status gpu_event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    GPU_TRY(gpu_use(device, error));
    GPU_CALL(device, GPU(EventRecord)(event->event, stream->stream), "recording an event");
    return TN_OK;
}

tn_status gpu_event_wait(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    GPU_TRY(gpu_use(device, error));
    GPU_CALL(device, GPU(StreamWaitEvent)(stream->stream, event->event, 0), "waiting for an event");
    return TN_OK;
}

tn_status gpu_event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error)
{
    GPU_TRY(gpu_use(device, error));
    GPU(Error_t) result = GPU(EventQuery)(event->event);
    *done = result != GPU(ErrorNotReady);
    if (!*done) (void)GPU(GetLastError)();
    return *done ? gpu_status(device, result, "asking for an event", error) : TN_OK;
}

tn_status gpu_event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds, tn_error *error)
{
    float milliseconds = 0;
    GPU_TRY(gpu_use(device, error));
    GPU(Error_t) result = GPU(EventElapsedTime)(&milliseconds, start->event, end->event);
    if (result == GPU(ErrorInvalidResourceHandle) || result == GPU(ErrorNotReady)) {
        (void)GPU(GetLastError)();
        return tn_fail(error, TN_INVALID, (int64_t)result,
                       "the time between two events needs both to be reached first");
    }
    GPU_CALL(device, result, "asking for the time between two events");
    *nanoseconds = (uint64_t)((double)milliseconds * 1e6);
    return TN_OK;
}

/* ---- launches */

tn_status gpu_launch(tn_stream *stream, gpu_kernel kernel, gpu_grid grid, const void *args, tn_error *error)
{
    char doing[80];
    void *parameters[] = {(void *)(uintptr_t)args};
    GPU_TRY(gpu_use(stream->device, error));
    GPU(Error_t)
    result = GPU(LaunchKernel)(gpu_code[kernel], (dim3){grid.x, grid.y, grid.z}, (dim3){grid.threads, 1, 1}, parameters,
                               grid.shared_bytes, stream->stream);
    if (result == GPU(Success)) return TN_OK;
    snprintf(doing, sizeof doing, "launching %s", gpu_names[kernel]);
    return gpu_status(stream->device, result, doing, error);
}

GPU(Stream_t) gpu_stream_for(tn_stream *stream, const char *name)
{
    gpu_note(stream, name, "");
    return stream->stream;
}
