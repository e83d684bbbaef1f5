/* SPDX-License-Identifier: Apache-2.0
 *
 * A device whose memory the host cannot reach, as a GPU's: its addresses point nowhere until the plugin turns them
 * round. Its only operator is copy, which every such device must have; all else travels to the host and back. It is not
 * synchronous, and has a clock of its own, by which every copy takes 1000 ns. */
#include "base.h"

#define FAR ((uintptr_t)1 << 62) /* no address of a user's process has this bit */

static void *turned(const void *address)
{
    return (void *)((uintptr_t)address ^ FAR);
}

static tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    tn_status status = base_device_info(index, info, error);
    info->kind = TN_DEVICE_GPU;
    info->flags = 0;
    return status;
}

static tn_status memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    tn_status status = base_memory_alloc(device, kind, bytes, memory, error);
    if (status == TN_OK && kind == TN_MEMORY_DEVICE) *memory = turned(*memory);
    return status;
}

static void memory_free(tn_device *device, uint32_t kind, void *memory)
{
    (void)device;
    free(memory && kind == TN_MEMORY_DEVICE ? turned(memory) : memory);
}

static tn_status memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                             uint32_t direction, tn_error *error)
{
    (void)device, (void)stream, (void)error;
    memcpy(direction == TN_COPY_TO_HOST ? to : turned(to), direction == TN_COPY_TO_DEVICE ? from : turned(from), bytes);
    return TN_OK;
}

static tn_status memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                             tn_error *error)
{
    (void)device, (void)stream, (void)error;
    memset(turned(memory), (int)byte, bytes);
    return TN_OK;
}

/* ---- events: two of them, no more; an event is reached once the stream has been waited for */

static uint64_t now, waited_until;
static int n_events;

struct tn_event {
    uint64_t time;
};

static tn_status stream_sync(tn_device *device, tn_stream *stream, tn_error *error)
{
    (void)device, (void)stream, (void)error;
    waited_until = now;
    return TN_OK;
}

static tn_status event_create(tn_device *device, tn_event **event, tn_error *error)
{
    (void)device;
    *event = n_events < 2 ? calloc(1, sizeof **event) : NULL;
    if (!*event) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "there are %d events already", n_events);
    n_events++;
    return TN_OK;
}

static void event_destroy(tn_device *device, tn_event *event)
{
    (void)device;
    free(event);
    n_events--;
}

static tn_status event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    (void)device, (void)stream, (void)error;
    event->time = now;
    return TN_OK;
}

static tn_status event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds,
                               tn_error *error)
{
    (void)device;
    if (end->time > waited_until) return tn_fail(error, TN_INVALID, 0, "the event has not been reached");
    *nanoseconds = end->time - start->time;
    return TN_OK;
}

/* ---- copy: any strides, any dtype */

typedef struct copy_plan {
    tn_plan head;
    tn_tensor_desc from, to;
} copy_plan;

static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    const copy_plan *plan = (const copy_plan *)head;
    size_t size = tn_dtype_size(plan->from.dtype);
    const char *from = turned(bindings->in[0]);
    char *to = turned(bindings->out[0]);
    (void)stream, (void)error;
    now += 1000;
    for (int64_t k = 0; k < tn_desc_numel(&plan->from); k++) {
        int64_t rest = k, source = 0, target = 0;
        for (uint32_t d = plan->from.rank; d-- > 0; rest /= plan->from.dims[d]) {
            source += rest % plan->from.dims[d] * plan->from.strides[d];
            target += rest % plan->from.dims[d] * plan->to.strides[d];
        }
        memcpy(to + (size_t)target * size, from + (size_t)source * size, size);
    }
    return TN_OK;
}

static void destroy(tn_plan *plan)
{
    free(plan);
}

static tn_status check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device, (void)desc, (void)error;
    return TN_OK;
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                             tn_error *error)
{
    (void)self, (void)device;
    copy_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a plan");
    plan->head =
        (tn_plan){.struct_size = sizeof plan->head, .execute = execute, .destroy = destroy, .implementation = "far"};
    plan->from = *desc->in[0];
    plan->to = *desc->out[0];
    *out = &plan->head;
    return TN_OK;
}

static const tn_kernel kernels[] = {{TN_SCHEMA(copy), check, plan_create, NULL}};

QUERY
{
    base.name = "remote";
    base.kernels = kernels;
    base.n_kernels = 1;
    base.device_info = device_info;
    base.memory_alloc = memory_alloc;
    base.memory_free = memory_free;
    base.memory_copy = memory_copy;
    base.memory_fill = memory_fill;
    base.stream_sync = stream_sync;
    base.event_create = event_create;
    base.event_destroy = event_destroy;
    base.event_record = event_record;
    base.event_elapsed = event_elapsed;
    *plugin = &base;
    return TN_OK;
}
