/* SPDX-License-Identifier: Apache-2.0
 *
 * sum, mean, max, min over any dims. Where there are too few results to keep the device busy, their elements are cut
 * into pieces, whose results go to the workspace as f64 or i64 and are folded by a second launch. */
#include "reduce.h"
#include "number.h"
#include "plugin.h"
#include "teams.h"

enum { EACH = 4, PARTIAL = 8 }; /* elements for a thread; bytes of a result of a piece */

struct gpu_reduction {
    const char *implementation;
    int32_t fold;
    int mean;
};
const gpu_reduction gpu_reduction_sum = {"gpu:sum", GPU_REDUCE_SUM, 0},
                    gpu_reduction_mean = {"gpu:mean", GPU_REDUCE_SUM, 1},
                    gpu_reduction_max = {"gpu:max", GPU_REDUCE_MAX, 0},
                    gpu_reduction_min = {"gpu:min", GPU_REDUCE_MIN, 0};

static gpu_teams teams_of(const gpu_reduce_args *args)
{
    int columns =
        gpu_teams_in_columns(args->kept.n, gpu_nest_step(&args->kept, 1), args->gone.n, gpu_nest_step(&args->gone, 0));
    return gpu_teams_for(args->kept.n, args->gone.n, EACH, columns, GPU_REDUCE_THREADS);
}

/* All of it in one stage: x and y are bound by the caller. */
static void launch_whole(gpu_plan *plan, tn_device *device, gpu_reduce_args *args)
{
    args->teams = teams_of(args);
    args->piece = args->gone.n;
    gpu_plan_launch(plan, GPU_reduce, gpu_teams_grid(device, args->teams, args->kept.n), args, sizeof *args);
}

/* n results of each of `pieces` pieces lie in the workspace, a piece after the other. */
static void launch_partials(gpu_plan *plan, tn_device *device, gpu_reduce_args args, int64_t pieces, uint64_t bytes)
{
    const int64_t n = args.kept.n;
    args.kept = gpu_nest_with_dense(args.kept, 1);
    args.gone = gpu_nest_of(1, &pieces, 1, (const int64_t *const[]){&n});
    launch_whole(plan, device, &args);
    gpu_plan_bind(plan, offsetof(gpu_reduce_args, x), GPU_WORKSPACE, 0, bytes);
}

static void launch_pieces(gpu_plan *plan, tn_device *device, gpu_reduce_args args, int64_t pieces)
{
    const uint64_t bytes = gpu_plan_workspace(plan, (uint64_t)(args.kept.n * pieces) * PARTIAL);
    gpu_reduce_args first = args;
    gpu_grid grid = gpu_teams_grid(device, args.teams, args.kept.n);
    first.kept = gpu_nest_with_dense(args.kept, 0);
    first.piece = (args.gone.n + pieces - 1) / pieces;
    first.next = args.kept.n;
    first.divisor = 1;
    first.to = args.from = gpu_dtype_is_real(args.from) ? TN_F64 : TN_I64;
    grid.y = (uint32_t)pieces;
    gpu_plan_launch(plan, GPU_reduce, grid, &first, sizeof first);
    gpu_plan_bind(plan, offsetof(gpu_reduce_args, x), GPU_IN, 0, 0);
    gpu_plan_bind(plan, offsetof(gpu_reduce_args, y), GPU_WORKSPACE, 0, bytes);
    launch_partials(plan, device, args, pieces, bytes);
}

/* A sum of bools says whether any is set, which is their largest; of no elements, the smallest i64, whose lowest byte
 * is 0. */
static gpu_reduce_args args_of(const gpu_reduction *how, const tn_op_desc *desc)
{
    const tn_reduce_attrs *attrs = desc->attrs;
    const tn_tensor_desc *x = desc->in[0], *y = desc->out[0];
    gpu_reduce_args args = {.kept = gpu_nest_kept(y, x, attrs->dims, attrs->keepdim != 0),
                            .gone = gpu_nest_gone(x, attrs->dims),
                            .divisor = 1,
                            .fold = x->dtype == TN_BOOL && how->fold == GPU_REDUCE_SUM ? GPU_REDUCE_MAX : how->fold,
                            .from = x->dtype,
                            .to = y->dtype};
    if (how->mean) args.divisor = (double)args.gone.n;
    return args;
}

tn_status gpu_reduce_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                          tn_error *error)
{
    const gpu_reduction *how = self->data;
    gpu_reduce_args args = args_of(how, desc);
    gpu_plan *plan = gpu_plan_new(desc, how->implementation, error);
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = (uint64_t)tn_desc_numel(desc->in[0]);
    args.teams = teams_of(&args);
    const int64_t pieces = gpu_teams_pieces(device, args.teams, args.kept.n, args.gone.n);
    if (args.kept.n && pieces > 1)
        launch_pieces(plan, device, args, pieces);
    else if (args.kept.n)
        launch_whole(plan, device, &args);
    if (args.kept.n) gpu_plan_bind(plan, offsetof(gpu_reduce_args, y), GPU_OUT, 0, 0);
    if (args.kept.n && pieces == 1) gpu_plan_bind(plan, offsetof(gpu_reduce_args, x), GPU_IN, 0, 0);
    return gpu_plan_finish(plan, out, error);
}

void gpu_plan_sum_of_partials(gpu_plan *plan, tn_device *device, const gpu_partials *partials, double divisor,
                              uint64_t out, tn_dtype dtype)
{
    gpu_reduce_args args = {
        .kept = partials->kept, .divisor = divisor, .fold = GPU_REDUCE_SUM, .from = TN_F64, .to = dtype};
    args.kept.operands = 2;
    launch_partials(plan, device, args, partials->n, partials->bytes);
    gpu_plan_bind(plan, offsetof(gpu_reduce_args, y), GPU_OUT, out, 0);
}
