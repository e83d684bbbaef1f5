/* SPDX-License-Identifier: Apache-2.0
 *
 * relu_grad_sum: rows are all dims but the last. Where there are too few columns to keep the device busy, rows are cut
 * into pieces, whose sums meet in a second launch, as those of other reductions do (reduce.c). */
#include "plugin.h"
#include "reduce.h"
#include "teams.h"

enum { EACH = 4 }; /* elements for a thread */

static gpu_relu_grad_sum_args args_of(const tn_op_desc *desc)
{
    const tn_tensor_desc *dy = desc->in[0], *y = desc->in[1], *dz = desc->out[0], *db = desc->out[1];
    const uint32_t last = dy->rank - 1;
    const int64_t *const columns[] = {&dy->strides[last], &y->strides[last], &dz->strides[last], &db->strides[0]};
    gpu_relu_grad_sum_args args = {
        .kept = gpu_nest_of(1, &dy->dims[last], 4, columns),
        .gone = gpu_nest_of(last, dy->dims, 3, (const int64_t *const[]){dy->strides, y->strides, dz->strides}),
        .dtype = dy->dtype,
        .to = db->dtype};
    const int in_columns =
        gpu_teams_in_columns(args.kept.n, gpu_nest_step(&args.kept, 0), args.gone.n, gpu_nest_step(&args.gone, 0));
    args.teams = gpu_teams_for(args.kept.n, args.gone.n, EACH, in_columns, GPU_THREADS);
    args.piece = args.gone.n;
    return args;
}

/* Operand `db` of the arguments' nest, as that of a nest of its own. */
static gpu_nest sums_of(const gpu_relu_grad_sum_args *args)
{
    gpu_nest kept = args->kept;
    kept.operands = 1;
    for (int d = 0; d < kept.rank; d++) kept.strides[0][d] = args->kept.strides[3][d];
    return kept;
}

static void launch(gpu_plan *plan, tn_device *device, const gpu_relu_grad_sum_args *args, int64_t pieces)
{
    gpu_grid grid = gpu_teams_grid(device, args->teams, args->kept.n);
    grid.y = (uint32_t)pieces;
    gpu_plan_launch(plan, GPU_relu_grad_sum, grid, args, sizeof *args);
    gpu_plan_bind(plan, offsetof(gpu_relu_grad_sum_args, dy), GPU_IN, 0, 0);
    gpu_plan_bind(plan, offsetof(gpu_relu_grad_sum_args, y), GPU_IN, 1, 0);
    gpu_plan_bind(plan, offsetof(gpu_relu_grad_sum_args, dz), GPU_OUT, 0, 0);
}

static void launch_pieces(gpu_plan *plan, tn_device *device, gpu_relu_grad_sum_args args, int64_t pieces)
{
    const uint64_t bytes = gpu_plan_workspace(plan, (uint64_t)(args.kept.n * pieces) * sizeof(double));
    const gpu_partials partials = {sums_of(&args), bytes, pieces};
    const tn_dtype dtype = args.to;
    args.kept = gpu_nest_with_dense(args.kept, 3);
    args.piece = (args.gone.n + pieces - 1) / pieces;
    args.next = args.kept.n;
    args.to = TN_F64;
    launch(plan, device, &args, pieces);
    gpu_plan_bind(plan, offsetof(gpu_relu_grad_sum_args, db), GPU_WORKSPACE, 0, bytes);
    gpu_plan_sum_of_partials(plan, device, &partials, 1, 1, dtype);
}

tn_status gpu_relu_grad_sum_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                 tn_error *error)
{
    const gpu_relu_grad_sum_args args = args_of(desc);
    const int64_t pieces = gpu_teams_pieces(device, args.teams, args.kept.n, args.gone.n);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:relu_grad_sum", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops *= 2;
    gpu_plan_head(plan)->flags |= TN_PLAN_ALIAS;
    if (args.kept.n && pieces > 1) {
        launch_pieces(plan, device, args, pieces);
    } else if (args.kept.n) {
        launch(plan, device, &args, 1);
        gpu_plan_bind(plan, offsetof(gpu_relu_grad_sum_args, db), GPU_OUT, 1, 0);
    }
    return gpu_plan_finish(plan, out, error);
}
