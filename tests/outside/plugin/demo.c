/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest whole backend: one device, the CPU, and one operator, relu for f32. Copy it to start a backend of your
 * own: replace `device` by your vendor's, memory and streams by your SDK's calls, and add a row to `kernels` for each
 * operator. What every function has to do is said in tenon_abi.h. */
#include <stdlib.h>
#include <string.h>

#include "tenon_abi.h"
#include "tenon_ops.h"

enum { ALIGNMENT = 64 };

static const tn_host_api *host; /* what the core offers: log, memory, parallel loops */

/* ---- relu: a plan keeps what execute needs ------------------------------------------------------------------ */

typedef struct relu_plan {
    tn_plan head;
    int64_t n;
} relu_plan;

typedef struct relu_arrays {
    const float *x;
    float *y;
} relu_arrays;

static void relu_piece(void *arg, int64_t begin, int64_t end)
{
    const relu_arrays *arrays = arg;
    for (int64_t i = begin; i < end; i++) arrays->y[i] = arrays->x[i] <= 0 ? 0 : arrays->x[i]; /* NaN stays NaN */
}

static tn_status relu_execute(const tn_plan *head, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    const relu_plan *plan = (const relu_plan *)head;
    relu_arrays arrays = {.x = bindings->in[0], .y = bindings->out[0]};
    (void)stream, (void)error;
    host->parallel_for(plan->n, 1 << 15, relu_piece, &arrays);
    return TN_OK;
}

static void relu_destroy(tn_plan *plan)
{
    host->free(plan);
}

/* Says why not, with the values: the text is what a user sees who asks why an operator did not run here. */
static tn_status relu_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    const tn_tensor_desc *x = desc->in[0], *y = desc->out[0];
    if (x->dtype != TN_F32) return tn_fail(error, TN_UNSUPPORTED, 0, "demo: relu takes f32 only");
    if (!tn_desc_contiguous(x) || !tn_desc_contiguous(y))
        return tn_fail(error, TN_UNSUPPORTED, 0, "demo: relu takes row-major tensors without gaps only");
    return TN_OK;
}

static tn_status relu_plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **result,
                                  tn_error *error)
{
    tn_status status = relu_check(self, device, desc, error);
    if (status != TN_OK) return status;
    relu_plan *plan = host->alloc(sizeof *plan, ALIGNMENT);
    if (!plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "demo: no host memory for a plan");
    uint64_t n = (uint64_t)tn_desc_numel(desc->in[0]);
    *plan = (relu_plan){.n = (int64_t)n,
                        .head = {.struct_size = sizeof plan->head,
                                 .execute = relu_execute,
                                 .destroy = relu_destroy,
                                 .implementation = "demo:relu",
                                 .flops = n,
                                 .bytes_moved = 2 * n * sizeof(float),
                                 .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_ALIAS | TN_PLAN_CONCURRENT}};
    *result = &plan->head;
    return TN_OK;
}

/* ---- the device: no handle is needed for a CPU, but the core gets one to hand back -------------------------- */

struct tn_device {
    uint32_t index;
};
struct tn_stream {
    tn_device *device;
};
struct tn_event {
    tn_device *device;
};
static tn_device the_device;
static tn_stream the_stream = {&the_device};
static tn_event the_event = {&the_device};

static tn_status device_count(uint32_t *count, tn_error *reason)
{
    (void)reason; /* with no device present: *count = 0, TN_OK, and the reason in reason->message */
    *count = 1;
    return TN_OK;
}

static tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    if (index != 0) return tn_fail(error, TN_NOT_FOUND, 0, "demo: there is one device, so no number %u", index);
    *info = (tn_device_info){.struct_size = info->struct_size,
                             .name = "any CPU",
                             .architecture = "C11",
                             .location = "",
                             .kind = TN_DEVICE_CPU,
                             .image_layout = TN_LAYOUT_NCHW,
                             .flags = TN_DEVICE_SYNCHRONOUS | TN_DEVICE_HOST_MEMORY,
                             .alignment = ALIGNMENT};
    return TN_OK;
}

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    if (index != 0) return tn_fail(error, TN_NOT_FOUND, 0, "demo: there is one device, so no number %u", index);
    *device = &the_device;
    return TN_OK;
}

static void device_close(tn_device *device)
{
    (void)device;
}

/* ---- memory: the core pools, so these may be slow ----------------------------------------------------------- */

static tn_status memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    (void)device, (void)kind;
    *memory = host->alloc(bytes, ALIGNMENT);
    if (*memory) return TN_OK;
    return tn_fail(error, TN_OUT_OF_MEMORY, 0, "demo: no memory for %llu bytes", (unsigned long long)bytes);
}

static void memory_free(tn_device *device, uint32_t kind, void *memory)
{
    (void)device, (void)kind;
    host->free(memory);
}

static tn_status memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                             uint32_t direction, tn_error *error)
{
    (void)device, (void)stream, (void)direction, (void)error;
    if (bytes) memcpy(to, from, bytes);
    return TN_OK;
}

static tn_status memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                             tn_error *error)
{
    (void)device, (void)stream, (void)error;
    if (bytes) memset(memory, (int)byte, bytes);
    return TN_OK;
}

static tn_status memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error)
{
    (void)device, (void)error;
    *free_bytes = *total_bytes = 0; /* unknown */
    return TN_OK;
}

/* ---- streams and events: formalities, since everything is done when a call returns -------------------------- */

static tn_status stream_create(tn_device *device, tn_stream **stream, tn_error *error)
{
    (void)device, (void)error;
    *stream = &the_stream;
    return TN_OK;
}

static void stream_destroy(tn_device *device, tn_stream *stream)
{
    (void)device, (void)stream;
}

static tn_status stream_sync(tn_device *device, tn_stream *stream, tn_error *error)
{
    (void)device, (void)stream, (void)error;
    return TN_OK;
}

static tn_status event_create(tn_device *device, tn_event **event, tn_error *error)
{
    (void)device, (void)error;
    *event = &the_event;
    return TN_OK;
}

static void event_destroy(tn_device *device, tn_event *event)
{
    (void)device, (void)event;
}

static tn_status event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    (void)device, (void)event, (void)stream, (void)error;
    return TN_OK;
}

static tn_status event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error)
{
    (void)device, (void)event, (void)error;
    *done = 1;
    return TN_OK;
}

static tn_status event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds,
                               tn_error *error)
{
    (void)device, (void)start, (void)end;
    *nanoseconds = 0;
    return tn_fail(error, TN_UNSUPPORTED, 0, "demo: events of this device keep no time");
}

static const void *get_extension(const char *name, uint32_t version)
{
    (void)name, (void)version;
    return NULL;
}

static void shutdown(void)
{
}

/* ---- the plugin --------------------------------------------------------------------------------------------- */

static const tn_kernel kernels[] = {
    {TN_SCHEMA(relu), relu_check, relu_plan_create, NULL},
};

static const tn_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .name = "demo",
    .version = "0.1.0",
    .vendor = "nobody",
    .library = "none",
    .kernels = kernels,
    .n_kernels = sizeof kernels / sizeof kernels[0],
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
    .event_wait = event_record, /* the stream has nothing to wait for */
    .event_query = event_query,
    .event_elapsed = event_elapsed,
    .get_extension = get_extension,
    .shutdown = shutdown,
};

tn_status tn_plugin_query_v1(const tn_host_api *offered, const tn_plugin **result, tn_error *error)
{
    if (!TN_HAS_FIELD(offered, tn_host_api, parallel_for) || offered->abi_major != TN_ABI_MAJOR)
        return tn_fail(error, TN_UNSUPPORTED, 0, "demo: needs a host with ABI %d, not %u", TN_ABI_MAJOR,
                       offered->abi_major);
    host = offered;
    *result = &plugin;
    return TN_OK;
}
