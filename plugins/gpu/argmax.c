/* SPDX-License-Identifier: Apache-2.0
 *
 * argmax: a reduction of pairs, in two stages like the others (reduce.c) where there are few results. */
#include "number.h"
#include "plugin.h"
#include "teams.h"

enum { EACH = 2, PARTIAL = 8 }; /* elements for a thread; bytes of a value, and of an index, of a piece */

static gpu_teams teams_of(const gpu_argmax_args *args)
{
    int columns = gpu_teams_in_columns(args->kept.n, gpu_nest_step(&args->kept, 1), args->n, args->stride);
    return gpu_teams_for(args->kept.n, args->n, EACH, columns, GPU_ARGMAX_THREADS);
}

static void launch_whole(gpu_plan *plan, tn_device *device, gpu_argmax_args *args)
{
    args->teams = teams_of(args);
    args->piece = args->n;
    gpu_plan_launch(plan, GPU_argmax, gpu_teams_grid(device, args->teams, args->kept.n), args, sizeof *args);
    gpu_plan_bind(plan, offsetof(gpu_argmax_args, y), GPU_OUT, 0, 0);
}

static void launch_pieces(gpu_plan *plan, tn_device *device, gpu_argmax_args args, int64_t pieces)
{
    const uint64_t each = (uint64_t)(args.kept.n * pieces) * PARTIAL;
    const uint64_t values = gpu_plan_workspace(plan, each), indices = gpu_plan_workspace(plan, each);
    gpu_argmax_args first = args;
    gpu_grid grid = gpu_teams_grid(device, args.teams, args.kept.n);
    first.kept = gpu_nest_with_dense(args.kept, 0);
    first.piece = (args.n + pieces - 1) / pieces;
    first.next = args.kept.n;
    grid.y = (uint32_t)pieces;
    gpu_plan_launch(plan, GPU_argmax, grid, &first, sizeof first);
    gpu_plan_bind(plan, offsetof(gpu_argmax_args, x), GPU_IN, 0, 0);
    gpu_plan_bind(plan, offsetof(gpu_argmax_args, y), GPU_WORKSPACE, 0, indices);
    gpu_plan_bind(plan, offsetof(gpu_argmax_args, values), GPU_WORKSPACE, 0, values);

    args.kept = gpu_nest_with_dense(args.kept, 1);
    args.n = pieces;
    args.stride = first.kept.n;
    args.from = gpu_dtype_is_real(args.from) ? TN_F64 : TN_I64;
    launch_whole(plan, device, &args);
    gpu_plan_bind(plan, offsetof(gpu_argmax_args, x), GPU_WORKSPACE, 0, values);
    gpu_plan_bind(plan, offsetof(gpu_argmax_args, index), GPU_WORKSPACE, 0, indices);
}

tn_status gpu_argmax_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                          tn_error *error)
{
    const tn_argmax_attrs *attrs = desc->attrs;
    const tn_tensor_desc *x = desc->in[0];
    gpu_argmax_args args = {.kept = gpu_nest_kept(desc->out[0], x, INT64_C(1) << attrs->dim, attrs->keepdim != 0),
                            .n = x->dims[attrs->dim],
                            .stride = x->strides[attrs->dim],
                            .from = x->dtype};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:argmax", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = (uint64_t)tn_desc_numel(x);
    args.teams = teams_of(&args);
    const int64_t pieces = gpu_teams_pieces(device, args.teams, args.kept.n, args.n);
    if (args.kept.n && pieces > 1) {
        launch_pieces(plan, device, args, pieces);
    } else if (args.kept.n) {
        launch_whole(plan, device, &args);
        gpu_plan_bind(plan, offsetof(gpu_argmax_args, x), GPU_IN, 0, 0);
    }
    return gpu_plan_finish(plan, out, error);
}
