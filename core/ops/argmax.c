/* SPDX-License-Identifier: Apache-2.0
 *
 * argmax: where along one dim the first largest element lies. */
#include "ops/axis.h"

enum { WIDTH = 64, GRAIN = 1 << 15 };

/* One block of `size` rows of `inner` elements, the columns first to first + n - 1: out takes n indices. */
typedef void (*scan)(const void *x, int64_t size, int64_t inner, int64_t first, int64_t n, int64_t *out);

/* `beaten`: does v beat the best so far? */
#define SCAN(name, type, beaten)                                                                              \
    TN_MULTIVERSION static void name(const void *from, int64_t size, int64_t inner, int64_t first, int64_t n, \
                                     int64_t *out)                                                            \
    {                                                                                                         \
        const type *x = (const type *)from + first;                                                           \
        type top[WIDTH];                                                                                      \
        for (int64_t i = 0; i < n; i++) {                                                                     \
            top[i] = x[i];                                                                                    \
            out[i] = 0;                                                                                       \
        }                                                                                                     \
        for (int64_t k = 1; k < size; k++)                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                                 \
                type v = x[k * inner + i], best = top[i];                                                     \
                bool better = beaten;                                                                         \
                top[i] = better ? v : best;                                                                   \
                out[i] = better ? k : out[i];                                                                 \
            }                                                                                                 \
    }
SCAN(scan_f32, float, v > best || (v != v && best == best))
SCAN(scan_f64, double, v > best || (v != v && best == best))
SCAN(scan_i64, int64_t, v > best)
SCAN(scan_i32, int32_t, v > best)
SCAN(scan_u8, uint8_t, v > best)
#undef SCAN

static const scan scans[TN_BOOL + 1] = {[TN_F32] = scan_f32, [TN_F64] = scan_f64, [TN_I64] = scan_i64,
                                        [TN_I32] = scan_i32, [TN_U8] = scan_u8,   [TN_BOOL] = scan_u8};

typedef struct job {
    scan scan;
    tn_axis axis;
    const char *x;
    int64_t block_bytes; /* of x */
    int64_t *y;
    int64_t pieces; /* of WIDTH columns, for each block */
} job;

static void scan_pieces(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t block = i / j->pieces, first = i % j->pieces * WIDTH, rest = j->axis.inner - first;
        j->scan(j->x + block * j->block_bytes, j->axis.size, j->axis.inner, first, rest < WIDTH ? rest : WIDTH,
                j->y + block * j->axis.inner + first);
    }
}

static tn_status run(const tn_run *run, tn_error *error)
{
    const tn_argmax_attrs *how = run->attrs;
    const tn_tensor_desc *x = run->in_desc[0];
    job j = {.scan = scans[x->dtype], .axis = tn__axis(x, how->dim), .x = run->in[0], .y = run->out[0]};
    (void)error;
    j.block_bytes = j.axis.size * j.axis.inner * (int64_t)tn_dtype_size(x->dtype);
    j.pieces = (j.axis.inner + WIDTH - 1) / WIDTH;
    tn__parallel_for(j.axis.outer * j.pieces, GRAIN / (j.axis.size * WIDTH) + 1, scan_pieces, &j);
    return TN_OK;
}

static bool infer(tn_infer *infer)
{
    const tn_argmax_attrs *how = infer->attrs;
    const tn_tensor *x = infer->in[0];
    tn_tensor_desc *y = &infer->out[0];
    if (!tn__check_axis(infer, how->dim)) return false;
    if (tn_dims(x)[how->dim] == 0) {
        tn_raise(infer->ctx, TN_INVALID, "argmax: dim %lld is empty, so there is nothing to choose from (x: %s)",
                 (long long)how->dim, TN_SHAPE_OF(x));
        return false;
    }
    y->rank = 0;
    for (int d = 0; d < tn_rank(x); d++)
        if (d != how->dim || how->keepdim) y->dims[y->rank++] = d == how->dim ? 1 : tn_dims(x)[d];
    return true;
}

static uint64_t flops(const tn_run *run)
{
    return (uint64_t)tn_desc_numel(run->in_desc[0]);
}

const tn_op tn__op_argmax = {
    .name = "argmax",
    .infer = infer,
    .run = run,
    .flops = flops,
    .samples = TN_SAMPLES("x[7]; dim=0", "x[3,10]; dim=1", "x[3,10]; dim=0 keepdim=1", "x[2,5,70]; dim=1",
                          "x[2,3,4]; dim=2 keepdim=1", "x[1,1]; dim=1", "x[0,4]; dim=1", "x:i64[3,50]; dim=1",
                          "x:i32[3,50]; dim=0", "x:u8[3,50]; dim=1", "x:bool[3,5]; dim=1", "x[300,33]; dim=0"),
    .shapes = TN_SAMPLES("x[N,10]; dim=1"),
};

tn_tensor *tn_argmax(tn_tensor *x, int dim, bool keepdim)
{
    if (tn_is_nil(x)) return x;
    tn_argmax_attrs how = {sizeof how, tn__wrap_dim(x, "argmax", dim, tn_rank(x)), keepdim};
    return how.dim < 0 ? tn__nil(tn_context_of(x)) : TN_APPLY(tn_context_of(x), argmax, &how, x);
}
