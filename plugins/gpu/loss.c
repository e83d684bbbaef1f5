/* SPDX-License-Identifier: Apache-2.0
 *
 * Classification: nll_loss, softmax_cross_entropy and its gradient, one_hot. x, p, dx: N C, target: N. The loss of a
 * batch that one block can take comes from one launch; else each block leaves its sum in the workspace. */
#include "plugin.h"
#include "reduce.h"
#include "teams.h"

enum {
    ROUNDS = 4,     /* of all its teams that one block may take before others should help */
    FLOPS_EACH = 4, /* of an element of softmax */
    PARTIAL = 8     /* bytes of a block's sum */
};

static gpu_matrix matrix_of(const tn_tensor_desc *x)
{
    return (gpu_matrix){.row = x->strides[0], .column = x->strides[1]};
}

/* ---- nll_loss, softmax_cross_entropy */

static gpu_cross_entropy_args args_of(const tn_op_desc *desc)
{
    const tn_tensor_desc *x = desc->in[0], *target = desc->in[1];
    return (gpu_cross_entropy_args){.x = matrix_of(x),
                                    .target_stride = target->strides[0],
                                    .rows = x->dims[0],
                                    .classes = x->dims[1],
                                    .dtype = x->dtype};
}

/* Blocks for rows of which one block takes `at_once`. */
static uint32_t blocks_for(const tn_device *device, int64_t rows, int64_t at_once)
{
    const int64_t most = 2 * (int64_t)gpu_limits_of(device)->multiprocessors, blocks = (rows + at_once - 1) / at_once;
    return blocks <= ROUNDS ? 1 : (uint32_t)(blocks < most ? blocks : most);
}

static void launch(gpu_plan *plan, tn_device *device, gpu_kernel kernel, gpu_grid grid,
                   const gpu_cross_entropy_args *args)
{
    gpu_plan_launch(plan, kernel, grid, args, sizeof *args);
    gpu_plan_bind(plan, offsetof(gpu_cross_entropy_args, x.at), GPU_IN, 0, 0);
    gpu_plan_bind(plan, offsetof(gpu_cross_entropy_args, target), GPU_IN, 1, 0);
    if (kernel == GPU_cross_entropy) gpu_plan_bind(plan, offsetof(gpu_cross_entropy_args, p.at), GPU_OUT, 1, 0);
    if (grid.x == 1) {
        gpu_plan_bind(plan, offsetof(gpu_cross_entropy_args, loss), GPU_OUT, 0, 0);
    } else {
        const uint64_t sums = gpu_plan_workspace(plan, (uint64_t)grid.x * PARTIAL);
        gpu_plan_bind(plan, offsetof(gpu_cross_entropy_args, losses), GPU_WORKSPACE, 0, sums);
        const gpu_partials partials = {{.n = 1}, sums, grid.x};
        gpu_plan_sum_of_partials(plan, device, &partials, (double)args->rows, 0, args->dtype);
    }
}

tn_status gpu_nll_loss_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                            tn_error *error)
{
    gpu_nll_args args = args_of(desc);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:nll_loss", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = (uint64_t)args.rows;
    gpu_grid grid = {.x = blocks_for(device, args.rows, GPU_THREADS), .y = 1, .z = 1, .threads = GPU_THREADS};
    launch(plan, device, GPU_nll, grid, &args);
    return gpu_plan_finish(plan, out, error);
}

/* As many teams as one block has room for: a batch of 64 rows of 10 classes is one round of 64 teams of 16. */
static gpu_teams teams_of(const gpu_cross_entropy_args *args)
{
    gpu_teams teams = gpu_teams_for(args->rows, args->classes, 1, 0, GPU_LOSS_THREADS);
    while (teams.teams < args->rows && teams.teams * teams.size < GPU_LOSS_THREADS) teams.teams *= 2;
    return teams;
}

tn_status gpu_cross_entropy_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                 tn_error *error)
{
    gpu_cross_entropy_args args = args_of(desc);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:softmax_cross_entropy", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = FLOPS_EACH * (uint64_t)(args.rows * args.classes);
    args.p = matrix_of(desc->out[1]);
    args.teams = teams_of(&args);
    gpu_grid grid = {.x = blocks_for(device, args.rows, args.teams.teams),
                     .y = 1,
                     .z = 1,
                     .threads = (uint32_t)(args.teams.teams * args.teams.size)};
    launch(plan, device, GPU_cross_entropy, grid, &args);
    return gpu_plan_finish(plan, out, error);
}

/* ---- softmax_cross_entropy_grad */

tn_status gpu_cross_entropy_grad_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                      tn_error *error)
{
    const tn_tensor_desc *p = desc->in[1];
    const int64_t n = tn_desc_numel(p);
    gpu_cross_entropy_grad_args args = {.p = matrix_of(p),
                                        .dx = matrix_of(desc->out[0]),
                                        .target_stride = desc->in[2]->strides[0],
                                        .rows = p->dims[0],
                                        .classes = p->dims[1],
                                        .dtype = p->dtype};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:softmax_cross_entropy_grad", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = 2 * (uint64_t)n;
    if (n) {
        gpu_plan_launch(plan, GPU_cross_entropy_grad, gpu_grid_for(device, n, GPU_THREADS, 1), &args, sizeof args);
        gpu_plan_bind(plan, offsetof(gpu_cross_entropy_grad_args, dy), GPU_IN, 0, 0);
        gpu_plan_bind(plan, offsetof(gpu_cross_entropy_grad_args, p.at), GPU_IN, 1, 0);
        gpu_plan_bind(plan, offsetof(gpu_cross_entropy_grad_args, target), GPU_IN, 2, 0);
        gpu_plan_bind(plan, offsetof(gpu_cross_entropy_grad_args, dx.at), GPU_OUT, 0, 0);
    }
    return gpu_plan_finish(plan, out, error);
}

/* ---- one_hot */

tn_status gpu_one_hot_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                           tn_error *error)
{
    const tn_tensor_desc *index = desc->in[0], *y = desc->out[0];
    gpu_one_hot_args args = {
        .nest = gpu_nest_of(index->rank, index->dims, 2, (const int64_t *const[]){y->strides, index->strides}),
        .classes = y->dims[index->rank],
        .class_stride = y->strides[index->rank]};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:one_hot", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = 0;
    if (args.nest.n) {
        gpu_plan_launch(plan, GPU_one_hot, gpu_grid_for(device, tn_desc_numel(y), GPU_THREADS, 1), &args, sizeof args);
        gpu_plan_bind(plan, offsetof(gpu_one_hot_args, y), GPU_OUT, 0, 0);
        gpu_plan_bind(plan, offsetof(gpu_one_hot_args, index), GPU_IN, 0, 0);
    }
    return gpu_plan_finish(plan, out, error);
}
