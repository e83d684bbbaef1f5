/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of conv2d_max_pool2d_relu for its input and its weight, dy being masked by relu already. Both are linear
 * in dy and in the other real input, so each is the other's gradient. */
#include "ops/conv2d_max_pool2d.h"

/* ---- the parts */

static tn_conv2d_grad_attrs conv_attrs(const tn_fused_grad_attrs *how)
{
    return (tn_conv2d_grad_attrs){.struct_size = sizeof(tn_conv2d_grad_attrs),
                                  .size = {how->size[0], how->size[1]},
                                  .stride = {how->stride[0], how->stride[1]},
                                  .padding = {how->padding[0], how->padding[1]},
                                  .dilation = {how->dilation[0], how->dilation[1]},
                                  .groups = how->groups};
}

static tn_conv2d_attrs forward_attrs(const tn_fused_grad_attrs *how)
{
    const tn_conv2d_grad_attrs conv = conv_attrs(how);
    return tn__conv2d_attrs_of(&conv);
}

/* image, kernel: the last two dims of x and of w */
static tn_max_pool2d_grad_attrs pool_attrs(const tn_fused_grad_attrs *how, const int64_t *image, const int64_t *kernel)
{
    tn_max_pool2d_grad_attrs pool = {.struct_size = sizeof pool};
    for (int i = 0; i < 2; i++) {
        int64_t covered = how->dilation[i] * (kernel[i] - 1) + 1;
        pool.size[i] = (image[i] + 2 * how->padding[i] - covered) / how->stride[i] + 1;
        pool.kernel[i] = how->pool_kernel[i];
        pool.stride[i] = how->pool_stride[i];
        pool.dilation[i] = 1;
    }
    return pool;
}

/* dy at the places of the maxima, in an image of the size of the convolution's result. */
static tn_tensor *scatter(tn_context *tn, const tn_fused_grad_attrs *how, const int64_t *image, const int64_t *kernel,
                          tn_tensor *dy, tn_tensor *index)
{
    tn_max_pool2d_grad_attrs pool = pool_attrs(how, image, kernel);
    return TN_APPLY(tn, max_pool2d_grad, &pool, dy, index);
}

/* The convolution's result at the places of the maxima: the gradient of both operators for dy. */
static tn_tensor *gather(tn_context *tn, const tn_fused_grad_attrs *how, tn_tensor *x, tn_tensor *w, tn_tensor *index)
{
    tn_conv2d_attrs forward = forward_attrs(how);
    tn_max_pool2d_grad_attrs pool = pool_attrs(how, tn_dims(x) + 2, tn_dims(w) + 2);
    return TN_APPLY(tn, max_pool2d_gather, &pool, TN_APPLY(tn, conv2d, &forward, x, w, NULL), index);
}

static tn_fused_grad_attrs with_size(const tn_fused_grad_attrs *how, const tn_tensor *sized)
{
    tn_fused_grad_attrs attrs = *how;
    attrs.size[0] = tn_dim(sized, -2);
    attrs.size[1] = tn_dim(sized, -1);
    return attrs;
}

static uint64_t flops(const tn_run *run, const tn_tensor_desc *w)
{
    return tn__places_flops(tn_desc_numel(run->in_desc[0]), w);
}

static bool check_dy(tn_infer *infer, const int64_t *image, const int64_t *kernel)
{
    const tn_fused_grad_attrs *how = infer->attrs;
    const tn_conv2d_attrs forward = forward_attrs(how);
    const int64_t *dy = tn_dims(infer->in[0]) + 2;
    int64_t size[2], windows[2];
    if (!tn__conv2d_windows(infer, &forward, image, kernel, size) ||
        !tn__plain_pool2d_windows(infer, how->pool_kernel, how->pool_stride, size, windows) ||
        !tn__pool2d_check_index(infer, how->pool_kernel, infer->in[1]))
        return false;
    if (windows[0] == dy[0] && windows[1] == dy[1]) return true;
    return tn__refuse(infer, "dy is %lld x %lld, the pooling's result is %lld x %lld", (long long)dy[0],
                      (long long)dy[1], (long long)windows[0], (long long)windows[1]);
}

/* ---- for the input */

static bool infer_input(tn_infer *infer)
{
    const tn_fused_grad_attrs *how = infer->attrs;
    const int64_t *w = tn_dims(infer->in[2]);
    tn_tensor_desc *dx = &infer->out[0];
    if (!tn__conv2d_check_groups(infer, how->groups, w[0], "dy")) return false;
    dx->dims[1] = w[1] * how->groups;
    dx->dims[2] = how->size[0];
    dx->dims[3] = how->size[1];
    return check_dy(infer, how->size, w + 2);
}

static uint64_t flops_input(const tn_run *run)
{
    return flops(run, run->in_desc[2]);
}

static void decompose_input(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in TN_UNUSED,
                            tn_tensor **out)
{
    const tn_fused_grad_attrs *how = attrs;
    const tn_conv2d_grad_attrs conv = conv_attrs(how);
    out[0] =
        TN_APPLY(tn, conv2d_grad_input, &conv, scatter(tn, how, how->size, tn_dims(in[2]) + 2, in[0], in[1]), in[2]);
}

static void grad_of_input(tn_grad *g)
{
    tn_tensor *dy = g->in[0], *index = g->in[1], *w = g->in[2];
    tn_fused_grad_attrs attrs = with_size(g->attrs, w);
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, gather(g->ctx, g->attrs, g->dy, w, index));
    if (tn_wants_grad(g, 2))
        tn_send_grad(g, 2, TN_APPLY(g->ctx, conv2d_max_pool2d_grad_weight, &attrs, dy, index, g->dy));
}

const tn_op tn__op_conv2d_max_pool2d_grad_input = {
    .name = "conv2d_max_pool2d_grad_input",
    .flags = TN_OP_IMAGE | TN_OP_SPARSE,
    .infer = infer_input,
    .flops = flops_input,
    .grad = grad_of_input,
    .decompose = decompose_input,
    .samples = TN_SAMPLES(
        "dy[2,6,3,3] index:u8[2,6,3,3]{0,4} w[6,3,3,3]; size=8,8 pool_kernel=2,2 pool_stride=2,2",
        "dy[1,3,3,2] index:u8[1,3,3,2]{0,4} w[3,2,3,3]; size=9,7 pool_kernel=2,2 pool_stride=2,2",
        "dy[2,5,4,4] index:u8[2,5,4,4]{0,4} w[5,2,3,3]; size=9,9 padding=1,1 pool_kernel=2,2 pool_stride=2,2",
        "dy[1,3,5,3] index:u8[1,3,5,3]{0,4} w[3,2,2,3]; size=12,11 stride=2,1 dilation=1,2 pool_kernel=2,2 "
        "pool_stride=1,2",
        "dy[1,6,2,2] index:u8[1,6,2,2]{0,6} w[6,2,2,2]; size=7,6 groups=2 pool_kernel=3,2 pool_stride=2,2",
        "dy[0,3,2,2] index:u8[0,3,2,2]{0,4} w[3,2,3,3]; size=6,6 pool_kernel=2,2 pool_stride=2,2",
        "dy:f32[3,48,3,6] index:u8[3,48,3,6]{0,4} w:f32[48,16,3,3]; size=8,14 pool_kernel=2,2 pool_stride=2,2",
        "dy:f32[2,37,5,4] index:u8[2,37,5,4]{0,4} w:f32[37,21,3,3]; size=8,7 pool_kernel=2,2 pool_stride=1,1",
        "dy:f32[2,300,6,6] index:u8[2,300,6,6]{0,4} w:f32[300,5,3,3]; size=14,15 pool_kernel=2,2 pool_stride=2,2",
        "dy:f32[3,64,5,5] index:u8[3,64,5,5]{0,4} w:f32[64,32,3,3]; size=13,13 pool_kernel=2,2 pool_stride=2,2"),
    .shapes = TN_SAMPLES("dy[N,64,5,5] index:u8[N,64,5,5]{0,4} w[64,32,3,3]; size=13,13 pool_kernel=2,2 "
                         "pool_stride=2,2"),
};

/* ---- for the weight and the bias */

static bool infer_weight(tn_infer *infer)
{
    const tn_fused_grad_attrs *how = infer->attrs;
    const int64_t *dy = tn_dims(infer->in[0]), *x = tn_dims(infer->in[2]);
    tn_tensor_desc *dw = &infer->out[0];
    if (!tn__conv2d_check_groups(infer, how->groups, x[1], "x") ||
        !tn__conv2d_check_groups(infer, how->groups, dy[1], "dy"))
        return false;
    dw->dims[1] = x[1] / how->groups;
    dw->dims[2] = how->size[0];
    dw->dims[3] = how->size[1];
    return check_dy(infer, x + 2, how->size);
}

static uint64_t flops_weight(const tn_run *run)
{
    return flops(run, run->out_desc[0]);
}

static void decompose_weight(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in TN_UNUSED,
                             tn_tensor **out)
{
    const tn_fused_grad_attrs *how = attrs;
    const tn_conv2d_grad_attrs conv = conv_attrs(how);
    tn_tensor *parts[] = {scatter(tn, how, tn_dims(in[2]) + 2, how->size, in[0], in[1]), in[2]};
    tn__apply_all(tn, &tn__op_conv2d_grad_weight, &conv, 2, parts, out);
}

static void grad_of_weight(tn_grad *g)
{
    tn_tensor *dy = g->in[0], *index = g->in[1], *x = g->in[2];
    tn_fused_grad_attrs attrs = with_size(g->attrs, x);
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, gather(g->ctx, g->attrs, x, g->dy, index));
    if (tn_wants_grad(g, 2))
        tn_send_grad(g, 2, TN_APPLY(g->ctx, conv2d_max_pool2d_grad_input, &attrs, dy, index, g->dy));
}

const tn_op tn__op_conv2d_max_pool2d_grad_weight = {
    .name = "conv2d_max_pool2d_grad_weight",
    .flags = TN_OP_SPARSE,
    .infer = infer_weight,
    .flops = flops_weight,
    .grad = grad_of_weight,
    .decompose = decompose_weight,
    .samples = TN_SAMPLES(
        "dy[2,6,3,3] index:u8[2,6,3,3]{0,4} x[2,3,8,8]; size=3,3 pool_kernel=2,2 pool_stride=2,2",
        "dy[1,3,3,2] index:u8[1,3,3,2]{0,4} x[1,2,9,7]; size=3,3 pool_kernel=2,2 pool_stride=2,2",
        "dy[2,5,4,4] index:u8[2,5,4,4]{0,4} x[2,2,9,9]; size=3,3 padding=1,1 pool_kernel=2,2 pool_stride=2,2",
        "dy[1,3,5,3] index:u8[1,3,5,3]{0,4} x[1,2,12,11]; size=2,3 stride=2,1 dilation=1,2 pool_kernel=2,2 "
        "pool_stride=1,2",
        "dy[1,6,2,2] index:u8[1,6,2,2]{0,6} x[1,4,7,6]; size=2,2 groups=2 pool_kernel=3,2 pool_stride=2,2",
        "dy[0,3,2,2] index:u8[0,3,2,2]{0,4} x[0,2,6,6]; size=3,3 pool_kernel=2,2 pool_stride=2,2",
        "dy:f32[19,48,3,6] index:u8[19,48,3,6]{0,4} x:f32[19,16,8,14]; size=3,3 pool_kernel=2,2 pool_stride=2,2",
        "dy:f32[2,37,5,4] index:u8[2,37,5,4]{0,4} x:f32[2,21,8,7]; size=3,3 pool_kernel=2,2 pool_stride=1,1",
        "dy:f32[2,5,9,9] index:u8[2,5,9,9]{0,4} x:f32[2,48,20,21]; size=3,3 pool_kernel=2,2 pool_stride=2,2",
        "dy:f32[5,32,13,13] index:u8[5,32,13,13]{0,4} x:f32[5,1,28,28]; size=3,3 pool_kernel=2,2 pool_stride=2,2",
        "dy:f32[3,64,5,5] index:u8[3,64,5,5]{0,4} x:f32[3,32,13,13]; size=3,3 pool_kernel=2,2 pool_stride=2,2"),
    .shapes = TN_SAMPLES("dy[N,32,13,13] index:u8[N,32,13,13]{0,4} x[N,1,28,28]; size=3,3 pool_kernel=2,2 "
                         "pool_stride=2,2",
                         "dy[N,64,5,5] index:u8[N,64,5,5]{0,4} x[N,32,13,13]; size=3,3 pool_kernel=2,2 "
                         "pool_stride=2,2"),
};

/* ---- for conv2d_max_pool2d_relu */

static tn_fused_grad_attrs grad_attrs(const tn_fused_attrs *how, const tn_tensor *sized)
{
    return (tn_fused_grad_attrs){.struct_size = sizeof(tn_fused_grad_attrs),
                                 .size = {tn_dim(sized, -2), tn_dim(sized, -1)},
                                 .stride = {how->stride[0], how->stride[1]},
                                 .padding = {how->padding[0], how->padding[1]},
                                 .dilation = {how->dilation[0], how->dilation[1]},
                                 .groups = how->groups,
                                 .pool_kernel = {how->pool_kernel[0], how->pool_kernel[1]},
                                 .pool_stride = {how->pool_stride[0], how->pool_stride[1]}};
}

tn_tensor *tn__conv2d_max_pool2d_grad_input(tn_tensor *dy, tn_tensor *index, tn_tensor *w, tn_tensor *x,
                                            const tn_fused_attrs *how)
{
    tn_fused_grad_attrs attrs = grad_attrs(how, x);
    return TN_APPLY(dy->ctx, conv2d_max_pool2d_grad_input, &attrs, dy, index, w);
}

tn_tensor *tn__conv2d_max_pool2d_grad_weight(tn_tensor *dy, tn_tensor *index, tn_tensor *x, tn_tensor *w,
                                             const tn_fused_attrs *how, tn_tensor **db)
{
    tn_fused_grad_attrs attrs = grad_attrs(how, w);
    tn_tensor *in[] = {dy, index, x}, *out[TN_MAX_OUT];
    tn__apply_all(dy->ctx, &tn__op_conv2d_max_pool2d_grad_weight, &attrs, 3, in, out);
    if (db) *db = out[1];
    return out[0];
}
