/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix product over broadcast leading dims. Operands may lie in any order: a transposed view costs nothing. */
#include "ops/gemm.h"

#include <string.h>

static bool infer(tn_infer *infer)
{
    tn_tensor_desc x = infer->in[0]->desc, y = infer->in[1]->desc, *z = &infer->out[0];
    z->rank = x.rank > y.rank ? x.rank : y.rank;
    for (uint32_t end = 1; end <= z->rank; end++) { /* dims are counted from the last one */
        int64_t a = end <= x.rank ? x.dims[x.rank - end] : 1, b = end <= y.rank ? y.dims[y.rank - end] : 1;
        if (end == 1) a = b; /* N */
        if (end == 2) b = a; /* M */
        if (a != b && a != 1 && b != 1) {
            tn_raise(infer->ctx, TN_INVALID,
                     "matmul: dim -%u is %lld in x and %lld in y; leading dims must be equal or 1 (x: %s, y: %s)", end,
                     (long long)a, (long long)b, TN_SHAPE_OF(infer->in[0]), TN_SHAPE_OF(infer->in[1]));
            return false;
        }
        z->dims[z->rank - end] = a == 1 ? b : a;
    }
    return true;
}

/* ---- reference kernel: one product after the other, or several small ones at a time */

enum { SMALL_FLOPS = 1 << 22, SMALL_SCRATCH = 1 << 20 };

static int64_t count(const tn_run *run)
{
    const tn_tensor_desc *z = run->out_desc[0];
    int64_t n = 1;
    for (uint32_t d = 0; d + 2 < z->rank; d++) n *= z->dims[d];
    return n;
}

/* Elements from the start of x to its matrix for product `item`: broadcast dims do not move. */
static int64_t offset(const tn_tensor_desc *x, const tn_tensor_desc *z, int64_t item)
{
    int64_t elements = 0, missing = (int64_t)z->rank - (int64_t)x->rank;
    for (int64_t d = (int64_t)z->rank - 3; d >= 0; item /= z->dims[d--])
        if (d >= missing && x->dims[d - missing] > 1) elements += item % z->dims[d] * x->strides[d - missing];
    return elements;
}

static tn_gemm shape(const tn_run *run)
{
    const tn_tensor_desc *x = run->in_desc[0], *y = run->in_desc[1], *z = run->out_desc[0];
    uint32_t i = x->rank - 2, j = y->rank - 2, o = z->rank - 2;
    return (tn_gemm){.dtype = z->dtype,
                     .m = x->dims[i],
                     .n = y->dims[j + 1],
                     .k = x->dims[i + 1],
                     .a = {NULL, x->strides[i], x->strides[i + 1]},
                     .b = {NULL, y->strides[j], y->strides[j + 1]},
                     .c_row = z->strides[o],
                     .c_col = z->strides[o + 1]};
}

static void fill_with_zeros(const tn_gemm *g)
{
    size_t size = tn_dtype_size(g->dtype), step = size * (size_t)g->c_col;
    for (int64_t i = 0; i < g->m; i++) {
        char *row = (char *)g->c + (size_t)(i * g->c_row) * size;
        if (g->c_col == 1)
            memset(row, 0, (size_t)g->n * size);
        else
            for (int64_t j = 0; j < g->n; j++) memset(row + (size_t)j * step, 0, size);
    }
}

/* Product `item`, its result set to zeros. */
static tn_gemm product(const tn_run *run, int64_t item)
{
    const tn_tensor_desc *z = run->out_desc[0];
    const int64_t size = (int64_t)tn_dtype_size(z->dtype);
    tn_gemm g = shape(run);
    g.c = (char *)run->out[0] + offset(z, z, item) * size;
    fill_with_zeros(&g);
    if (g.k == 0) return g; /* then the operands have no memory */
    g.a.data = (const char *)run->in[0] + offset(run->in_desc[0], z, item) * size;
    g.b.data = (const char *)run->in[1] + offset(run->in_desc[1], z, item) * size;
    return g;
}

static uint64_t flops(const tn_run *run)
{
    tn_gemm g = shape(run);
    return 2 * (uint64_t)tn_desc_numel(run->out_desc[0]) * (uint64_t)g.k;
}

static uint64_t scratch_of_one(const tn_run *run)
{
    tn_gemm g = shape(run);
    return tn__gemm_scratch(g.dtype, g.m, g.n, g.k);
}

static int64_t slots(const tn_run *run)
{
    int64_t n = count(run);
    uint64_t bytes = scratch_of_one(run); /* 0 if there is nothing to multiply */
    bool small = n > 1 && bytes > 0 && bytes < SMALL_SCRATCH && flops(run) / (uint64_t)n < SMALL_FLOPS;
    return !small ? 1 : n < TN_GEMM_SLOTS ? n : TN_GEMM_SLOTS;
}

static uint64_t scratch(const tn_run *run)
{
    return (uint64_t)slots(run) * scratch_of_one(run);
}

/* The products of slots [begin, end), in the scratch memory of the first of them. */
static void run_slots(void *arg, int64_t begin, int64_t end)
{
    const tn_run *run = arg;
    const int64_t n = count(run), parts = slots(run);
    char *memory = (char *)run->scratch + (uint64_t)begin * scratch_of_one(run);
    for (int64_t item = n * begin / parts; item < n * end / parts; item++) {
        tn_gemm g = product(run, item);
        tn__gemm_serial(&g, memory);
    }
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    const int64_t n = count(run), parts = slots(run);
    if (tn_desc_numel(run->out_desc[0]) == 0) return TN_OK;
    if (parts > 1) tn__for_slots(parts, flops(run), run_slots, run);
    for (int64_t item = 0; parts == 1 && item < n; item++) {
        tn_gemm g = product(run, item);
        tn__gemm(&g, run->scratch);
    }
    return TN_OK;
}

/* ---- gradient */

static tn_tensor *transposed(tn_tensor *x)
{
    return tn_transpose(x, -2, -1);
}

static void grad(tn_grad *g)
{
    tn_tensor *x = g->in[0], *y = g->in[1];
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, tn__unbroadcast(tn_matmul(g->dy, transposed(y)), x));
    if (tn_wants_grad(g, 1)) tn_send_grad(g, 1, tn__unbroadcast(tn_matmul(transposed(x), g->dy), y));
}

const tn_op tn__op_matmul = {
    .name = "matmul",
    .flags = TN_OP_STRIDED,
    .infer = infer,
    .run = run,
    .scratch = scratch,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES("x[2,3] y[3,4]", "x[1,1] y[1,1]", "x[5,7] y[7,1]", "x[1,9] y[9,5]", "x[17,33] y[33,35]",
                          "x[2,3,4] y[2,4,5]", "x[3,1,2,3] y[4,3,2]", "x[2,3] y[5,3,2]", "x[5,2,3] y[3,2]",
                          "x[2,0] y[0,3]", "x[0,3] y[3,2]", "x[0,2,3] y[3,2]", "x[2,3,0] y[2,0,4]",
                          "x:f32[70,300] y:f32[300,40]", "x:f32[13,70] y:f32[70,77]", "x:f32[23,70]' y:f32[70,50]",
                          "x:f32[3,401] y:f32[401,35]", "x:f32[1,130] y:f32[130,16]", "x:f32[6,100] y:f32[100,21]'"),
    .shapes = TN_SAMPLES("x[N,10] y[10,128]", "x[10,N]' y[N,128]", "x[128,N]' y[N,784]", "x[N,128] y[128,1600]",
                         "x[128,N]' y[N,1600]"),
};

tn_tensor *tn_matmul(tn_tensor *x, tn_tensor *y)
{
    return TN_APPLY(x->ctx, matmul, NULL, x, y);
}
