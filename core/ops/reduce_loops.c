/* SPDX-License-Identifier: Apache-2.0
 *
 * Reductions of row-major arrays. Neighbouring dims with the same fate are merged first, so that reduced and kept
 * groups alternate. The last group decides the loop: if it is reduced, contiguous runs fold into one value each; if it
 * is kept, whole rows fold into a row of values. Either way memory is read in order, by vectors. */
#include "ops/reduce.h"

#include <math.h>

enum {
    LANES = 32,      /* partial results of a run: independent, so that a compiler may use vectors */
    WIDTH = 256,     /* results at a time: their accumulators stay in the first-level cache */
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

/* The typed loops of one reduction of one dtype: n results, each of m elements. `acc` points to accumulators of its own
 * type. */
typedef void (*fold_fn)(void *acc, const void *x, int64_t n, int64_t m, int64_t stride);
typedef struct reducer {
    int64_t size;                        /* of an element */
    void (*start)(void *acc, int64_t n); /* sets each to the result of no elements */
    fold_fn runs;                        /* a result's elements lie side by side, the next result's `stride` behind */
    fold_fn rows;                        /* results lie side by side, their next elements `stride` behind */
    void (*store)(void *y, const void *acc, int64_t n);
} reducer;

/* A run is folded by lanes, then the lanes by halves, so f64 sums err less than a plain loop's, too. Rows are taken
 * four at a time, so that accumulators travel a quarter as often. */
#define REDUCER(name, element, acc_type, begin, folded)                                                        \
    static inline acc_type name##_fold(acc_type a, acc_type v)                                                 \
    {                                                                                                          \
        return folded;                                                                                         \
    }                                                                                                          \
    static void name##_start(void *acc, int64_t n)                                                             \
    {                                                                                                          \
        acc_type *a = acc;                                                                                     \
        for (int64_t i = 0; i < n; i++) a[i] = begin;                                                          \
    }                                                                                                          \
    static inline acc_type name##_lanes(const element *x, int64_t m)                                           \
    {                                                                                                          \
        acc_type lane[LANES];                                                                                  \
        for (int j = 0; j < LANES; j++) lane[j] = begin;                                                       \
        for (int64_t i = 0; i + LANES <= m; i += LANES)                                                        \
            for (int j = 0; j < LANES; j++) lane[j] = name##_fold(lane[j], (acc_type)x[i + j]);                \
        for (int half = LANES / 2; half; half /= 2)                                                            \
            for (int j = 0; j < half; j++) lane[j] = name##_fold(lane[j], lane[j + half]);                     \
        return lane[0];                                                                                        \
    }                                                                                                          \
    TN_MULTIVERSION static void name##_runs(void *acc, const void *from, int64_t n, int64_t m, int64_t stride) \
    {                                                                                                          \
        acc_type *a = acc;                                                                                     \
        const element *x = from;                                                                               \
        int64_t whole = m < 2 * LANES ? 0 : m - m % LANES;                                                     \
        for (int64_t k = 0; k < n; k++, x += stride) {                                                         \
            acc_type v = a[k];                                                                                 \
            if (whole) v = name##_fold(v, name##_lanes(x, whole));                                             \
            for (int64_t i = whole; i < m; i++) v = name##_fold(v, (acc_type)x[i]);                            \
            a[k] = v;                                                                                          \
        }                                                                                                      \
    }                                                                                                          \
    TN_MULTIVERSION static void name##_rows(void *acc, const void *from, int64_t n, int64_t m, int64_t stride) \
    {                                                                                                          \
        acc_type *restrict a = acc;                                                                            \
        const element *restrict x = from;                                                                      \
        for (; m >= 4; m -= 4, x += 4 * stride)                                                                \
            for (int64_t i = 0; i < n; i++) {                                                                  \
                acc_type even = name##_fold((acc_type)x[i], (acc_type)x[i + 2 * stride]);                      \
                acc_type odd = name##_fold((acc_type)x[i + stride], (acc_type)x[i + 3 * stride]);              \
                a[i] = name##_fold(a[i], name##_fold(even, odd));                                              \
            }                                                                                                  \
        for (; m > 0; m--, x += stride)                                                                        \
            for (int64_t i = 0; i < n; i++) a[i] = name##_fold(a[i], (acc_type)x[i]);                          \
    }                                                                                                          \
    static void name##_store(void *to, const void *acc, int64_t n)                                             \
    {                                                                                                          \
        const acc_type *a = acc;                                                                               \
        element *y = to;                                                                                       \
        for (int64_t i = 0; i < n; i++) y[i] = (element)a[i];                                                  \
    }                                                                                                          \
    static const reducer name = {sizeof(element), name##_start, name##_runs, name##_rows, name##_store};

/* clang-format off */
/*       name     element  accumulator  of nothing  accumulator a with value v; a NaN wins and stays */
REDUCER (sum_f32, float,   double,      0,          a + v)
REDUCER (sum_f64, double,  double,      0,          a + v)
REDUCER (sum_i64, int64_t, uint64_t,    0,          a + v)
REDUCER (sum_i32, int32_t, uint64_t,    0,          a + v)
REDUCER (sum_u8,  uint8_t, uint64_t,    0,          a + v)
REDUCER (any,     uint8_t, uint8_t,     0,          a | v)
REDUCER (max_f32, float,   float,       -INFINITY,  v != v ? v : v > a ? v : a)
REDUCER (max_f64, double,  double,      -INFINITY,  v != v ? v : v > a ? v : a)
REDUCER (max_i64, int64_t, int64_t,     INT64_MIN,  a >= v ? a : v)
REDUCER (max_i32, int32_t, int32_t,     INT32_MIN,  a >= v ? a : v)
REDUCER (max_u8,  uint8_t, uint8_t,     0,          a >= v ? a : v)
REDUCER (min_f32, float,   float,       INFINITY,   v != v ? v : v < a ? v : a)
REDUCER (min_f64, double,  double,      INFINITY,   v != v ? v : v < a ? v : a)
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

/* The two innermost groups, one kept and one reduced, make a tile: `results` of `elements` each. */
typedef struct job {
    const reducer *how;
    fold_fn fold;
    const char *x;
    char *y;
    double divisor; /* of a mean, else 1 */
    int64_t results, elements;
    int64_t next;        /* from a result to the next one, in elements of x ... */
    int64_t stride;      /* ... and what `fold` is told */
    loops kept, reduced; /* around the tile */
    int64_t width;       /* results of a tile that are worked on at a time: at most WIDTH ... */
    int64_t pieces;      /* ... so many times */
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

/* Takes the two innermost groups for the tile and the others for the loops around it. */
static void plan_tile(job *j, int n, const int64_t size[], const bool reduced[])
{
    int64_t inner = n > 0 ? size[0] : 1, outer = n > 1 ? size[1] : 1, stride = inner * outer;
    bool runs = n > 0 && reduced[0];
    j->fold = runs ? j->how->runs : j->how->rows;
    j->elements = runs ? inner : outer;
    j->results = runs ? outer : inner;
    j->next = runs ? inner : 1;
    j->stride = inner;
    j->kept.count = j->reduced.count = 1;
    for (int g = 2; g < n; stride *= size[g++]) push_loop(reduced[g] ? &j->reduced : &j->kept, size[g], stride);
    j->width = runs && GRAIN / (inner + 1) < WIDTH ? GRAIN / (inner + 1) + 1 : WIDTH;
    j->pieces = (j->results + j->width - 1) / j->width;
}

static void reduce_pieces(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const reducer *how = j->how;
    for (int64_t i = begin; i < end; i++) {
        int64_t tile = i / j->pieces, first = i % j->pieces * j->width;
        int64_t n = j->results - first < j->width ? j->results - first : j->width;
        const char *x = j->x + (offset_of(&j->kept, tile) + first * j->next) * how->size;
        value acc[WIDTH];
        how->start(acc, n);
        for (int64_t k = 0; k < j->reduced.count; k++)
            j->fold(acc, x + offset_of(&j->reduced, k) * how->size, n, j->elements, j->stride);
        for (int64_t k = 0; j->divisor != 1 && k < n; k++) acc[k].f64 /= j->divisor;
        how->store(j->y + (tile * j->results + first) * how->size, acc, n);
    }
}

void tn__reduce(tn_reduction reduction, const tn_tensor_desc *desc, int64_t dims, const void *x, void *y)
{
    static const value nothing; /* an empty x may be NULL, and addresses relative to it are computed */
    int64_t size[TN_MAX_RANK];
    bool reduced[TN_MAX_RANK];
    int n = group_dims(desc, dims, size, reduced);
    job j = {.how = reducers[reduction][desc->dtype], .x = x ? x : &nothing, .y = y, .divisor = 1};
    plan_tile(&j, n, size, reduced);
    int64_t per_result = j.elements * j.reduced.count;
    if (reduction == TN_REDUCE_MEAN) j.divisor = (double)per_result;
    tn__parallel_for(j.kept.count * j.pieces, GRAIN / (per_result * j.width + 1) + 1, reduce_pieces, &j);
}
