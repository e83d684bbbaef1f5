/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, max pooling and relu, fused where a backend can. relu does not change which element of a window is the
 * largest, so this is also pooling after relu, with a quarter of the work for windows of 2 x 2. The gradients use that
 * only the largest element of each window has one. */
#include "ops/conv2d_max_pool2d.h"

static tn_conv2d_attrs conv_attrs(const tn_fused_attrs *how)
{
    return (tn_conv2d_attrs){.struct_size = sizeof(tn_conv2d_attrs),
                             .stride = {how->stride[0], how->stride[1]},
                             .padding = {how->padding[0], how->padding[1]},
                             .dilation = {how->dilation[0], how->dilation[1]},
                             .groups = how->groups};
}

static bool infer(tn_infer *infer)
{
    const tn_fused_attrs *how = infer->attrs;
    const tn_conv2d_attrs conv = conv_attrs(how);
    tn_infer part = *infer;
    tn_tensor_desc *y = &infer->out[0], *index = &infer->out[1];
    part.attrs = &conv;
    if (!tn__conv2d_infer(&part) ||
        !tn__plain_pool2d_windows(infer, how->pool_kernel, how->pool_stride, part.out[0].dims + 2, y->dims + 2) ||
        !(index->dtype = tn__pool2d_index_dtype(infer, how->pool_kernel)))
        return false;
    index->dims[2] = y->dims[2];
    index->dims[3] = y->dims[3];
    return true;
}

/* The convolution is needed in the windows only. */
static uint64_t flops(const tn_run *run)
{
    const tn_fused_attrs *how = run->attrs;
    int64_t cells = how->pool_kernel[0] * how->pool_kernel[1];
    return tn__places_flops(tn_desc_numel(run->out_desc[0]) * cells, run->in_desc[1]);
}

static void decompose(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in TN_UNUSED, tn_tensor **out)
{
    const tn_fused_attrs *how = attrs;
    const tn_conv2d_attrs conv = conv_attrs(how);
    tn_tensor *z = TN_APPLY(tn, conv2d, &conv, in[0], in[1], in[2]);
    if (tn__apply_all(tn, &tn__op_max_pool2d,
                      TN_MAX_POOL2D(.kernel = {how->pool_kernel[0], how->pool_kernel[1]},
                                    .stride = {how->pool_stride[0], how->pool_stride[1]}, .dilation = {1, 1}),
                      1, &z, out))
        out[0] = tn_relu(out[0]);
}

/* Every dy belongs to one element of the convolution's result, so their sum is the gradient of the bias. */
static void grad(tn_grad *g)
{
    const tn_fused_attrs *how = g->attrs;
    tn_tensor *x = g->in[0], *w = g->in[1], *index = g->out[1], *db = NULL;
    tn_tensor *dz = TN_APPLY(g->ctx, relu_grad, NULL, g->dy, g->out[0]);
    bool want_db = tn_wants_grad(g, 2), second_output = want_db && tn_wants_grad(g, 1) && !g->create_graph;
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, tn__conv2d_max_pool2d_grad_input(dz, index, w, x, how));
    if (tn_wants_grad(g, 1))
        tn_send_grad(g, 1, tn__conv2d_max_pool2d_grad_weight(dz, index, x, w, how, second_output ? &db : NULL));
    if (want_db) tn_send_grad(g, 2, second_output ? db : tn_sum(dz, TN_OVER(0, 2, 3), false));
}

const tn_op tn__op_conv2d_max_pool2d_relu = {
    .name = "conv2d_max_pool2d_relu",
    .flags = TN_OP_IMAGE,
    .infer = infer,
    .flops = flops,
    .grad = grad,
    .decompose = decompose,
    .samples = TN_SAMPLES("x[2,3,8,8] w[6,3,3,3] b[6]; pool_kernel=2,2 pool_stride=2,2",
                          "x[1,2,9,8] w[5,2,3,3]; pool_kernel=2,2 pool_stride=2,2",
                          "x[2,2,9,9] w[5,2,3,3] b[5]; padding=1,1 pool_kernel=2,2 pool_stride=2,2",
                          "x[1,2,12,11] w[3,2,2,3] b[3]; stride=2,1 dilation=1,2 pool_kernel=2,2 pool_stride=1,2",
                          "x[1,4,7,7] w[6,2,2,2] b[6]; groups=2 pool_kernel=3,2 pool_stride=2,2",
                          "x[1,1,2,2] w[2,1,1,1] b[2]; pool_kernel=2,2 pool_stride=2,2",
                          "x[1,1,20,20] w[1,1,3,3]; pool_kernel=17,17 pool_stride=1,1",
                          "x[0,2,6,6] w[3,2,3,3] b[3]; pool_kernel=2,2 pool_stride=2,2",
                          "x[2,0,4,4] w[3,0,3,3] b[3]; pool_kernel=2,2 pool_stride=2,2",
                          "x:f32[3,16,8,14] w:f32[48,16,3,3] b:f32[48]; pool_kernel=2,2 pool_stride=2,2",
                          "x:f32[2,5,9,8] w:f32[37,5,5,5] b:f32[37]; pool_kernel=2,2 pool_stride=1,1",
                          "x:f32[2,40,12,12] w:f32[37,40,3,3] b:f32[37]; pool_kernel=2,2 pool_stride=2,2",
                          "x:f32[2,17,10,9] w:f32[5,17,3,3]; pool_kernel=2,2 pool_stride=1,2",
                          "x:f32[5,1,28,28] w:f32[32,1,3,3]; pool_kernel=2,2 pool_stride=2,2",
                          "x:f32[3,32,13,13] w:f32[64,32,3,3] b:f32[64]; pool_kernel=2,2 pool_stride=2,2"),
    .shapes = TN_SAMPLES("x[N,1,28,28] w[32,1,3,3] b[32]; pool_kernel=2,2 pool_stride=2,2",
                         "x[N,32,13,13] w[64,32,3,3] b[64]; pool_kernel=2,2 pool_stride=2,2"),
};

tn_tensor *tn_conv2d_max_pool2d_relu(tn_tensor *x, tn_tensor *w, tn_tensor *b,
                                     const tn_conv2d_max_pool2d_relu_attrs *attrs)
{
    tn_fused_attrs how = attrs ? *attrs : (tn_fused_attrs){0};
    how.struct_size = sizeof how;
    for (int i = 0; i < 2; i++) {
        if (how.stride[i] == 0) how.stride[i] = 1;
        if (how.dilation[i] == 0) how.dilation[i] = 1;
        if (how.pool_stride[i] == 0) how.pool_stride[i] = how.pool_kernel[i];
    }
    if (how.groups == 0) how.groups = 1;
    return TN_APPLY(x->ctx, conv2d_max_pool2d_relu, &how, x, w, b);
}
