/* SPDX-License-Identifier: Apache-2.0
 *
 * sum, mean, max, min over any dims. Two nests: the dims that stay, and, for each of their elements, those that go. If
 * the elements that stay lie side by side, a block of them is reduced at once, else one after the other. Sums are taken
 * in f64 (integers: modulo 2^64), in an order that does not depend on the number of threads. */
#include "reduce.h"
#include "nest.h"

#include <math.h>

enum {
    BLOCK = 64,     /* elements reduced at once */
    LANES = 16,     /* independent chains that a dense run is cut into */
    CHUNK = 32768,  /* elements that are worth a thread, and a partial result where all goes into one number */
    ACCUMULATOR = 8 /* bytes that any of them has at most */
};

/* Where a row of elements to be reduced goes: `n` accumulators side by side. */
typedef struct target {
    void *accumulators;
    int64_t n;
} target;

struct dn_fold {
    dn_row_fn line;  /* reduces the row to the first accumulator */
    dn_row_fn block; /* for each place of the row, takes the n elements there to the n accumulators */
    void (*start)(target to);
    void (*merge)(void *to, const void *from);
    void (*finish)(target from, double count, char *y, int64_t y_step); /* count: 1, or what a mean divides by */
};

/* T: of elements, A: of accumulators; `first` neutral; `value` of a (so far) and x (another). */
#define FOLD(name, T, A, first, value)                                                                         \
    DN_INLINE A name##_of(A a, A x)                                                                            \
    {                                                                                                          \
        return value;                                                                                          \
    }                                                                                                          \
    DN_MULTIVERSION static void name##_line(int64_t n, char *const *at, const int64_t *step, const void *arg)  \
    {                                                                                                          \
        A *all = ((const target *)arg)->accumulators, lane[LANES];                                             \
        int64_t i = 0;                                                                                         \
        if (step[0] == sizeof(T) && n >= LANES) {                                                              \
            const T *x = (const T *)at[0];                                                                     \
            for (int k = 0; k < LANES; k++) lane[k] = (A)x[k];                                                 \
            for (i = LANES; i + LANES <= n; i += LANES)                                                        \
                for (int k = 0; k < LANES; k++) lane[k] = name##_of(lane[k], (A)x[i + k]);                     \
            for (int k = 0; k < LANES; k++) *all = name##_of(*all, lane[k]);                                   \
        }                                                                                                      \
        for (; i < n; i++) *all = name##_of(*all, (A) * (const T *)(at[0] + i * step[0]));                     \
    }                                                                                                          \
    DN_MULTIVERSION static void name##_block(int64_t n, char *const *at, const int64_t *step, const void *arg) \
    {                                                                                                          \
        const target to = *(const target *)arg;                                                                \
        A *all = to.accumulators;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                      \
            const T *x = (const T *)(at[0] + i * step[0]);                                                     \
            DN_INDEPENDENT for (int64_t k = 0; k < to.n; k++) all[k] = name##_of(all[k], (A)x[k]);             \
        }                                                                                                      \
    }                                                                                                          \
    static void name##_start(target to)                                                                        \
    {                                                                                                          \
        for (int64_t k = 0; k < to.n; k++) ((A *)to.accumulators)[k] = first;                                  \
    }                                                                                                          \
    static void name##_merge(void *to, const void *from)                                                       \
    {                                                                                                          \
        *(A *)to = name##_of(*(A *)to, *(const A *)from);                                                      \
    }                                                                                                          \
    static const dn_fold name = {name##_line, name##_block, name##_start, name##_merge, name##_finish};

/* How accumulators of type A become results of type T. */
#define FINISH(name, T, A, value)                                                 \
    static void name##_finish(target from, double count, char *y, int64_t y_step) \
    {                                                                             \
        (void)count;                                                              \
        for (int64_t k = 0; k < from.n; k++) {                                    \
            const A a = ((const A *)from.accumulators)[k];                        \
            *(T *)(y + k * y_step) = (T)(value);                                  \
        }                                                                         \
    }
#define SUM(name, T, A, value) FINISH(name, T, A, value) FOLD(name, T, A, 0, a + x)
#define MAX(name, T, first) FINISH(name, T, T, a) FOLD(name, T, T, first, x > a || x != x ? x : a)
#define MIN(name, T, first) FINISH(name, T, T, a) FOLD(name, T, T, first, x < a || x != x ? x : a)

/* clang-format off */
SUM(sum_f32, float,    double,   a / count)
SUM(sum_f64, double,   double,   a / count)
SUM(sum_i64, int64_t,  uint64_t, a)
SUM(sum_i32, int32_t,  uint64_t, (uint32_t)a)
SUM(sum_u8,  uint8_t,  uint64_t, a)
MAX(max_f32, float,    -INFINITY)
MAX(max_f64, double,   -INFINITY)
MAX(max_i64, int64_t,  INT64_MIN)
MAX(max_i32, int32_t,  INT32_MIN)
MAX(max_u8,  uint8_t,  0)
MIN(min_f32, float,    INFINITY)
MIN(min_f64, double,   INFINITY)
MIN(min_i64, int64_t,  INT64_MAX)
MIN(min_i32, int32_t,  INT32_MAX)
MIN(min_u8,  uint8_t,  UINT8_MAX)
/* clang-format on */

#define OF(name) \
    [TN_F32] = &name##_f32, [TN_F64] = &name##_f64, [TN_I64] = &name##_i64, [TN_I32] = &name##_i32, [TN_U8] = &name##_u8
const dn_reduction dn_sum = {{OF(sum)}, 0}, dn_mean = {{[TN_F32] = &sum_f32, [TN_F64] = &sum_f64}, 1},
                   dn_largest = {{OF(max)}, 0}, dn_smallest = {{OF(min)}, 0};

typedef struct reduce_extra {
    const dn_fold *fold;
    dn_nest kept, gone; /* operands: y, x; x */
    int64_t size;       /* of an element of x */
    double count;
    int64_t grain, chunks; /* chunks > 0: kept is one element, and gone is cut into so many pieces */
} reduce_extra;

static void reduce_block(const reduce_extra *all, char *x, dn_row_fn row, int64_t n, char *y, int64_t y_step)
{
    char accumulators[BLOCK * ACCUMULATOR] __attribute__((aligned(DN_ALIGNMENT)));
    const target to = {accumulators, n};
    all->fold->start(to);
    if (all->gone.numel) dn_nest_range(&all->gone, 0, all->gone.numel, &x, row, &to);
    all->fold->finish(to, all->count, y, y_step);
}

static void reduce_row(int64_t n, char *const *at, const int64_t *step, const void *arg)
{
    const reduce_extra *all = arg;
    const int64_t inner = all->gone.steps[all->gone.rank - 1][0];
    if (step[1] == all->size && (inner != all->size || all->gone.numel < LANES))
        for (int64_t i = 0; i < n; i += BLOCK)
            reduce_block(all, at[1] + i * step[1], all->fold->block, dn_min(BLOCK, n - i), at[0] + i * step[0],
                         step[0]);
    else
        for (int64_t i = 0; i < n; i++)
            reduce_block(all, at[1] + i * step[1], all->fold->line, 1, at[0] + i * step[0], step[0]);
}

typedef struct job {
    const reduce_extra *all;
    char *x, *partial;
} job;

static void reduce_chunks(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const reduce_extra *all = j->all;
    for (int64_t i = begin; i < end; i++) {
        const target to = {j->partial + i * ACCUMULATOR, 1};
        all->fold->start(to);
        dn_nest_range(&all->gone, i * CHUNK, dn_min((i + 1) * CHUNK, all->gone.numel), &j->x, all->fold->line, &to);
    }
}

static tn_status run(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const reduce_extra *all = loop->extra;
    if (!all->chunks) {
        dn_nest_run(&all->kept, all->grain, (void *const[]){at->out[0], at->in[0]}, reduce_row, all);
        return TN_OK;
    }
    job j = {all, at->in[0], at->workspace};
    dn_host->parallel_for(all->chunks, 1, reduce_chunks, &j);
    for (int64_t i = 1; i < all->chunks; i++) all->fold->merge(j.partial, j.partial + i * ACCUMULATOR);
    all->fold->finish((target){j.partial, 1}, all->count, at->out[0], 0);
    return TN_OK;
}

tn_status dn_reduce_check(const tn_kernel *self, tn_device *device TN_UNUSED, const tn_op_desc *desc, tn_error *error)
{
    const dn_reduction *reduction = self->data;
    uint32_t allowed = 0;
    for (tn_dtype d = TN_F32; d <= TN_BOOL; d++)
        if (reduction->of[d]) allowed |= DN_BIT(d);
    return dn_dtype_in(desc, desc->in[0]->dtype, allowed, error);
}

/* Splits x's dims into those that stay and those that go. */
static void split(reduce_extra *all, const tn_op_desc *desc)
{
    const tn_reduce_attrs *attrs = desc->attrs;
    const tn_tensor_desc *x = desc->in[0], *y = desc->out[0];
    uint32_t next = 0; /* dim of y */
    dn_nest_begin(&all->kept, 2);
    dn_nest_begin(&all->gone, 1);
    for (uint32_t i = 0; i < x->rank; i++) {
        const int goes = attrs->dims >> i & 1;
        const int64_t x_step = x->strides[i] * all->size;
        if (goes)
            dn_nest_dim(&all->gone, x->dims[i], &x_step);
        else
            dn_nest_dim(&all->kept, x->dims[i], (const int64_t[]){y->strides[next] * all->size, x_step});
        next += !goes || attrs->keepdim;
    }
    dn_nest_end(&all->kept);
    dn_nest_end(&all->gone);
}

tn_status dn_reduce_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                         tn_error *error)
{
    const dn_reduction *reduction = self->data;
    const tn_tensor_desc *x = desc->in[0];
    dn_loop *loop;
    DN_TRY(dn_reduce_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run, sizeof(reduce_extra), &loop, error));
    reduce_extra *all = loop->extra;
    all->fold = reduction->of[x->dtype];
    all->size = (int64_t)tn_dtype_size(x->dtype);
    split(all, desc);
    all->count = reduction->is_mean ? (double)all->gone.numel : 1;
    all->grain = dn_max(1, CHUNK / dn_max(1, all->gone.numel));
    if (all->kept.numel == 1 && all->gone.numel > CHUNK) all->chunks = (all->gone.numel + CHUNK - 1) / CHUNK;
    loop->plan.workspace_bytes = (uint64_t)all->chunks * ACCUMULATOR;
    loop->plan.flops = (uint64_t)tn_desc_numel(x);
    *plan = &loop->plan;
    return TN_OK;
}
