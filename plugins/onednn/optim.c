/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd_step and adam_step over a list of parameters, in place, with PyTorch's order of arithmetic in f32. The list is
 * one long range of elements: small parameters cost no fork of their own, large ones are cut. */
#include "isa.h"
#include "nest.h"

#include "simd/adam.h"

#include <float.h>
#include <math.h>

enum { LISTS = 4, GRAIN = 16384 }; /* p, g, m, v at most; elements that are worth a thread */

typedef struct parameter {
    dn_nest nest;  /* operands: p and its companions */
    int64_t first; /* place of its first element in the range of all */
} parameter;

typedef struct optim_extra {
    int64_t n, numel;
    dn_row_fn row;
    parameter *parameters;
} optim_extra;

typedef struct job {
    const optim_extra *all;
    void *const *in;
    const void *how;
} job;

/* What a step multiplies with, the same for all elements. */
typedef struct sgd {
    float lr, momentum, decay;
} sgd;

DN_INLINE int is_dense(int operands, const int64_t *step)
{
    int dense = 1;
    for (int k = 0; k < operands; k++) dense &= step[k] == sizeof(float);
    return dense;
}

/* A momentum that fades away must not end as a subnormal number: arithmetic with these is slow. */
DN_INLINE float faded(float x)
{
    return fabsf(x) < FLT_MIN ? 0 : x;
}

DN_INLINE void plain_element(const sgd *how, float *p, const float *g)
{
    *p -= how->lr * (*g + how->decay * *p);
}

DN_INLINE void momentum_element(const sgd *how, float *p, const float *g, float *v)
{
    *v = faded(how->momentum * *v + (*g + how->decay * *p));
    *p -= how->lr * *v;
}

DN_INLINE void nesterov_element(const sgd *how, float *p, const float *g, float *v)
{
    const float slope = *g + how->decay * *p;
    *v = faded(how->momentum * *v + slope);
    *p -= how->lr * (slope + how->momentum * *v);
}

/* The row function of an update: for operands that all are dense, and for any. */
#define ROW(name, kind, operands, PLACES)                                                                    \
    DN_MULTIVERSION static void name##_row(int64_t n, char *const *at, const int64_t *step, const void *arg) \
    {                                                                                                        \
        const kind how = *(const kind *)arg;                                                                 \
        if (is_dense(operands, step)) {                                                                      \
            DN_INDEPENDENT for (int64_t i = 0; i < n; i++) name##_element(&how, PLACES(DENSE));              \
        } else {                                                                                             \
            for (int64_t i = 0; i < n; i++) name##_element(&how, PLACES(STRIDED));                           \
        }                                                                                                    \
    }
#define DENSE(k) ((float *)at[k] + i)
#define STRIDED(k) ((float *)(at[k] + i * step[k]))
#define P_G(AT) AT(0), AT(1)
#define P_G_V(AT) AT(0), AT(1), AT(2)
/* clang-format off */
ROW(plain,    sgd,  2, P_G)
ROW(momentum, sgd,  3, P_G_V)
ROW(nesterov, sgd,  3, P_G_V)
/* clang-format on */

/* Elements [begin, end) of all parameters. */
static void pieces(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const optim_extra *all = j->all;
    for (int64_t i = 0; i < all->n; i++) {
        const parameter *p = &all->parameters[i];
        const int64_t from = dn_max(begin - p->first, 0), to = dn_min(end - p->first, p->nest.numel);
        char *base[LISTS];
        if (from >= to) continue;
        for (int k = 0; k < p->nest.operands; k++) base[k] = j->in[k * all->n + i];
        dn_nest_range(&p->nest, from, to, base, all->row, j->how);
    }
}

static tn_status update(const dn_loop *loop, const tn_bindings *at, const void *how)
{
    job j = {loop->extra, at->in, how};
    dn_host->parallel_for(j.all->numel, GRAIN, pieces, &j);
    return TN_OK;
}

/* lists: of parameters and companions; those from `used` on are absent. */
static tn_status make(const tn_op_desc *desc, dn_loop_fn run, dn_row_fn row, int lists, int scalars, int used,
                      uint64_t flops_each, tn_plan **plan, tn_error *error)
{
    const int64_t n = ((int64_t)desc->n_in - scalars) / lists;
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run, sizeof(optim_extra) + (uint64_t)n * sizeof(parameter), &loop, error));
    optim_extra *all = loop->extra;
    all->n = n;
    all->row = row;
    all->parameters = (parameter *)(all + 1);
    for (int64_t i = 0; i < n; i++) {
        const tn_tensor_desc *xs[LISTS];
        for (int k = 0; k < used; k++) xs[k] = desc->in[k * n + i];
        dn_nest_over(&all->parameters[i].nest, used, xs);
        all->parameters[i].first = all->numel;
        all->numel += all->parameters[i].nest.numel;
    }
    loop->plan.flops = flops_each * (uint64_t)all->numel;
    *plan = &loop->plan;
    return TN_OK;
}

/* ---- sgd_step: p*, g*, v?*, lr */

static tn_status run_sgd(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const tn_sgd_step_attrs *attrs = loop->desc.attrs;
    const int64_t n = ((const optim_extra *)loop->extra)->n;
    const sgd how = {(float)*(const double *)at->in[3 * n], (float)attrs->momentum, (float)attrs->weight_decay};
    return update(loop, at, &how);
}

tn_status dn_sgd_step_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                            tn_error *error)
{
    const uint64_t n = (desc->n_in - 1) / 3;
    for (uint64_t i = 1; i < n; i++)
        if (!desc->in[2 * n + i] != !desc->in[2 * n])
            return tn_fail(error, TN_UNSUPPORTED, 0, "%s: parameter %llu and the first one differ in having momentum",
                           desc->name, (unsigned long long)i);
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

tn_status dn_sgd_step_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                           tn_error *error)
{
    const tn_sgd_step_attrs *attrs = desc->attrs;
    const int has_momentum = desc->in[2 * ((desc->n_in - 1) / 3)] != NULL;
    const dn_row_fn row = !has_momentum ? plain_row : attrs->nesterov ? nesterov_row : momentum_row;
    DN_TRY(dn_sgd_step_check(self, device, desc, error));
    return make(desc, run_sgd, row, 3, 1, has_momentum ? 3 : 2, 6, plan, error);
}

/* ---- adam_step: p*, g*, m*, v*, lr, step */

static tn_status run_adam(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const tn_adam_step_attrs *attrs = loop->desc.attrs;
    const int64_t n = ((const optim_extra *)loop->extra)->n;
    const double lr = *(const double *)at->in[4 * n], t = (double)*(const int64_t *)at->in[4 * n + 1];
    const dn_adam how = {
        .beta1 = (float)attrs->beta1,
        .rest1 = (float)(1 - attrs->beta1),
        .beta2 = (float)attrs->beta2,
        .rest2 = (float)(1 - attrs->beta2),
        .eps = (float)attrs->eps,
        .keep = (float)(attrs->decoupled ? 1 - lr * attrs->weight_decay : 1),
        .decay = (float)(attrs->decoupled ? 0 : attrs->weight_decay),
        .rate = (float)(lr / (1 - pow(attrs->beta1, t))),
        .scale = (float)(1 / sqrt(1 - pow(attrs->beta2, t))),
    };
    return update(loop, at, &how);
}

tn_status dn_adam_step_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                             tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

tn_status dn_adam_step_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                            tn_error *error)
{
    static const char *const names[DN_ISAS] = {"adam:portable", "adam:avx2", "adam:avx512"};
    const dn_isa isa = dn_isa_best();
    DN_TRY(dn_adam_step_check(self, device, desc, error));
    DN_TRY(make(desc, run_adam, DN_PICK(dn_adam_row, isa), 4, 2, 4, 14, plan, error));
    (*plan)->implementation = names[isa];
    return TN_OK;
}
