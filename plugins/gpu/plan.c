/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans that are lists of launches with holes for addresses. */
#include "args.h"
#include "gpu.h"

#include <assert.h>
#include <string.h>

enum { ALIGNMENT = 256 };

typedef struct hole {
    uint32_t offset; /* in the launch's arguments */
    uint16_t kind;   /* gpu_operand */
    uint16_t index;
    uint64_t bytes; /* added to the address */
} hole;

typedef struct launch {
    gpu_kernel kernel;
    gpu_grid grid;
    uint32_t args, args_bytes; /* where in the plan's argument bytes */
    uint32_t first_hole, n_holes;
} launch;

struct gpu_plan {
    tn_plan head;
    char operator_name[40];
    char implementation[64];
    launch *launches;
    hole *holes;
    char *args;
    uint32_t n_launches, launch_room, n_holes, hole_room, args_used, args_room;
    int no_memory;
};

static void destroy(tn_plan *head)
{
    gpu_plan *plan = (gpu_plan *)head;
    gpu_host->free(plan->launches);
    gpu_host->free(plan->holes);
    gpu_host->free(plan->args);
    gpu_host->free(plan);
}

static void *address(const hole *h, const tn_bindings *at)
{
    char *base = h->kind == GPU_IN ? at->in[h->index] : h->kind == GPU_OUT ? at->out[h->index] : at->workspace;
    return base ? base + h->bytes : NULL;
}

static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *at, tn_error *error)
{
    const gpu_plan *plan = (const gpu_plan *)head;
    gpu_note(stream, plan->operator_name, plan->implementation);
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        const launch *l = &plan->launches[i];
        union {
            char bytes[GPU_MOST_ARGS];
            uint64_t aligned;
        } args;
        memcpy(args.bytes, plan->args + l->args, l->args_bytes);
        for (uint32_t k = l->first_hole; k < l->first_hole + l->n_holes; k++) {
            void *pointer = address(&plan->holes[k], at);
            memcpy(args.bytes + plan->holes[k].offset, &pointer, sizeof pointer);
        }
        GPU_TRY(gpu_launch(stream, l->kernel, l->grid, args.bytes, error));
    }
    return TN_OK;
}

/* ---- making */

uint64_t gpu_bytes_moved(const tn_op_desc *desc)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < desc->n_in + desc->n_out; i++) {
        const tn_tensor_desc *d = i < desc->n_in ? desc->in[i] : desc->out[i - desc->n_in];
        if (d) bytes += gpu_bytes_of(d);
    }
    return bytes;
}

static uint64_t operations(const tn_op_desc *desc)
{
    const tn_tensor_desc *d = desc->n_out ? desc->out[0] : desc->n_in ? desc->in[0] : NULL;
    return d ? (uint64_t)tn_desc_numel(d) : 0;
}

gpu_plan *gpu_plan_new(const tn_op_desc *desc, const char *implementation, tn_error *error)
{
    gpu_plan *plan = gpu_host->alloc(sizeof *plan, ALIGNMENT);
    if (!plan) {
        tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no host memory for a plan", desc->name);
        return NULL;
    }
    *plan = (gpu_plan){.head = {.struct_size = sizeof plan->head,
                                .execute = execute,
                                .destroy = destroy,
                                .implementation = plan->implementation,
                                .flops = operations(desc),
                                .bytes_moved = gpu_bytes_moved(desc),
                                .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE | TN_PLAN_CONCURRENT}};
    snprintf(plan->operator_name, sizeof plan->operator_name, "%s", desc->name);
    snprintf(plan->implementation, sizeof plan->implementation, "%s", implementation);
    return plan;
}

/* Gives the array at `array` (a pointer) room for `wanted` items of `size` bytes. 0 if there is no memory: the array is
 * then as it was. */
static int grow(void *array, uint32_t used, uint32_t *room, uint32_t wanted, uint64_t size)
{
    if (wanted <= *room) return 1;
    uint32_t larger = wanted > 2 * *room ? wanted : 2 * *room;
    void *old, *memory = gpu_host->alloc(larger * size, ALIGNMENT);
    if (!memory) return 0;
    memcpy(&old, array, sizeof old);
    if (used) memcpy(memory, old, used * size);
    gpu_host->free(old);
    memcpy(array, &memory, sizeof memory);
    *room = larger;
    return 1;
}

/* Every kernel's arguments fit. */
#define GPU_KERNEL(name, args) \
    _Static_assert(sizeof(args) <= GPU_MOST_ARGS, "the arguments of " #name " are more than every GPU takes");
#include "kernels.h"
#undef GPU_KERNEL

void gpu_plan_launch(gpu_plan *plan, gpu_kernel kernel, gpu_grid grid, const void *args, uint64_t args_bytes)
{
    uint32_t size = (uint32_t)((args_bytes + 7) / 8 * 8);
    assert(args_bytes <= GPU_MOST_ARGS);
    if (!grow(&plan->launches, plan->n_launches, &plan->launch_room, plan->n_launches + 1, sizeof *plan->launches) ||
        !grow(&plan->args, plan->args_used, &plan->args_room, plan->args_used + size, 1))
        plan->no_memory = 1;
    if (plan->no_memory) return;
    memcpy(plan->args + plan->args_used, args, args_bytes);
    plan->launches[plan->n_launches++] =
        (launch){kernel, grid, plan->args_used, (uint32_t)args_bytes, plan->n_holes, 0};
    plan->args_used += size;
}

void gpu_plan_bind(gpu_plan *plan, uint64_t offset, gpu_operand kind, uint64_t index, uint64_t bytes)
{
    if (!grow(&plan->holes, plan->n_holes, &plan->hole_room, plan->n_holes + 1, sizeof *plan->holes))
        plan->no_memory = 1;
    if (plan->no_memory) return;
    plan->holes[plan->n_holes++] = (hole){(uint32_t)offset, (uint16_t)kind, (uint16_t)index, bytes};
    plan->launches[plan->n_launches - 1].n_holes++;
}

void gpu_plan_name(gpu_plan *plan, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(plan->implementation, sizeof plan->implementation, format, args);
    va_end(args);
}

uint64_t gpu_plan_workspace(gpu_plan *plan, uint64_t bytes)
{
    uint64_t offset = (plan->head.workspace_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    plan->head.workspace_bytes = offset + bytes;
    return offset;
}

tn_plan *gpu_plan_head(gpu_plan *plan)
{
    return &plan->head;
}

void gpu_plan_remark(tn_plan *head, const char *remark)
{
    char *name = ((gpu_plan *)head)->implementation;
    size_t used = strlen(name);
    snprintf(name + used, sizeof((gpu_plan *)head)->implementation - used, "%s", remark);
}

tn_status gpu_plan_finish(gpu_plan *plan, tn_plan **out, tn_error *error)
{
    if (plan->no_memory) {
        destroy(&plan->head);
        return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for a plan");
    }
    *out = &plan->head;
    return TN_OK;
}
