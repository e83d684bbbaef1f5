/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows by index: index_select, gather_scale, and index_add. A row is all that follows dim 0. */
#include "nest.h"
#include "plugin.h"

enum {
    WIDE = 16,      /* bytes that a thread copies at once */
    TILES_EACH = 4, /* blocks of rows for a multiprocessor, in index_add */
    SUMS = 4096     /* that a block of it keeps in shared memory */
};

/* The walk over one row; operands: y, x, which may be of different counts of rows. */
static gpu_nest row_of(const tn_tensor_desc *y, const tn_tensor_desc *x)
{
    return gpu_nest_of(y->rank - 1, y->dims + 1, 2, (const int64_t *const[]){y->strides + 1, x->strides + 1});
}

/* ---- index_select, gather_scale */

/* Can rows be taken `n` elements at a time, as far as strides go? */
static int may_be_wide(const gpu_index_select_args *args, int64_t n)
{
    return gpu_nest_dense(&args->row) && args->row.n % n == 0 && args->y_row % n == 0 && args->x_row % n == 0;
}

static gpu_index_select_args gather_of(const tn_op_desc *desc)
{
    const tn_tensor_desc *x = desc->in[0], *index = desc->in[1], *y = desc->out[0];
    return (gpu_index_select_args){.n = y->dims[0],
                                   .x_rows = x->dims[0],
                                   .index_stride = index->strides[0],
                                   .y_row = y->strides[0],
                                   .x_row = x->strides[0],
                                   .row = row_of(y, x),
                                   .unit = (int32_t)tn_dtype_size(x->dtype),
                                   .wide = 1};
}

/* Bytes of the rows that are read, not of the whole table. */
static uint64_t bytes_gathered(const tn_op_desc *desc)
{
    const tn_tensor_desc *x = desc->in[0], *index = desc->in[1], *y = desc->out[0];
    return gpu_bytes_of(y) + (uint64_t)tn_desc_numel(y) * tn_dtype_size(x->dtype) + gpu_bytes_of(index);
}

static tn_status gather_plan(tn_device *device, const tn_op_desc *desc, gpu_kernel kernel,
                             const gpu_index_select_args *args, gpu_plan *plan, tn_plan **out, tn_error *error)
{
    const int64_t n = args->n * args->row.n / args->wide;
    gpu_plan_head(plan)->bytes_moved = bytes_gathered(desc);
    if (n) {
        gpu_plan_launch(plan, kernel, gpu_grid_for(device, n, GPU_GATHER_THREADS, 1), args, sizeof *args);
        gpu_plan_bind(plan, offsetof(gpu_index_select_args, x), GPU_IN, 0, 0);
        gpu_plan_bind(plan, offsetof(gpu_index_select_args, index), GPU_IN, 1, 0);
        gpu_plan_bind(plan, offsetof(gpu_index_select_args, y), GPU_OUT, 0, 0);
    }
    return gpu_plan_finish(plan, out, error);
}

tn_status gpu_index_select_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                tn_error *error)
{
    gpu_index_select_args args = gather_of(desc);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:index_select", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = 0;
    if (may_be_wide(&args, WIDE / args.unit)) args.wide = WIDE / args.unit;
    return gather_plan(device, desc, GPU_index_select, &args, plan, out, error);
}

tn_status gpu_gather_scale_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                tn_error *error)
{
    const tn_gather_scale_attrs *attrs = desc->attrs;
    gpu_gather_scale_args args = gather_of(desc);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:gather_scale", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops *= 2;
    args.scale = (float)attrs->scale;
    args.shift = (float)attrs->shift;
    if (may_be_wide(&args, 4)) args.wide = 4;
    return gather_plan(device, desc, GPU_gather_scale, &args, plan, out, error);
}

/* ---- index_add */

/* Rows of dx for a block: enough blocks for all multiprocessors, and no more rows than it has shared memory for. */
static gpu_grid index_add_grid(const tn_device *device, gpu_index_add_args *args)
{
    enum { MOST = 65535 };
    const int64_t width = args->row.n < GPU_THREADS ? args->row.n : GPU_THREADS,
                  columns = (args->row.n + width - 1) / width;
    const int64_t wanted = TILES_EACH * (int64_t)gpu_limits_of(device)->multiprocessors;
    args->tile = (args->rows + wanted - 1) / wanted;
    if (args->tile > SUMS / width) args->tile = SUMS / width;
    return (gpu_grid){.x = (uint32_t)((args->rows + args->tile - 1) / args->tile),
                      .y = (uint32_t)(columns < MOST ? columns : MOST),
                      .z = 1,
                      .threads = GPU_THREADS,
                      .shared_bytes = (uint32_t)(args->tile * width) * sizeof(double)};
}

tn_status gpu_index_add_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                             tn_error *error)
{
    const tn_tensor_desc *dy = desc->in[0], *index = desc->in[1], *dx = desc->out[0];
    gpu_index_add_args args = {.n = dy->dims[0],
                               .rows = dx->dims[0],
                               .index_stride = index->strides[0],
                               .dx_row = dx->strides[0],
                               .dy_row = dy->strides[0],
                               .row = row_of(dx, dy),
                               .dtype = dx->dtype};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:index_add", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = (uint64_t)tn_desc_numel(dy);
    if (tn_desc_numel(dx)) {
        gpu_grid grid = index_add_grid(device, &args);
        gpu_plan_launch(plan, GPU_index_add, grid, &args, sizeof args);
        gpu_plan_bind(plan, offsetof(gpu_index_add_args, dy), GPU_IN, 0, 0);
        gpu_plan_bind(plan, offsetof(gpu_index_add_args, index), GPU_IN, 1, 0);
        gpu_plan_bind(plan, offsetof(gpu_index_add_args, dx), GPU_OUT, 0, 0);
    }
    return gpu_plan_finish(plan, out, error);
}
