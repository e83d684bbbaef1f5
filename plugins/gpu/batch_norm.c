/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_norm2d and its gradient: where sums are needed, one kernel takes them over parts of the channels, and the next
 * adds up the parts and writes the result. */
#include "nest.h"
#include "plugin.h"

/* How channels are shared out: lanes side by side take channels that lie side by side. */
static void cut(gpu_norm_args *args, const tn_device *device)
{
    enum { PIXELS_EACH = 8, MOST_PARTS = 64, BLOCKS_EACH = 4 };
    const int32_t teams = args->channel_strides[0] == 1 && args->channels >= 8 ? 32 : 1;
    const int64_t rounds = (args->channels + teams - 1) / teams, least = GPU_THREADS / teams * PIXELS_EACH;
    int64_t parts = (int64_t)gpu_limits_of(device)->multiprocessors * BLOCKS_EACH / (rounds > 0 ? rounds : 1);
    if (parts > MOST_PARTS) parts = MOST_PARTS;
    if (parts > args->pixels.n / least) parts = args->pixels.n / least;
    if (parts < 1) parts = 1;
    args->teams = (gpu_teams){.teams = teams, .size = GPU_THREADS / teams, .columns = teams > 1};
    args->each = (args->pixels.n + parts - 1) / parts;
    args->parts = parts;
}

/* dy may be NULL. */
static gpu_norm_args describe(const tn_device *device, const tn_tensor_desc *x, const tn_tensor_desc *dy,
                              const tn_tensor_desc *y)
{
    const tn_tensor_desc *images[] = {x, dy ? dy : x, y};
    int64_t dims[3] = {x->dims[0], x->dims[2], x->dims[3]}, strides[3][3];
    const int64_t *rows[] = {strides[0], strides[1], strides[2]};
    gpu_norm_args args = {.channels = x->dims[1], .backward = dy != NULL};
    for (int k = 0; k < 3; k++) {
        const int64_t *from = images[k]->strides;
        args.channel_strides[k] = from[1];
        strides[k][0] = from[0];
        strides[k][1] = from[2];
        strides[k][2] = from[3];
    }
    args.pixels = gpu_nest_of(3, dims, 3, rows);
    cut(&args, device);
    return args;
}

/* A vector of the arguments that is operand `index`. */
typedef struct vector {
    gpu_norm_vector number;
    uint64_t offset; /* in gpu_norm_args */
    gpu_operand kind;
    uint64_t index;
} vector;

static const tn_tensor_desc *desc_of(const tn_op_desc *desc, const vector *v)
{
    return v->kind == GPU_IN ? desc->in[v->index] : desc->out[v->index];
}

static void launch(gpu_plan *plan, gpu_kernel kernel, const gpu_norm_args *args, const tn_op_desc *desc,
                   const vector *vectors, int n, uint64_t sums)
{
    const int64_t teams = args->teams.teams;
    gpu_grid grid = {(uint32_t)((args->channels + teams - 1) / teams), (uint32_t)args->parts, 1, GPU_THREADS, 0};
    gpu_plan_launch(plan, kernel, grid, args, sizeof *args);
    gpu_plan_bind(plan, offsetof(gpu_norm_args, x), GPU_IN, args->backward ? 1 : 0, 0);
    if (args->backward) gpu_plan_bind(plan, offsetof(gpu_norm_args, dy), GPU_IN, 0, 0);
    gpu_plan_bind(plan, offsetof(gpu_norm_args, y), GPU_OUT, 0, 0);
    if (sums != UINT64_MAX) gpu_plan_bind(plan, offsetof(gpu_norm_args, sums), GPU_WORKSPACE, 0, sums);
    for (const vector *v = vectors; v < vectors + n; v++)
        if (desc_of(desc, v)) gpu_plan_bind(plan, v->offset, v->kind, v->index, 0);
}

/* Adds the launches, the first only if there are sums to take. */
static tn_status finish(const tn_op_desc *desc, gpu_norm_args *args, const vector *vectors, int n, int sum,
                        uint64_t flops_each, tn_plan **out, tn_error *error)
{
    const int wide = desc->in[0]->dtype == TN_F64;
    uint64_t sums = UINT64_MAX;
    gpu_plan *plan = gpu_plan_new(desc, "gpu:norm", error);
    if (!plan) return TN_OUT_OF_MEMORY;
    for (const vector *v = vectors; v < vectors + n; v++)
        if (desc_of(desc, v)) args->strides[v->number] = desc_of(desc, v)->strides[0];
    gpu_plan_head(plan)->flops = flops_each * (uint64_t)tn_desc_numel(desc->in[0]);
    if (args->channels > 0) {
        if (sum) {
            sums = gpu_plan_workspace(plan, (uint64_t)(args->parts * args->channels) * 2 * sizeof(double));
            launch(plan, wide ? GPU_norm_sums_f64 : GPU_norm_sums_f32, args, desc, vectors, n, sums);
        }
        launch(plan, wide ? GPU_norm_apply_f64 : GPU_norm_apply_f32, args, desc, vectors, n, sums);
    }
    return gpu_plan_finish(plan, out, error);
}

#define VECTOR(number, field, kind, index)                  \
    {                                                       \
        number, offsetof(gpu_norm_args, field), kind, index \
    }

tn_status gpu_batch_norm2d_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                tn_error *error)
{
    static const vector vectors[] = {
        VECTOR(GPU_NORM_WEIGHT, weight, GPU_IN, 1),
        VECTOR(GPU_NORM_BIAS, bias, GPU_IN, 2),
        VECTOR(GPU_NORM_RUNNING_MEAN, running_mean, GPU_IN, 3),
        VECTOR(GPU_NORM_RUNNING_VAR, running_var, GPU_IN, 4),
        VECTOR(GPU_NORM_MEAN, mean, GPU_OUT, 1),
        VECTOR(GPU_NORM_RSTD, rstd, GPU_OUT, 2),
    };
    const tn_batch_norm2d_attrs *how = desc->attrs;
    gpu_norm_args args = describe(device, desc->in[0], NULL, desc->out[0]);
    (void)self;
    args.training = how->training != 0;
    args.momentum = how->momentum;
    args.eps = how->eps;
    return finish(desc, &args, vectors, sizeof vectors / sizeof *vectors, args.training && args.pixels.n > 0, 8, out,
                  error);
}

tn_status gpu_batch_norm2d_grad_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                     tn_error *error)
{
    static const vector vectors[] = {
        VECTOR(GPU_NORM_WEIGHT, weight, GPU_IN, 2), VECTOR(GPU_NORM_MEAN, mean, GPU_IN, 3),
        VECTOR(GPU_NORM_RSTD, rstd, GPU_IN, 4),     VECTOR(GPU_NORM_DWEIGHT, dweight, GPU_OUT, 1),
        VECTOR(GPU_NORM_DBIAS, dbias, GPU_OUT, 2),
    };
    const tn_batch_norm2d_grad_attrs *how = desc->attrs;
    gpu_norm_args args = describe(device, desc->in[1], desc->in[0], desc->out[0]);
    (void)self;
    args.training = how->training != 0;
    return finish(desc, &args, vectors, sizeof vectors / sizeof *vectors, 1, 10, out, error);
}
