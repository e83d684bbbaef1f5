/* SPDX-License-Identifier: Apache-2.0
 *
 * argmax: where along one dim the first largest element of each line lies. Lines that lie side by side are searched
 * together. */
#include "nest.h"

enum { BLOCK = 64, ENOUGH = 32768 };

typedef struct search {
    int64_t n, step; /* elements along the dim, and their distance in bytes */
    dn_nest others;  /* operands: y, x */
    void (*scan)(const struct search *all, const char *x, int64_t x_step, int64_t n, char *y, int64_t y_step);
    int64_t grain;
} search;

/* n lines, the first elements of which are x_step apart. `wins`: v against best. */
#define SCAN(name, T, wins)                                                                                \
    DN_MULTIVERSION static void name(const search *all, const char *x, int64_t x_step, int64_t n, char *y, \
                                     int64_t y_step)                                                       \
    {                                                                                                      \
        T top[BLOCK];                                                                                      \
        int64_t which[BLOCK] = {0};                                                                        \
        for (int64_t i = 0; i < n; i++) top[i] = *(const T *)(x + i * x_step);                             \
        for (int64_t k = 1; k < all->n; k++)                                                               \
            for (int64_t i = 0; i < n; i++) {                                                              \
                const T v = *(const T *)(x + k * all->step + i * x_step), best = top[i];                   \
                const int better = wins;                                                                   \
                top[i] = better ? v : best;                                                                \
                which[i] = better ? k : which[i];                                                          \
            }                                                                                              \
        for (int64_t i = 0; i < n; i++) *(int64_t *)(y + i * y_step) = which[i];                           \
    }
SCAN(scan_f32, float, v > best || (v != v && best == best))
SCAN(scan_f64, double, v > best || (v != v && best == best))
SCAN(scan_i64, int64_t, v > best)
SCAN(scan_i32, int32_t, v > best)
SCAN(scan_u8, uint8_t, v > best)

static void scan_row(int64_t n, char *const *at, const int64_t *step, const void *arg)
{
    const search *all = arg;
    for (int64_t i = 0; i < n; i += BLOCK)
        all->scan(all, at[1] + i * step[1], step[1], dn_min(BLOCK, n - i), at[0] + i * step[0], step[0]);
}

static tn_status run(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const search *all = loop->extra;
    dn_nest_run(&all->others, all->grain, (void *const[]){at->out[0], at->in[0]}, scan_row, all);
    return TN_OK;
}

tn_status dn_argmax_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                          tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_ANY, error);
}

tn_status dn_argmax_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                         tn_error *error)
{
    const tn_argmax_attrs *attrs = desc->attrs;
    const tn_tensor_desc *x = desc->in[0], *y = desc->out[0];
    const int64_t size = (int64_t)tn_dtype_size(x->dtype);
    uint32_t next = 0; /* dim of y */
    dn_loop *loop;
    DN_TRY(dn_argmax_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run, sizeof(search), &loop, error));
    search *all = loop->extra;
    dn_nest_begin(&all->others, 2);
    for (uint32_t i = 0; i < x->rank; i++) {
        if (i != attrs->dim)
            dn_nest_dim(&all->others, x->dims[i],
                        (const int64_t[]){y->strides[next] * (int64_t)sizeof(int64_t), x->strides[i] * size});
        next += i != attrs->dim || attrs->keepdim;
    }
    dn_nest_end(&all->others);
    all->n = x->dims[attrs->dim];
    all->step = x->strides[attrs->dim] * size;
    all->scan = x->dtype == TN_F32   ? scan_f32
                : x->dtype == TN_F64 ? scan_f64
                : x->dtype == TN_I64 ? scan_i64
                : x->dtype == TN_I32 ? scan_i32
                                     : scan_u8;
    all->grain = dn_max(1, ENOUGH / dn_max(1, all->n));
    loop->plan.flops = (uint64_t)tn_desc_numel(x);
    *plan = &loop->plan;
    return TN_OK;
}
