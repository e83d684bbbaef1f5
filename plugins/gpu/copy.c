/* SPDX-License-Identifier: Apache-2.0
 *
 * fill, copy, where: they know only how many bytes an element has. */
#include "number.h"
#include "plugin.h"
#include "walk.h"

/* ---- fill */

tn_status gpu_fill_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                        tn_error *error)
{
    const tn_tensor_desc *y = desc->in[0];
    const gpu_walk_kernel how = {.kernel = GPU_fill};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:fill", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_route route = gpu_route_of(1, &(gpu_walked){y, GPU_IN, 0, 0});
    gpu_fill_args args = {.bits = gpu_bits_of(y->dtype, ((const tn_scalar_attrs *)desc->attrs)->value)};
    gpu_route_widen(&route);
    args.bytes = route.bytes[0];
    for (uint64_t bytes = tn_dtype_size(y->dtype); bytes < args.bytes; bytes *= 2) args.bits |= args.bits << 8 * bytes;
    gpu_route_launch(plan, device, &route, &how, &args, sizeof args);
    return gpu_plan_finish(plan, out, error);
}

/* ---- copy */

enum { LEAST_SIDE = 8, LEAST_ELEMENTS = GPU_TILE * GPU_TILE }; /* from which on a transpose pays */

/* The dim along which x goes by single steps, if y does so along the last dim and x does not; else -1. */
static int transposed_dim(const gpu_nest *nest)
{
    int last = nest->rank - 1;
    if (nest->n < LEAST_ELEMENTS || last < 1 || nest->strides[0][last] != 1 || nest->strides[1][last] <= 1) return -1;
    if (nest->dims[last] < LEAST_SIDE || nest->dims[last] > INT32_MAX) return -1;
    for (int d = 0; d < last; d++)
        if (nest->strides[1][d] == 1 && nest->dims[d] >= LEAST_SIDE && nest->dims[d] <= INT32_MAX &&
            nest->strides[0][d] <= INT32_MAX && nest->strides[1][last] <= INT32_MAX)
            return d;
    return -1;
}

/* Takes dim `rows` and the last out of the walk, which is then one from plane to plane. */
static void launch_transpose(gpu_plan *plan, const tn_device *device, gpu_route *route, int rows)
{
    gpu_nest *nest = &route->nest;
    int last = nest->rank - 1;
    gpu_transpose_args args = {.rows = (uint32_t)nest->dims[rows],
                               .columns = (uint32_t)nest->dims[last],
                               .row_stride = (uint32_t)nest->strides[0][rows],
                               .column_stride = (uint32_t)nest->strides[1][last],
                               .bytes = route->bytes[0]};
    args.row_tiles = (args.rows + GPU_TILE - 1) / GPU_TILE;
    args.column_tiles = (args.columns + GPU_TILE - 1) / GPU_TILE;
    nest->n /= nest->dims[rows] * nest->dims[last];
    for (int d = rows; d < last; d++) {
        nest->dims[d] = nest->dims[d + 1];
        for (int k = 0; k < 2; k++) nest->strides[k][d] = nest->strides[k][d + 1];
    }
    nest->rank = last - 1;
    const gpu_walk_kernel how = {.kernel = GPU_transpose,
                                 .threads = GPU_TILE_THREADS,
                                 .each = 1,
                                 .times = (int64_t)args.row_tiles * args.column_tiles * GPU_TILE_THREADS,
                                 .shared_bytes = (uint32_t)(GPU_TILE * (GPU_TILE + 1) * args.bytes)};
    gpu_route_launch(plan, device, route, &how, &args, sizeof args);
}

tn_status gpu_copy_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                        tn_error *error)
{
    const gpu_walked of[2] = {{desc->out[0], GPU_OUT, 0, 0}, {desc->in[0], GPU_IN, 0, 0}};
    const gpu_walk_kernel how = {.kernel = GPU_copy};
    gpu_route route = gpu_route_of(2, of);
    int rows = transposed_dim(&route.nest);
    gpu_plan *plan = gpu_plan_new(desc, rows < 0 ? "gpu:copy" : "gpu:transpose", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    if (rows < 0) {
        gpu_route_widen(&route);
        gpu_copy_args args = {.bytes = route.bytes[0]};
        gpu_route_launch(plan, device, &route, &how, &args, sizeof args);
    } else {
        launch_transpose(plan, device, &route, rows);
    }
    gpu_plan_head(plan)->flags |= TN_PLAN_ALIAS; /* equal descriptors are never transposed */
    return gpu_plan_finish(plan, out, error);
}

/* ---- where */

tn_status gpu_where_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                         tn_error *error)
{
    const gpu_walked of[4] = {{desc->out[0], GPU_OUT, 0, 0},
                              {desc->in[0], GPU_IN, 0, 0},
                              {desc->in[1], GPU_IN, 1, 0},
                              {desc->in[2], GPU_IN, 2, 0}};
    const gpu_walk_kernel how = {.kernel = GPU_where};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:where", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_route route = gpu_route_of(4, of);
    gpu_where_args args = {.bytes = route.bytes[0]};
    gpu_route_launch(plan, device, &route, &how, &args, sizeof args);
    gpu_plan_head(plan)->flags |= TN_PLAN_ALIAS;
    return gpu_plan_finish(plan, out, error);
}
