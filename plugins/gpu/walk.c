/* SPDX-License-Identifier: Apache-2.0
 *
 * From tensors to walks: dims in memory order, parts that 32 bits are enough for, and whether GPU_LANES elements may move
 * as one. */
#include "walk.h"

#include <string.h>

static const int64_t MOST_REACH = INT64_C(1) << 30;

/* ---- what is walked over */

/* The dims of a tensor, those of the longest stride first. */
static void order_of(const tn_tensor_desc *desc, uint32_t *order)
{
    for (uint32_t d = 0; d < desc->rank; d++) {
        uint32_t at = d;
        for (; at > 0 && desc->strides[order[at - 1]] < desc->strides[d]; at--) order[at] = order[at - 1];
        order[at] = d;
    }
}

gpu_route gpu_route_of(int n, const gpu_walked *of)
{
    const tn_tensor_desc *shape = of[0].desc;
    gpu_route route = {.nest = {0}};
    uint32_t order[TN_MAX_RANK];
    int64_t dims[TN_MAX_RANK], strides[4][TN_MAX_RANK];
    const int64_t *rows[4];
    order_of(shape, order);
    for (uint32_t d = 0; d < shape->rank; d++) dims[d] = shape->dims[order[d]];
    for (int k = 0; k < n; k++) {
        rows[k] = strides[k];
        for (uint32_t d = 0; d < shape->rank; d++) strides[k][d] = gpu_stride_of(of[k].desc, shape->rank, order[d]);
        route.of[k] = of[k];
        route.bytes[k] = of[k].desc ? tn_dtype_size(of[k].desc->dtype) : 1;
        route.alignment[k] = of[k].desc ? of[k].desc->alignment : 1;
    }
    route.nest = gpu_nest_of(shape->rank, dims, n, rows);
    return route;
}

tn_tensor_desc gpu_counter(const tn_tensor_desc *desc)
{
    tn_tensor_desc counter = *desc;
    int64_t stride = 1;
    counter.dtype = TN_U8;
    counter.alignment = 256;
    for (uint32_t d = desc->rank; d-- > 0; stride *= desc->dims[d]) counter.strides[d] = stride;
    return counter;
}

/* Are the elements of all operands, taken `by` at a time, larger elements? */
static int widens(const gpu_route *route, int by)
{
    const gpu_nest *nest = &route->nest;
    int last = nest->rank - 1;
    if (last < 0 || nest->dims[last] % by) return 0;
    for (int k = 0; k < nest->operands; k++) {
        if (nest->strides[k][last] != 1 || route->alignment[k] < route->bytes[k] * (uint64_t)by) return 0;
        for (int d = 0; d < last; d++)
            if (nest->strides[k][d] % by) return 0;
    }
    return 1;
}

void gpu_route_widen(gpu_route *route)
{
    gpu_nest *nest = &route->nest;
    int by = (int)(8 / route->bytes[0]);
    if (!widens(route, by)) by /= 2; /* halves of 8 bytes, no less: kernels know 1, 4 and 8 */
    if (by < 2 || !widens(route, by)) return;
    nest->n /= by;
    nest->dims[nest->rank - 1] /= by;
    for (int k = 0; k < nest->operands; k++) {
        route->bytes[k] *= (uint64_t)by;
        for (int d = 0; d < nest->rank - 1; d++) nest->strides[k][d] /= by;
    }
}

/* ---- parts */

void gpu_nest_cut(const gpu_nest *nest, const int64_t start[4], int64_t most,
                  void (*each)(void *arg, const gpu_nest *part, const int64_t start[4]), void *arg)
{
    int64_t farthest = 0, widest = 0, from[4];
    int dim = 0;
    for (int k = 0; k < nest->operands; k++) {
        int64_t reach = 0;
        for (int d = 0; d < nest->rank; d++) {
            int64_t width = (nest->dims[d] - 1) * nest->strides[k][d];
            reach += width;
            if (width > widest) widest = width, dim = d;
        }
        if (reach > farthest) farthest = reach;
    }
    if (farthest < most) {
        each(arg, nest, start);
        return;
    }
    int64_t size = nest->dims[dim], first = size > 2 * GPU_LANES ? size / 2 / GPU_LANES * GPU_LANES : size / 2;
    gpu_nest part = *nest;
    part.dims[dim] = first;
    part.n = nest->n / size * first;
    gpu_nest_cut(&part, start, most, each, arg);
    for (int k = 0; k < nest->operands; k++) from[k] = start[k] + first * nest->strides[k][dim];
    part.dims[dim] = size - first;
    part.n = nest->n / size * (size - first);
    gpu_nest_cut(&part, from, most, each, arg);
}

/* ---- walks */

/* May operand k move GPU_LANES elements along the last dim as one? Where it stays in its place there it is loaded once. */
static int packs(const gpu_nest *part, const gpu_route *route, int k, int64_t start)
{
    int last = part->rank - 1;
    uint64_t size = route->bytes[k] * GPU_LANES < 16 ? route->bytes[k] * GPU_LANES : 16;
    if (part->strides[k][last] == 0) return k > 0;
    if (part->strides[k][last] != 1 || route->alignment[k] < size || (uint64_t)start * route->bytes[k] % size) return 0;
    for (int d = 0; d < last; d++)
        if (part->strides[k][d] % GPU_LANES) return 0;
    return 1;
}

static int all_pack(const gpu_nest *part, const gpu_route *route, const int64_t start[4])
{
    if (part->rank == 0 || (part->rank > 1 && part->dims[part->rank - 1] % GPU_LANES)) return 0;
    for (int k = 0; k < part->operands; k++)
        if (!packs(part, route, k, start[k])) return 0;
    return 1;
}

static gpu_walk walk_of(const gpu_nest *part, const gpu_route *route, const int64_t start[4])
{
    gpu_walk walk = {.n = (uint32_t)part->n, .rank = part->rank, .packed = (uint32_t)all_pack(part, route, start)};
    for (int d = 0; d < part->rank; d++) walk.dims[d] = gpu_divisor_of((uint32_t)part->dims[d]);
    for (int k = 0; k < part->operands; k++) {
        for (int d = 0; d < part->rank; d++) walk.strides[k][d] = (uint32_t)part->strides[k][d];
        if (part->rank && part->strides[k][part->rank - 1] == 0) walk.flat |= 1u << k;
        if (route->of[k].counts) walk.first = start[k];
    }
    return walk;
}

typedef struct launching {
    gpu_plan *plan;
    const tn_device *device;
    const gpu_route *route;
    const gpu_walk_kernel *how;
    void *args;
    uint64_t args_bytes;
} launching;

static void launch_part(void *arg, const gpu_nest *part, const int64_t start[4])
{
    const launching *l = arg;
    const gpu_walk_kernel *how = l->how;
    gpu_walk walk = walk_of(part, l->route, start);
    gpu_grid grid = gpu_grid_for(l->device, part->n * (how->times ? how->times : 1),
                                 how->threads ? how->threads : GPU_WALK_THREADS, how->each ? how->each : GPU_LANES);
    grid.shared_bytes = how->shared_bytes;
    memcpy(l->args, &walk, sizeof walk);
    gpu_plan_launch(l->plan, how->kernel, grid, l->args, l->args_bytes);
    for (int k = 0; k < part->operands; k++) {
        const gpu_walked *of = &l->route->of[k];
        if (of->desc && !of->counts)
            gpu_plan_bind(l->plan, offsetof(gpu_walk, base) + (uint64_t)k * sizeof(void *), of->kind, of->index,
                          (uint64_t)start[k] * l->route->bytes[k]);
    }
    if (how->rng) gpu_plan_bind(l->plan, how->rng, GPU_IN, 1, 0);
}

void gpu_route_launch(gpu_plan *plan, const tn_device *device, const gpu_route *route, const gpu_walk_kernel *how,
                      void *args, uint64_t args_bytes)
{
    static const int64_t origin[4];
    launching l = {plan, device, route, how, args, args_bytes};
    if (route->nest.n) gpu_nest_cut(&route->nest, origin, MOST_REACH, launch_part, &l);
}
