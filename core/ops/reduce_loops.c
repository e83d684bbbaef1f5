/* SPDX-License-Identifier: Apache-2.0
 *
 * Reductions of row-major arrays. Neighbouring dims with the same fate are merged first, so that reduced and kept
 * groups alternate. The last group decides the loop: if it is reduced, contiguous runs fold into one value each; if it
 * is kept, whole rows fold into a row of values. Either way memory is read in order, by vectors. */
#include "ops/reduce.h"

#include <math.h>

enum {
    LANES = 64,      /* partial results of a run: independent, so that a compiler may use vectors */
    WIDTH = 512,     /* partial results of a row: they stay in the first-level cache */
    GRAIN = 1 << 15, /* elements that are worth a thread */
};

/* An accumulator of any type. */
typedef union value {
    float f32;
    double f64;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint64_t u64;
} value;

/* The typed loops of one reduction of one dtype. `acc` points to accumulators of its own type. */
typedef struct reducer {
    int64_t size;                                     /* of an element */
    void (*start)(void *acc, int64_t n);              /* sets each to the result of no elements */
    void (*run)(void *acc, const void *x, int64_t n); /* folds n elements into one */
    void (*rows)(void *acc, const void *x, int64_t n, int64_t m, int64_t stride); /* m rows of n elements into n */
    void (*store)(void *y, const void *acc, int64_t n);
} reducer;

/* A run is folded by lanes, then the lanes by halves: f64 sums err less than a plain loop's, too. */
#define REDUCER(name, element_type, acc_type, begin, folded)                                                   \
    static inline acc_type name##_fold(acc_type a, acc_type v)                                                 \
    {                                                                                                          \
        return folded;                                                                                         \
    }                                                                                                          \
    static void name##_start(void *acc, int64_t n)                                                             \
    {                                                                                                          \
        acc_type *a = acc;                                                                                     \
        for (int64_t i = 0; i < n; i++) a[i] = begin;                                                          \
    }                                                                                                          \
    TN_MULTIVERSION static void name##_run(void *acc, const void *from, int64_t n)                             \
    {                                                                                                          \
        const element_type *x = from;                                                                          \
        acc_type *a = acc, lane[LANES];                                                                        \
        int64_t i = 0;                                                                                         \
        if (n >= 2 * LANES) {                                                                                  \
            for (int j = 0; j < LANES; j++) lane[j] = begin;                                                   \
            for (; i + LANES <= n; i += LANES)                                                                 \
                for (int j = 0; j < LANES; j++) lane[j] = name##_fold(lane[j], (acc_type)x[i + j]);            \
            for (int half = LANES / 2; half; half /= 2)                                                        \
                for (int j = 0; j < half; j++) lane[j] = name##_fold(lane[j], lane[j + half]);                 \
            *a = name##_fold(*a, lane[0]);                                                                     \
        }                                                                                                      \
        for (; i < n; i++) *a = name##_fold(*a, (acc_type)x[i]);                                               \
    }                                                                                                          \
    TN_MULTIVERSION static void name##_rows(void *acc, const void *from, int64_t n, int64_t m, int64_t stride) \
    {                                                                                                          \
        acc_type *restrict a = acc;                                                                            \
        for (int64_t row = 0; row < m; row++) {                                                                \
            const element_type *restrict x = (const element_type *)from + row * stride;                        \
            for (int64_t i = 0; i < n; i++) a[i] = name##_fold(a[i], (acc_type)x[i]);                          \
        }                                                                                                      \
    }                                                                                                          \
    static void name##_store(void *to, const void *acc, int64_t n)                                             \
    {                                                                                                          \
        const acc_type *a = acc;                                                                               \
        element_type *y = to;                                                                                  \
        for (int64_t i = 0; i < n; i++) y[i] = (element_type)a[i];                                             \
    }                                                                                                          \
    static const reducer name = {sizeof(element_type), name##_start, name##_run, name##_rows, name##_store};

/* clang-format off */
/*       name     element  accumulator  of nothing  accumulator a with value v; a NaN wins and stays */
REDUCER (sum_f32, float,   double,      0,          a + v)
REDUCER (sum_f64, double,  double,      0,          a + v)
REDUCER (sum_i64, int64_t, uint64_t,    0,          a + v)
REDUCER (sum_i32, int32_t, uint64_t,    0,          a + v)
REDUCER (sum_u8,  uint8_t, uint64_t,    0,          a + v)
REDUCER (any,     uint8_t, uint8_t,     0,          a | v)
REDUCER (max_f32, float,   float,       -INFINITY,  a >= v || a != a ? a : v)
REDUCER (max_f64, double,  double,      -INFINITY,  a >= v || a != a ? a : v)
REDUCER (max_i64, int64_t, int64_t,     INT64_MIN,  a >= v ? a : v)
REDUCER (max_i32, int32_t, int32_t,     INT32_MIN,  a >= v ? a : v)
REDUCER (max_u8,  uint8_t, uint8_t,     0,          a >= v ? a : v)
REDUCER (min_f32, float,   float,       INFINITY,   a <= v || a != a ? a : v)
REDUCER (min_f64, double,  double,      INFINITY,   a <= v || a != a ? a : v)
REDUCER (min_i64, int64_t, int64_t,     INT64_MAX,  a <= v ? a : v)
REDUCER (min_i32, int32_t, int32_t,     INT32_MAX,  a <= v ? a : v)
REDUCER (min_u8,  uint8_t, uint8_t,     UINT8_MAX,  a <= v ? a : v)
#undef REDUCER

static const reducer *const reducers[][TN_BOOL + 1] = {
    /*                  TN_        F32       F64       I64       I32       U8       BOOL   */
    [TN_REDUCE_SUM]  = {NULL, &sum_f32, &sum_f64, &sum_i64, &sum_i32, &sum_u8, &any   },
    [TN_REDUCE_MEAN] = {NULL, &sum_f32, &sum_f64, NULL,     NULL,     NULL,    NULL   },
    [TN_REDUCE_MAX]  = {NULL, &max_f32, &max_f64, &max_i64, &max_i32, &max_u8, &max_u8},
    [TN_REDUCE_MIN]  = {NULL, &min_f32, &min_f64, &min_i64, &min_i32, &min_u8, &min_u8},
};
/* clang-format on */

/* A nest of loops over groups of dims, the outermost last. */
typedef struct loops {
    int n;
    int64_t count; /* of all iterations */
    int64_t size[TN_MAX_RANK], stride[TN_MAX_RANK];
} loops;

typedef struct job {
    const reducer *how;
    const char *x;
    char *y;
    double divisor;      /* of a mean, else 1 */
    loops kept, reduced; /* around the innermost group */
    int64_t length;      /* of the innermost group, which is contiguous */
    int64_t rows;        /* if it is kept: how many of them, one behind the other, fold into one */
    int64_t pieces;      /* if it is kept: in how many pieces of WIDTH it is done */
} job;

static void push_loop(loops *l, int64_t size, int64_t stride)
{
    l->size[l->n] = size;
    l->stride[l->n++] = stride;
    l->count *= size;
}

/* Where iteration i starts, in elements. */
static int64_t offset_of(const loops *l, int64_t i)
{
    int64_t offset = 0;
    for (int k = 0; k < l->n; i /= l->size[k++]) offset += i % l->size[k] * l->stride[k];
    return offset;
}

/* Merges neighbours of one fate, innermost first, leaving out dims of 1. Returns the number of groups. */
static int group_dims(const tn_tensor_desc *desc, int64_t dims, int64_t size[], bool reduced[])
{
    int n = 0;
    for (int d = (int)desc->rank - 1; d >= 0; d--) {
        bool fate = dims >> d & 1;
        if (desc->dims[d] == 1) continue;
        if (n > 0 && reduced[n - 1] == fate) {
            size[n - 1] *= desc->dims[d];
        } else {
            size[n] = desc->dims[d];
            reduced[n++] = fate;
        }
    }
    return n;
}

/* Each run of the innermost group folds into one value of y. */
static void reduce_runs(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const reducer *how = j->how;
    for (int64_t i = begin; i < end; i++) {
        const char *x = j->x + offset_of(&j->kept, i) * how->size;
        value acc;
        how->start(&acc, 1);
        for (int64_t k = 0; k < j->reduced.count; k++)
            how->run(&acc, x + offset_of(&j->reduced, k) * how->size, j->length);
        if (j->divisor != 1) acc.f64 /= j->divisor;
        how->store(j->y + i * how->size, &acc, 1);
    }
}

/* Rows fold into a row of y, a piece of WIDTH elements at a time. */
static void reduce_rows(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const reducer *how = j->how;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i / j->pieces, first = i % j->pieces * WIDTH;
        int64_t n = j->length - first < WIDTH ? j->length - first : WIDTH;
        const char *x = j->x + (offset_of(&j->kept, row) + first) * how->size;
        value acc[WIDTH];
        how->start(acc, n);
        for (int64_t k = 0; k < j->reduced.count; k++)
            how->rows(acc, x + offset_of(&j->reduced, k) * how->size, n, j->rows, j->length);
        for (int64_t k = 0; j->divisor != 1 && k < n; k++) acc[k].f64 /= j->divisor;
        how->store(j->y + (row * j->length + first) * how->size, acc, n);
    }
}

/* Divides the groups among the innermost one, its rows, and the loops around. */
static void plan_loops(job *j, int n, const int64_t size[], const bool reduced[])
{
    int at = 0;
    int64_t stride = 1;
    j->length = j->rows = j->kept.count = j->reduced.count = 1;
    if (at < n) stride = j->length = size[at++];
    if (at < n && !reduced[0]) stride *= j->rows = size[at++];
    for (; at < n; stride *= size[at++]) push_loop(reduced[at] ? &j->reduced : &j->kept, size[at], stride);
    j->pieces = (j->length + WIDTH - 1) / WIDTH;
}

void tn__reduce(tn_reduction reduction, const tn_tensor_desc *desc, int64_t dims, const void *x, void *y)
{
    static const value nothing; /* an empty x may be NULL, and addresses relative to it are computed */
    int64_t size[TN_MAX_RANK], elements = 1;
    bool reduced[TN_MAX_RANK];
    int n = group_dims(desc, dims, size, reduced);
    for (int g = 0; g < n; g++)
        if (reduced[g]) elements *= size[g];

    job j = {.how = reducers[reduction][desc->dtype], .x = x ? x : &nothing, .y = y};
    j.divisor = reduction == TN_REDUCE_MEAN ? (double)elements : 1;
    plan_loops(&j, n, size, reduced);
    if (n > 0 && reduced[0])
        tn__parallel_for(j.kept.count, GRAIN / (elements + 1) + 1, reduce_runs, &j);
    else
        tn__parallel_for(j.kept.count * j.pieces, GRAIN / (elements * WIDTH + 1) + 1, reduce_rows, &j);
}
