/* SPDX-License-Identifier: Apache-2.0
 *
 * A small, complete vendor: a device whose streams are threads, with a handful of operators and the extension tenon.graph.
 * sound.c uses it unchanged and conforms to every level; each bad plugin changes one thing of it, by putting a function of
 * its own in the table `vendor`, in a row of `vendor_kernels`, or in a plan. */
#ifndef TENON_TEST_VENDOR_H
#define TENON_TEST_VENDOR_H

#include "tenon_ops.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { VENDOR_SLOTS = 1024, VENDOR_TENSORS = 4, VENDOR_ALIGNMENT = 64 };

static const tn_host_api *vendor_host;
/* Added to addresses of device memory: 0, or so much that the host cannot reach it. */
static uintptr_t vendor_far;
/* Work is done by the caller, before it returns. */
static int vendor_synchronous;
/* Microseconds before each piece of work: plugins whose fault shows only while work is outstanding are given some. */
static unsigned vendor_pause;

/* ---- work */

typedef struct vendor_job vendor_job;
typedef struct vendor_plan vendor_plan;

struct vendor_job {
    void (*run)(const vendor_job *job);
    const vendor_plan *plan;
    void *data[VENDOR_TENSORS + 1]; /* of a plan: inputs, outputs, workspace; else to and from */
    uint64_t bytes, count;          /* count: the byte of a fill, the recording of an event */
    tn_event *event;
};

/* An operator's numbers. data: inputs, then outputs; real addresses. */
typedef void (*vendor_compute)(const vendor_plan *plan, void *const *data, void *workspace);

struct vendor_plan {
    tn_plan head;
    vendor_compute compute;
    int n_in, n;
    tn_tensor_desc desc[VENDOR_TENSORS];
    union {
        tn_scalar_attrs scalar;
        tn_reduce_attrs reduce;
    } attrs;
};

struct tn_event {
    uint64_t recorded, reached; /* how often */
    uint64_t nanoseconds;       /* when it was reached last */
};

struct tn_graph {
    vendor_job *jobs;
    uint64_t n, room;
    int spoilt;
};

struct tn_stream {
    pthread_t thread;
    vendor_job jobs[VENDOR_SLOTS];
    uint64_t queued, done; /* how many jobs since the stream was made */
    int closing;
    tn_graph *recording; /* NULL if work is done */
};

struct tn_device {
    int none;
};

static pthread_mutex_t vendor_lock = PTHREAD_MUTEX_INITIALIZER; /* of all streams and events */
static pthread_cond_t vendor_news = PTHREAD_COND_INITIALIZER;

static inline void *vendor_real(const void *address)
{
    return address ? (void *)((uintptr_t)address - vendor_far) : NULL;
}

static uint64_t vendor_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *vendor_work(void *arg)
{
    tn_stream *stream = arg;
    pthread_mutex_lock(&vendor_lock);
    for (;;) {
        while (stream->done == stream->queued && !stream->closing) pthread_cond_wait(&vendor_news, &vendor_lock);
        if (stream->done == stream->queued) break;
        const vendor_job *job = &stream->jobs[stream->done % VENDOR_SLOTS];
        pthread_mutex_unlock(&vendor_lock);
        if (vendor_pause) usleep(vendor_pause);
        job->run(job);
        pthread_mutex_lock(&vendor_lock);
        stream->done++;
        pthread_cond_broadcast(&vendor_news);
    }
    pthread_mutex_unlock(&vendor_lock);
    return NULL;
}

static tn_status vendor_record(tn_graph *graph, const vendor_job *job, tn_error *error)
{
    if (graph->n == graph->room) {
        uint64_t room = graph->room ? 2 * graph->room : 16;
        vendor_job *jobs = vendor_host->alloc(room * sizeof *jobs, 8);
        if (!jobs)
            return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a graph of %llu", (unsigned long long)room);
        if (graph->n) memcpy(jobs, graph->jobs, graph->n * sizeof *jobs);
        vendor_host->free(graph->jobs);
        graph->jobs = jobs;
        graph->room = room;
    }
    graph->jobs[graph->n++] = *job;
    return TN_OK;
}

/* fits: may a graph hold it? */
static tn_status vendor_queue(tn_stream *stream, const vendor_job *job, int fits, tn_error *error)
{
    if (stream->recording) {
        if (fits) return vendor_record(stream->recording, job, error);
        stream->recording->spoilt = 1;
        return TN_OK;
    }
    if (vendor_synchronous) {
        job->run(job);
        return TN_OK;
    }
    pthread_mutex_lock(&vendor_lock);
    while (stream->queued - stream->done == VENDOR_SLOTS) pthread_cond_wait(&vendor_news, &vendor_lock);
    stream->jobs[stream->queued++ % VENDOR_SLOTS] = *job;
    pthread_cond_broadcast(&vendor_news);
    pthread_mutex_unlock(&vendor_lock);
    return TN_OK;
}

/* ---- device */

static tn_status vendor_device_count(uint32_t *count, tn_error *reason TN_UNUSED)
{
    *count = 1;
    return TN_OK;
}

static tn_status vendor_device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    if (index) return tn_fail(error, TN_NOT_FOUND, 0, "there is one device, 0, and no device %u", index);
    const tn_device_info all = {
        .struct_size = info->struct_size,
        .name = "Test vendor's device",
        .architecture = "threads",
        .location = "",
        .kind = TN_DEVICE_ACCELERATOR,
        .flags = (vendor_far ? 0 : TN_DEVICE_HOST_MEMORY) | (vendor_synchronous ? TN_DEVICE_SYNCHRONOUS : 0),
        .memory_bytes = (uint64_t)1 << 34,
        .alignment = VENDOR_ALIGNMENT,
    };
    memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
    return TN_OK;
}

static tn_status vendor_device_open(uint32_t index, tn_device **device, tn_error *error)
{
    if (index) return tn_fail(error, TN_NOT_FOUND, 0, "there is one device, 0, and no device %u", index);
    *device = vendor_host->alloc(sizeof **device, 8);
    return *device ? TN_OK : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory to open a device");
}

static void vendor_device_close(tn_device *device)
{
    vendor_host->free(device);
}

/* ---- memory */

static tn_status vendor_memory_alloc(tn_device *device TN_UNUSED, uint32_t kind, uint64_t bytes, void **memory,
                                     tn_error *error)
{
    void *real = bytes >> 34 ? NULL : aligned_alloc(VENDOR_ALIGNMENT, (bytes + 63) / 64 * 64);
    if (!real) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "the device has no %llu bytes", (unsigned long long)bytes);
    *memory = kind == TN_MEMORY_DEVICE ? (void *)((uintptr_t)real + vendor_far) : real;
    return TN_OK;
}

static void vendor_memory_free(tn_device *device TN_UNUSED, uint32_t kind, void *memory)
{
    free(kind == TN_MEMORY_DEVICE ? vendor_real(memory) : memory);
}

static void vendor_run_copy(const vendor_job *job)
{
    memmove(job->data[0], job->data[1], job->bytes);
}

static tn_status vendor_memory_copy(tn_device *device TN_UNUSED, tn_stream *stream, void *to, const void *from,
                                    uint64_t bytes, uint32_t direction, tn_error *error)
{
    const vendor_job job = {
        .run = vendor_run_copy,
        .bytes = bytes,
        .data = {direction == TN_COPY_TO_HOST ? to : vendor_real(to),
                 direction == TN_COPY_TO_DEVICE ? (void *)(uintptr_t)from : vendor_real(from)},
    };
    return bytes ? vendor_queue(stream, &job, direction == TN_COPY_ON_DEVICE, error) : TN_OK;
}

static void vendor_run_fill(const vendor_job *job)
{
    memset(job->data[0], (int)job->count, job->bytes);
}

static tn_status vendor_memory_fill(tn_device *device TN_UNUSED, tn_stream *stream, void *memory, uint32_t byte,
                                    uint64_t bytes, tn_error *error)
{
    const vendor_job job = {.run = vendor_run_fill, .bytes = bytes, .count = byte, .data = {vendor_real(memory)}};
    return bytes ? vendor_queue(stream, &job, 1, error) : TN_OK;
}

static tn_status vendor_memory_info(tn_device *device TN_UNUSED, uint64_t *free_bytes, uint64_t *total_bytes,
                                    tn_error *error TN_UNUSED)
{
    *free_bytes = *total_bytes = (uint64_t)1 << 34;
    return TN_OK;
}

/* ---- streams */

static tn_status vendor_stream_create(tn_device *device TN_UNUSED, tn_stream **stream, tn_error *error)
{
    tn_stream *made = vendor_host->alloc(sizeof *made, 8);
    if (!made) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a stream");
    memset(made, 0, sizeof *made);
    int failed = vendor_synchronous ? 0 : pthread_create(&made->thread, NULL, vendor_work, made);
    if (failed) {
        vendor_host->free(made);
        return tn_fail(error, TN_INTERNAL, failed, "no thread for a stream");
    }
    *stream = made;
    return TN_OK;
}

static void vendor_stream_destroy(tn_device *device TN_UNUSED, tn_stream *stream)
{
    if (!stream) return;
    pthread_mutex_lock(&vendor_lock);
    stream->closing = 1;
    pthread_cond_broadcast(&vendor_news);
    pthread_mutex_unlock(&vendor_lock);
    if (!vendor_synchronous) pthread_join(stream->thread, NULL);
    vendor_host->free(stream);
}

static tn_status vendor_stream_sync(tn_device *device TN_UNUSED, tn_stream *stream, tn_error *error TN_UNUSED)
{
    pthread_mutex_lock(&vendor_lock);
    const uint64_t last = stream->queued;
    while (stream->done < last) pthread_cond_wait(&vendor_news, &vendor_lock);
    pthread_mutex_unlock(&vendor_lock);
    return TN_OK;
}

/* ---- events */

static tn_status vendor_event_create(tn_device *device TN_UNUSED, tn_event **event, tn_error *error)
{
    *event = vendor_host->alloc(sizeof **event, 8);
    if (!*event) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for an event");
    memset(*event, 0, sizeof **event);
    return TN_OK;
}

static void vendor_event_destroy(tn_device *device TN_UNUSED, tn_event *event)
{
    vendor_host->free(event);
}

static void vendor_run_mark(const vendor_job *job)
{
    pthread_mutex_lock(&vendor_lock);
    if (job->event->reached < job->count) job->event->reached = job->count;
    job->event->nanoseconds = vendor_now();
    pthread_cond_broadcast(&vendor_news);
    pthread_mutex_unlock(&vendor_lock);
}

static tn_status vendor_event_record(tn_device *device TN_UNUSED, tn_event *event, tn_stream *stream, tn_error *error)
{
    pthread_mutex_lock(&vendor_lock);
    const vendor_job job = {.run = vendor_run_mark, .event = event, .count = ++event->recorded};
    pthread_mutex_unlock(&vendor_lock);
    return vendor_queue(stream, &job, 0, error);
}

static void vendor_run_wait(const vendor_job *job)
{
    pthread_mutex_lock(&vendor_lock);
    while (job->event->reached < job->count) pthread_cond_wait(&vendor_news, &vendor_lock);
    pthread_mutex_unlock(&vendor_lock);
}

static tn_status vendor_event_wait(tn_device *device TN_UNUSED, tn_event *event, tn_stream *stream, tn_error *error)
{
    pthread_mutex_lock(&vendor_lock);
    const vendor_job job = {.run = vendor_run_wait, .event = event, .count = event->recorded};
    pthread_mutex_unlock(&vendor_lock);
    return vendor_queue(stream, &job, 0, error);
}

static tn_status vendor_event_query(tn_device *device TN_UNUSED, tn_event *event, uint32_t *done,
                                    tn_error *error TN_UNUSED)
{
    pthread_mutex_lock(&vendor_lock);
    *done = event->reached == event->recorded;
    pthread_mutex_unlock(&vendor_lock);
    return TN_OK;
}

static tn_status vendor_event_elapsed(tn_device *device TN_UNUSED, tn_event *start, tn_event *end,
                                      uint64_t *nanoseconds, tn_error *error TN_UNUSED)
{
    *nanoseconds = end->nanoseconds - start->nanoseconds;
    return TN_OK;
}

#include "vendor_graph.h"
#include "vendor_ops.h"

/* ---- the table */

static const void *vendor_get_extension(const char *name, uint32_t version)
{
    return strcmp(name, TN_EXTENSION_GRAPH) == 0 && version == 1 ? &vendor_graph : NULL;
}

static void vendor_shutdown(void)
{
}

static tn_plugin vendor = {
    .struct_size = sizeof vendor,
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .name = "vendor",
    .version = "1.0",
    .vendor = "Tenon's tests",
    .library = "none",
    .kernels = vendor_kernels,
    .n_kernels = sizeof vendor_kernels / sizeof *vendor_kernels,
    .device_count = vendor_device_count,
    .device_info = vendor_device_info,
    .device_open = vendor_device_open,
    .device_close = vendor_device_close,
    .memory_alloc = vendor_memory_alloc,
    .memory_free = vendor_memory_free,
    .memory_copy = vendor_memory_copy,
    .memory_fill = vendor_memory_fill,
    .memory_info = vendor_memory_info,
    .stream_create = vendor_stream_create,
    .stream_destroy = vendor_stream_destroy,
    .stream_sync = vendor_stream_sync,
    .event_create = vendor_event_create,
    .event_destroy = vendor_event_destroy,
    .event_record = vendor_event_record,
    .event_wait = vendor_event_wait,
    .event_query = vendor_event_query,
    .event_elapsed = vendor_event_elapsed,
    .get_extension = vendor_get_extension,
    .shutdown = vendor_shutdown,
};

TN_UNUSED static tn_status vendor_query(const tn_host_api *host, const tn_plugin **plugin, tn_error *error)
{
    if (host->abi_major != TN_ABI_MAJOR || !TN_HAS_FIELD(host, tn_host_api, free))
        return tn_fail(error, TN_UNSUPPORTED, 0, "this plugin is for ABI %d and cannot be hosted by %u.%u",
                       TN_ABI_MAJOR, host->abi_major, host->abi_minor);
    vendor_host = host;
    *plugin = &vendor;
    return TN_OK;
}

/* Begins the body of query, which may end with `return vendor_query(host, plugin, error);`. */
#define QUERY                                                                                           \
    tn_status tn_plugin_query_v1(const tn_host_api *host TN_UNUSED, const tn_plugin **plugin TN_UNUSED, \
                                 tn_error *error TN_UNUSED)
/* What every plugin has; one to a file. */
#define NOTE TN_PLUGIN_NOTE("vendor", "1.0", "Tenon's tests", "", "")

#endif
