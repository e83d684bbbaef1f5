/* SPDX-License-Identifier: Apache-2.0
 *
 * linear: x w^T + b over the last dim of x; all other dims are rows. linear_relu: its fused form. */
#include "ops/gemm.h"

#include <string.h>

/* ---- reference kernel */

static int64_t rows_of(const tn_tensor_desc *x)
{
    int64_t rows = 1;
    for (uint32_t d = 0; d + 1 < x->rank; d++) rows *= x->dims[d];
    return rows;
}

static tn_gemm product(const tn_run *run)
{
    const tn_tensor_desc *x = run->in_desc[0], *w = run->in_desc[1];
    int64_t in = w->dims[1], out = w->dims[0];
    return (tn_gemm){.dtype = x->dtype,
                     .m = rows_of(x),
                     .n = out,
                     .k = in,
                     .a = {NULL, in, 1},
                     .b = {NULL, 1, in},
                     .c_row = out,
                     .c_col = 1};
}

static uint64_t flops(const tn_run *run)
{
    tn_gemm g = product(run);
    return (2 * (uint64_t)g.k + (run->in_desc[2] != NULL)) * (uint64_t)(g.m * g.n);
}

static uint64_t scratch(const tn_run *run)
{
    tn_gemm g = product(run);
    return tn__gemm_scratch(g.dtype, g.m, g.n, g.k);
}

/* Rows [begin, end) of y are set to the bias. */
static void start_rows(void *arg, int64_t begin, int64_t end)
{
    const tn_run *run = arg;
    const tn_tensor_desc *w = run->in_desc[1];
    size_t bytes = (size_t)w->dims[0] * tn_dtype_size(w->dtype);
    char *y = (char *)run->out[0];
    for (int64_t i = begin; i < end; i++)
        if (run->in_desc[2])
            memcpy(y + (size_t)i * bytes, run->in[2], bytes);
        else
            memset(y + (size_t)i * bytes, 0, bytes);
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    enum { GRAIN = 1 << 16 };
    tn_gemm g = product(run);
    if (g.m == 0 || g.n == 0) return TN_OK;
    tn__parallel_for(g.m, GRAIN / g.n + 1, start_rows, (void *)run);
    g.a.data = run->in[0];
    g.b.data = run->in[1];
    g.c = run->out[0];
    tn__gemm(&g, run->scratch);
    return TN_OK;
}

/* ---- gradient */

/* As a matrix: all dims but the last are rows. */
static tn_tensor *matrix(tn_tensor *x)
{
    int64_t rows = 1;
    for (int d = 0; d + 1 < tn_rank(x); d++) rows *= tn_dim(x, d);
    return tn_rank(x) == 2 ? x : tn_reshape(x, TN_SHAPE(rows, tn_dim(x, -1)));
}

/* dz: the gradient of x w^T + b. */
static void send(tn_grad *g, tn_tensor *dz)
{
    tn_tensor *x = g->in[0], *w = g->in[1];
    dz = matrix(dz);
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, tn_reshape(tn_matmul(dz, w), tn_rank(x), tn_dims(x)));
    if (tn_wants_grad(g, 1)) tn_send_grad(g, 1, tn_matmul(tn_transpose(dz, 0, 1), matrix(x)));
    if (tn_wants_grad(g, 2)) tn_send_grad(g, 2, tn_sum(dz, TN_OVER(0), false));
}

static void grad(tn_grad *g)
{
    send(g, g->dy);
}

const tn_op tn__op_linear = {
    .name = "linear",
    .run = run,
    .scratch = scratch,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES("x[4,3] w[5,3] b[5]", "x[4,3] w[5,3]", "x[3] w[5,3] b[5]", "x[2,3,4] w[5,4] b[5]",
                          "x[1,1] w[1,1] b[1]", "x[9,40] w[35,40] b[35]", "x[0,3] w[5,3] b[5]", "x[2,0] w[5,0] b[5]",
                          "x:f32[64,300] w:f32[33,300] b:f32[33]", "x:f32[5,77] w:f32[13,77] b:f32[13]",
                          "x:f32[2,1001] w:f32[11,1001]", "x:f32[101,64] w:f32[9,64] b:f32[9]"),
    .shapes = TN_SAMPLES("x[N,784] w[128,784] b[128]", "x[N,1600] w[128,1600] b[128]", "x[N,128] w[10,128] b[10]"),
};

tn_tensor *tn_linear(tn_tensor *x, tn_tensor *w, tn_tensor *b)
{
    return TN_APPLY(x->ctx, linear, NULL, x, w, b);
}

/* ---- linear_relu */

static void relu_decompose(tn_context *tn TN_UNUSED, const void *attrs TN_UNUSED, tn_tensor *const *in,
                           int n_in TN_UNUSED, tn_tensor **out)
{
    out[0] = tn_relu(tn_linear(in[0], in[1], in[2]));
}

static void relu_grad(tn_grad *g)
{
    send(g, TN_APPLY(g->ctx, relu_grad, NULL, g->dy, g->out[0]));
}

const tn_op tn__op_linear_relu = {
    .name = "linear_relu",
    .flops = flops,
    .grad = relu_grad,
    .decompose = relu_decompose,
    .samples = TN_SAMPLES("x[4,3] w[5,3] b[5]", "x[4,3] w[5,3]", "x[3] w[5,3] b[5]", "x[2,3,4] w[5,4] b[5]",
                          "x[0,3] w[5,3] b[5]", "x:f32[64,300] w:f32[33,300] b:f32[33]",
                          "x:f32[7,93] w:f32[14,93] b:f32[14]", "x:f32[1,1001] w:f32[11,1001]"),
    .shapes = TN_SAMPLES("x[N,784] w[128,784] b[128]", "x[N,1600] w[128,1600] b[128]"),
};

tn_tensor *tn_linear_relu(tn_tensor *x, tn_tensor *w, tn_tensor *b)
{
    return TN_APPLY(x->ctx, linear_relu, NULL, x, w, b);
}
