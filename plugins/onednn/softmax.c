/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax and log_softmax along any dim of x: each line of elements along it is one job. */
#include "nest.h"
#include "vmath.h"

typedef struct axis {
    int64_t n, x_step, y_step; /* elements along the dim, and their distances */
} axis;

typedef struct softmax_extra {
    dn_nest lines; /* operands: y, x; all dims but the one */
    axis along;
    void (*run)(const axis *along, const float *x, float *y);
    int64_t grain;
} softmax_extra;

/* y = exp(x - max), and their sum. NaN must come out if any x is NaN, or if all are -inf: the differences see to it. */
DN_INLINE double exponentials(const axis *along, const float *x, float *y, float *top)
{
    double sum = 0;
    float max = x[0];
    for (int64_t i = 1; i < along->n; i++) max = x[i * along->x_step] > max ? x[i * along->x_step] : max;
    if (along->x_step == 1 && along->y_step == 1)
        DN_INDEPENDENT for (int64_t i = 0; i < along->n; i++) y[i] = dn_exp_f32(x[i] - max);
    else
        for (int64_t i = 0; i < along->n; i++) y[i * along->y_step] = dn_exp_f32(x[i * along->x_step] - max);
    *top = max;
    if (along->y_step == 1) return dn_sum_f32(along->n, y);
    for (int64_t i = 0; i < along->n; i++) sum += (double)y[i * along->y_step];
    return sum;
}

DN_MULTIVERSION static void softmax(const axis *along, const float *x, float *y)
{
    float max;
    const double sum = exponentials(along, x, y, &max);
    for (int64_t i = 0; i < along->n; i++) y[i * along->y_step] = (float)((double)y[i * along->y_step] / sum);
}

DN_MULTIVERSION static void log_softmax(const axis *along, const float *x, float *y)
{
    float max;
    const double rest = log(exponentials(along, x, y, &max));
    for (int64_t i = 0; i < along->n; i++)
        y[i * along->y_step] = (float)((double)x[i * along->x_step] - (double)max - rest);
}

static void lines(int64_t n, char *const *at, const int64_t *step, const void *arg)
{
    const softmax_extra *all = arg;
    for (int64_t i = 0; i < n; i++)
        all->run(&all->along, (const float *)(at[1] + i * step[1]), (float *)(at[0] + i * step[0]));
}

static tn_status run(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const softmax_extra *all = loop->extra;
    if (all->along.n > 0) dn_nest_run(&all->lines, all->grain, (void *const[]){at->out[0], at->in[0]}, lines, all);
    return TN_OK;
}

tn_status dn_softmax_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                           tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

/* self->data: not NULL for log_softmax */
tn_status dn_softmax_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                          tn_error *error)
{
    enum { ENOUGH = 4096, FLOPS_EACH = 4 }; /* subtract, exponentiate, add, divide */
    const tn_tensor_desc *x = desc->in[0], *y = desc->out[0];
    dn_loop *loop;
    DN_TRY(dn_softmax_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run, sizeof(softmax_extra), &loop, error));
    softmax_extra *all = loop->extra;
    const uint32_t dim = (uint32_t)((const tn_dim_attrs *)desc->attrs)->dim;
    dn_nest_begin(&all->lines, 2);
    for (uint32_t i = 0; i < x->rank; i++)
        if (i != dim)
            dn_nest_dim(
                &all->lines, x->dims[i],
                (const int64_t[]){y->strides[i] * (int64_t)sizeof(float), x->strides[i] * (int64_t)sizeof(float)});
    dn_nest_end(&all->lines);
    all->along = (axis){x->dims[dim], x->strides[dim], y->strides[dim]};
    all->run = self->data ? log_softmax : softmax;
    all->grain = dn_max(1, ENOUGH / dn_max(1, x->dims[dim]));
    loop->plan.flops *= FLOPS_EACH;
    *plan = &loop->plan;
    return TN_OK;
}
