/* SPDX-License-Identifier: Apache-2.0
 *
 * Classification: nll_loss, softmax_cross_entropy and its gradient, one_hot. x, p, dx: N C (f32), target: N. The loss
 * is summed in f64, row after row, whatever the number of threads. */
#include "index.h"
#include "nest.h"
#include "vmath.h"

enum { ENOUGH = 4096 }; /* elements that are worth a thread */

/* A matrix: element (n, c) lies n * row + c * column elements from its start. */
typedef struct matrix {
    float *at;
    int64_t row, column;
} matrix;

static matrix matrix_of(const tn_tensor_desc *x, void *at)
{
    return (matrix){at, x->strides[0], x->strides[1]};
}

typedef struct job {
    matrix x, y;
    const int64_t *target;
    int64_t target_stride, classes;
    double *losses;
    float scale;
} job;

static tn_status check(const tn_op_desc *desc, tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

static tn_status make(const tn_op_desc *desc, dn_loop_fn run, uint64_t flops, uint64_t workspace, tn_plan **plan,
                      tn_error *error)
{
    dn_loop *loop;
    DN_TRY(check(desc, error));
    DN_TRY(dn_loop_create(desc, run, 0, &loop, error));
    loop->plan.flops = flops;
    loop->plan.workspace_bytes = workspace;
    *plan = &loop->plan;
    return TN_OK;
}

static int64_t row_grain(int64_t classes)
{
    return dn_max(1, ENOUGH / dn_max(1, classes));
}

/* ---- nll_loss */

static tn_status run_nll(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const tn_tensor_desc *x = loop->desc.in[0], *target = loop->desc.in[1];
    const matrix m = matrix_of(x, at->in[0]);
    const int64_t *index = at->in[1], n = x->dims[0];
    double sum = 0;
    DN_TRY(dn_check_index("target", index, n, target->strides[0], x->dims[1], "classes", error));
    for (int64_t i = 0; i < n; i++) sum -= (double)m.at[i * m.row + index[i * target->strides[0]] * m.column];
    *(float *)at->out[0] = (float)(sum / (double)n);
    return TN_OK;
}

tn_status dn_nll_loss_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                            tn_error *error)
{
    return check(desc, error);
}

tn_status dn_nll_loss_plan(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                           tn_plan **plan, tn_error *error)
{
    return make(desc, run_nll, (uint64_t)desc->in[0]->dims[0], 0, plan, error);
}

/* ---- softmax_cross_entropy */

/* The loss of a row whose x and e^(x - max) are at hand, and its probabilities from these. */
DN_INLINE double finish_row(float *p, int64_t ps, int64_t classes, double x_less_max)
{
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) sum += (double)p[c * ps];
    const double scale = 1 / sum;
    for (int64_t c = 0; c < classes; c++) p[c * ps] = (float)((double)p[c * ps] * scale);
    return log(sum) - x_less_max;
}

DN_INLINE float largest(const float *x, int64_t xs, int64_t classes)
{
    float max = x[0];
    for (int64_t c = 1; c < classes; c++) max = x[c * xs] > max ? x[c * xs] : max;
    return max;
}

/* Rows of any strides: y = softmax(x), and the loss of class `target` in j->losses. */
DN_MULTIVERSION static void softmax_rows(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const int64_t xs = j->x.column, ps = j->y.column, classes = j->classes;
    for (int64_t i = begin; i < end; i++) {
        const float *x = j->x.at + i * j->x.row;
        float *p = j->y.at + i * j->y.row;
        const float max = largest(x, xs, classes);
        for (int64_t c = 0; c < classes; c++) p[c * ps] = dn_exp_f32(x[c * xs] - max);
        const int64_t target = j->target[i * j->target_stride];
        j->losses[i] = finish_row(p, ps, classes, (double)x[target * xs] - (double)max);
    }
}

/* The same where x and p have no gaps: several rows are exponentiated at once, since a row of ten classes fills no
 * vectors. */
DN_MULTIVERSION static void dense_softmax_rows(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const int64_t classes = j->classes, rows = dn_max(1, ENOUGH / classes);
    for (int64_t first = begin; first < end; first += rows) {
        const int64_t last = dn_min(first + rows, end);
        float *p = j->y.at + first * classes;
        for (int64_t i = first; i < last; i++) {
            const float *x = j->x.at + i * classes, max = largest(x, 1, classes);
            j->losses[i] = (double)x[j->target[i * j->target_stride]] - (double)max;
            for (int64_t c = 0; c < classes; c++) j->y.at[i * classes + c] = x[c] - max;
        }
        DN_INDEPENDENT for (int64_t k = 0; k < (last - first) * classes; k++) p[k] = dn_exp_f32(p[k]);
        for (int64_t i = first; i < last; i++)
            j->losses[i] = finish_row(j->y.at + i * classes, 1, classes, j->losses[i]);
    }
}

static tn_status run_cross_entropy(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const tn_tensor_desc *x = loop->desc.in[0], *target = loop->desc.in[1];
    const int64_t n = x->dims[0];
    double sum = 0;
    job j = {.x = matrix_of(x, at->in[0]),
             .y = matrix_of(loop->desc.out[1], at->out[1]),
             .target = at->in[1],
             .target_stride = target->strides[0],
             .classes = x->dims[1],
             .losses = at->workspace};
    DN_TRY(dn_check_index("target", j.target, n, j.target_stride, j.classes, "classes", error));
    const int dense = j.x.column == 1 && j.x.row == j.classes && j.y.column == 1 && j.y.row == j.classes;
    dn_host->parallel_for(n, row_grain(j.classes), dense ? dense_softmax_rows : softmax_rows, &j);
    for (int64_t i = 0; i < n; i++) sum += j.losses[i];
    *(float *)at->out[0] = (float)(sum / (double)n);
    return TN_OK;
}

tn_status dn_cross_entropy_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                                 tn_error *error)
{
    return check(desc, error);
}

tn_status dn_cross_entropy_plan(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                                tn_plan **plan, tn_error *error)
{
    enum { FLOPS_EACH = 4 }; /* subtract, exponentiate, add, divide */
    const tn_tensor_desc *x = desc->in[0];
    return make(desc, run_cross_entropy, FLOPS_EACH * (uint64_t)tn_desc_numel(x), (uint64_t)x->dims[0] * sizeof(double),
                plan, error);
}

/* ---- softmax_cross_entropy_grad */

DN_MULTIVERSION static void grad_rows(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        const float *p = j->x.at + i * j->x.row;
        float *dx = j->y.at + i * j->y.row;
        const int64_t target = j->target[i * j->target_stride];
        for (int64_t c = 0; c < j->classes; c++) dx[c * j->y.column] = p[c * j->x.column] * j->scale;
        dx[target * j->y.column] = (p[target * j->x.column] - 1) * j->scale;
    }
}

static tn_status run_cross_entropy_grad(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const tn_tensor_desc *p = loop->desc.in[1], *target = loop->desc.in[2];
    const int64_t n = p->dims[0];
    job j = {.x = matrix_of(p, at->in[1]),
             .y = matrix_of(loop->desc.out[0], at->out[0]),
             .target = at->in[2],
             .target_stride = target->strides[0],
             .classes = p->dims[1],
             .scale = (float)((double)*(const float *)at->in[0] / (double)n)};
    DN_TRY(dn_check_index("target", j.target, n, j.target_stride, j.classes, "classes", error));
    dn_host->parallel_for(n, row_grain(j.classes), grad_rows, &j);
    return TN_OK;
}

tn_status dn_cross_entropy_grad_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED,
                                      const tn_op_desc *desc, tn_error *error)
{
    return check(desc, error);
}

tn_status dn_cross_entropy_grad_plan(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED,
                                     const tn_op_desc *desc, tn_plan **plan, tn_error *error)
{
    return make(desc, run_cross_entropy_grad, 2 * (uint64_t)tn_desc_numel(desc->in[1]), 0, plan, error);
}

/* ---- one_hot */

typedef struct hot {
    dn_nest nest; /* operands: y at class 0, index */
    int64_t class_step;
    int64_t classes;
} hot;

/* One execution. Indices may have any strides, so they are checked on the way: `wrong` is one that is out of range. */
typedef struct hot_job {
    const hot *all;
    int64_t *wrong;
} hot_job;

static void hot_row(int64_t n, char *const *at, const int64_t *step, const void *arg)
{
    const hot_job *run = arg;
    const hot *all = run->all;
    for (int64_t i = 0; i < n; i++) {
        const int64_t index = *(const int64_t *)(at[1] + i * step[1]);
        if (index < 0 || index >= all->classes) __atomic_store_n(run->wrong, index, __ATOMIC_RELAXED);
        for (int64_t k = 0; k < all->classes; k++) *(int64_t *)(at[0] + i * step[0] + k * all->class_step) = index == k;
    }
}

static tn_status run_one_hot(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const hot *all = loop->extra;
    int64_t wrong = 0;
    const hot_job run = {all, &wrong};
    dn_nest_run(&all->nest, row_grain(all->classes), (void *const[]){at->out[0], at->in[0]}, hot_row, &run);
    if (wrong == 0) return TN_OK;
    return tn_fail(error, TN_INVALID, 0, "index holds %lld, but there are %lld classes, counted from 0",
                   (long long)wrong, (long long)all->classes);
}

tn_status dn_one_hot_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED,
                           const tn_op_desc *desc TN_UNUSED, tn_error *error TN_UNUSED)
{
    return TN_OK;
}

tn_status dn_one_hot_plan(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                          tn_plan **plan, tn_error *error)
{
    const tn_tensor_desc *index = desc->in[0], *y = desc->out[0];
    const int64_t size = sizeof(int64_t);
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run_one_hot, sizeof(hot), &loop, error));
    hot *all = loop->extra;
    dn_nest_begin(&all->nest, 2);
    for (uint32_t i = 0; i < index->rank; i++)
        dn_nest_dim(&all->nest, index->dims[i], (const int64_t[]){y->strides[i] * size, index->strides[i] * size});
    dn_nest_end(&all->nest);
    all->class_step = y->strides[index->rank] * size;
    all->classes = y->dims[index->rank];
    loop->plan.flops = 0;
    *plan = &loop->plan;
    return TN_OK;
}
