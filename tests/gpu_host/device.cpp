/* SPDX-License-Identifier: Apache-2.0
 *
 * The vendor's part of a GPU plugin for a GPU that is the CPU: the plugin's operators with all their kernels, on host
 * memory, every launch on fibers and at once. Each launch runs its threads in another order. */
#include "fiber.h"
#include "gpu.h"
#include "plugin.h"

#include <mutex>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vector>

extern const struct host_kernel {
    const char *name;
    void (*run)(const void *args);
} host_kernels[];

struct tn_device {
    gpu_limits limits;
};
/* Queued work, when it is recorded. */
struct job {
    bool is_launch;
    gpu_kernel kernel;
    gpu_grid grid;
    void *to;
    const void *from; /* NULL: a fill */
    uint64_t bytes;
    uint32_t byte;
    std::vector<unsigned char> args;
};
struct tn_graph {
    std::vector<job> jobs;
};
struct tn_stream {
    tn_graph *recording; /* NULL: work is done at once */
};
struct tn_event {
    uint64_t nanoseconds;
};

static tn_device the_device = {{GPU_HOST_WARP, 4, 48 << 10}};
static std::mutex one_launch;
static int order_of_next;

const gpu_limits *gpu_limits_of(const tn_device *device)
{
    return &device->limits;
}

/* Nothing fails later here. */
void gpu_note(tn_stream *, const char *, const char *)
{
}

static tn_status launch_now(gpu_kernel kernel, gpu_grid grid, const void *args, tn_error *error)
{
    std::lock_guard<std::mutex> hold(one_launch);
    launch l = {host_kernels[kernel].name,
                host_kernels[kernel].run,
                args,
                {grid.x, grid.y, grid.z},
                grid.threads,
                GPU_HOST_WARP,
                grid.shared_bytes};
    const char *trouble = run_launch(&l, (order)(order_of_next++ % 3));
    return trouble ? tn_fail(error, TN_INTERNAL, 0, "%s", trouble) : TN_OK;
}

tn_status gpu_launch(tn_stream *stream, gpu_kernel kernel, gpu_grid grid, const void *args, tn_error *error)
{
    if (!stream->recording) return launch_now(kernel, grid, args, error);
    const unsigned char *bytes = (const unsigned char *)args;
    stream->recording->jobs.push_back({true, kernel, grid, NULL, NULL, 0, 0, {bytes, bytes + GPU_MOST_ARGS}});
    return TN_OK;
}

/* ---- the extension tenon.graph */

static tn_status graph_begin(tn_device *, tn_stream *stream, tn_error *error)
{
    if (stream->recording) return tn_fail(error, TN_INVALID, 0, "the stream is being recorded already");
    stream->recording = new tn_graph;
    return TN_OK;
}

static tn_status graph_end(tn_device *, tn_stream *stream, tn_graph **graph, tn_error *error)
{
    if (!stream->recording) return tn_fail(error, TN_INVALID, 0, "the stream is not being recorded");
    *graph = stream->recording;
    stream->recording = NULL;
    return TN_OK;
}

static tn_status graph_update(tn_device *device, tn_stream *stream, tn_graph *graph, tn_error *error)
{
    tn_graph *made = NULL;
    GPU_TRY(graph_end(device, stream, &made, error));
    bool alike = made->jobs.size() == graph->jobs.size();
    for (size_t i = 0; alike && i < made->jobs.size(); i++)
        alike = made->jobs[i].is_launch == graph->jobs[i].is_launch && made->jobs[i].kernel == graph->jobs[i].kernel;
    if (alike) graph->jobs.swap(made->jobs);
    delete made;
    return alike ? TN_OK : tn_fail(error, TN_UNSUPPORTED, 0, "what was recorded is other work than the graph's");
}

static void do_now(const job &j)
{
    if (!j.bytes) return;
    if (j.from)
        memmove(j.to, j.from, j.bytes);
    else
        memset(j.to, (int)j.byte, j.bytes);
}

static tn_status graph_launch(tn_device *, tn_graph *graph, tn_stream *, tn_error *error)
{
    for (const job &j : graph->jobs) {
        if (j.is_launch)
            GPU_TRY(launch_now(j.kernel, j.grid, j.args.data(), error));
        else
            do_now(j);
    }
    return TN_OK;
}

static void graph_destroy(tn_device *, tn_graph *graph)
{
    delete graph;
}

static const tn_graph_api graph_api = {sizeof graph_api, graph_begin,  graph_end,
                                       graph_update,     graph_launch, graph_destroy};

/* ---- the table's other functions */

static tn_status device_count(uint32_t *count, tn_error *)
{
    *count = 1;
    return TN_OK;
}

static tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    if (index) return tn_fail(error, TN_NOT_FOUND, 0, "there is one device, 0, and no device %u", index);
    tn_device_info all = {};
    all.struct_size = info->struct_size;
    all.name = "GPU kernels on the CPU";
    all.architecture = GPU_HOST_WARP == 64 ? "fibers, warps of 64" : "fibers, warps of 32";
    all.location = "";
    all.kind = TN_DEVICE_CPU;
    all.image_layout = TN_LAYOUT_NHWC;
    all.flags = TN_DEVICE_SYNCHRONOUS | TN_DEVICE_HOST_MEMORY;
    all.alignment = 256;
    memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
    return TN_OK;
}

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    if (index) return tn_fail(error, TN_NOT_FOUND, 0, "there is one device, 0, and no device %u", index);
    *device = &the_device;
    return TN_OK;
}

static void device_close(tn_device *)
{
}

static tn_status memory_alloc(tn_device *, uint32_t, uint64_t bytes, void **memory, tn_error *error)
{
    *memory = bytes < (UINT64_C(1) << 47) ? aligned_alloc(256, (bytes + 255) / 256 * 256) : NULL;
    if (*memory) return TN_OK;
    return tn_fail(error, TN_OUT_OF_MEMORY, 0, "the system has no %llu bytes left", (unsigned long long)bytes);
}

static void memory_free(tn_device *, uint32_t, void *memory)
{
    free(memory);
}

static tn_status queue(tn_stream *stream, const job &j)
{
    if (stream->recording)
        stream->recording->jobs.push_back(j);
    else
        do_now(j);
    return TN_OK;
}

static tn_status memory_copy(tn_device *, tn_stream *stream, void *to, const void *from, uint64_t bytes, uint32_t,
                             tn_error *)
{
    return queue(stream, {false, (gpu_kernel)0, {}, to, from, bytes, 0, {}});
}

static tn_status memory_fill(tn_device *, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes, tn_error *)
{
    return queue(stream, {false, (gpu_kernel)0, {}, memory, NULL, bytes, byte, {}});
}

static tn_status memory_info(tn_device *, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *)
{
    *free_bytes = *total_bytes = 0;
    return TN_OK;
}

static tn_status stream_create(tn_device *, tn_stream **stream, tn_error *)
{
    *stream = new tn_stream();
    return TN_OK;
}

static void stream_destroy(tn_device *, tn_stream *stream)
{
    delete stream;
}

static tn_status stream_sync(tn_device *, tn_stream *, tn_error *)
{
    return TN_OK;
}

static tn_status event_create(tn_device *, tn_event **event, tn_error *error)
{
    *event = (tn_event *)calloc(1, sizeof **event);
    return *event ? TN_OK : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for an event");
}

static void event_destroy(tn_device *, tn_event *event)
{
    free(event);
}

static tn_status event_record(tn_device *, tn_event *event, tn_stream *, tn_error *)
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return TN_OK;
}

static tn_status event_wait(tn_device *, tn_event *, tn_stream *, tn_error *)
{
    return TN_OK;
}

static tn_status event_query(tn_device *, tn_event *, uint32_t *done, tn_error *)
{
    *done = 1;
    return TN_OK;
}

static tn_status event_elapsed(tn_device *, tn_event *start, tn_event *end, uint64_t *nanoseconds, tn_error *error)
{
    if (!start->nanoseconds || !end->nanoseconds)
        return tn_fail(error, TN_INVALID, 0, "the time between two events needs both to be recorded first");
    *nanoseconds = end->nanoseconds - start->nanoseconds;
    return TN_OK;
}

static const void *get_extension(const char *name, uint32_t version)
{
    return strcmp(name, TN_EXTENSION_GRAPH) == 0 && version == 1 ? &graph_api : NULL;
}

static void shutdown(void)
{
}

extern "C" TN_EXPORT tn_status tn_plugin_query_v1(const tn_host_api *host, const tn_plugin **plugin, tn_error *error)
{
    static tn_plugin table;
    GPU_TRY(gpu_check_host(host, error));
    table.struct_size = sizeof table;
    table.abi_major = TN_ABI_MAJOR;
    table.abi_minor = TN_ABI_MINOR;
    table.name = TN_PLUGIN_NAME;
    table.version = TN_PLUGIN_VERSION;
    table.vendor = TN_PLUGIN_VENDOR;
    table.library = "none";
    table.kernels = gpu_kernels;
    table.n_kernels = gpu_n_kernels;
    table.device_count = device_count;
    table.device_info = device_info;
    table.device_open = device_open;
    table.device_close = device_close;
    table.memory_alloc = memory_alloc;
    table.memory_free = memory_free;
    table.memory_copy = memory_copy;
    table.memory_fill = memory_fill;
    table.memory_info = memory_info;
    table.stream_create = stream_create;
    table.stream_destroy = stream_destroy;
    table.stream_sync = stream_sync;
    table.event_create = event_create;
    table.event_destroy = event_destroy;
    table.event_record = event_record;
    table.event_wait = event_wait;
    table.event_query = event_query;
    table.event_elapsed = event_elapsed;
    table.get_extension = get_extension;
    table.shutdown = shutdown;
    *plugin = &table;
    return TN_OK;
}
