/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes, attributes and packed weights: what convolution and its gradients share. */
#include "ops/conv2d.h"

#include "ops/window.h"

/* ---- attributes */

tn_conv2d_attrs tn__conv2d_defaults(const tn_conv2d_attrs *how)
{
    tn_conv2d_attrs a = how ? *how : (tn_conv2d_attrs){0};
    a.struct_size = sizeof a;
    for (int i = 0; i < 2; i++) {
        if (a.stride[i] == 0) a.stride[i] = 1;
        if (a.dilation[i] == 0) a.dilation[i] = 1;
    }
    if (a.groups == 0) a.groups = 1;
    return a;
}

tn_conv2d_attrs tn__conv2d_attrs_of(const tn_conv2d_grad_attrs *how)
{
    return (tn_conv2d_attrs){.struct_size = sizeof(tn_conv2d_attrs),
                             .stride = {how->stride[0], how->stride[1]},
                             .padding = {how->padding[0], how->padding[1]},
                             .dilation = {how->dilation[0], how->dilation[1]},
                             .groups = how->groups};
}

tn_conv2d_grad_attrs tn__conv2d_grad_attrs(const tn_conv2d_attrs *how, const tn_tensor *sized)
{
    return (tn_conv2d_grad_attrs){.struct_size = sizeof(tn_conv2d_grad_attrs),
                                  .size = {tn_dim(sized, -2), tn_dim(sized, -1)},
                                  .stride = {how->stride[0], how->stride[1]},
                                  .padding = {how->padding[0], how->padding[1]},
                                  .dilation = {how->dilation[0], how->dilation[1]},
                                  .groups = how->groups};
}

/* ---- inference */

bool tn__conv2d_check_groups(tn_infer *infer, int64_t groups, int64_t channels, const char *of)
{
    if (groups >= 1 && channels % groups == 0) return true;
    return tn__refuse(infer, "groups is %lld, it must be at least 1 and divide the %lld channels of %s",
                      (long long)groups, (long long)channels, of);
}

bool tn__conv2d_windows(tn_infer *infer, const tn_conv2d_attrs *how, const int64_t image[2], const int64_t kernel[2],
                        int64_t windows[2])
{
    for (int axis = 0; axis < 2; axis++) {
        tn_window window = {kernel[axis], how->stride[axis], how->padding[axis], how->dilation[axis]};
        windows[axis] = tn__count_windows(infer, axis, image[axis], window, false);
        if (windows[axis] < 0) return false;
    }
    return true;
}

bool tn__conv2d_check_dy(tn_infer *infer, const tn_conv2d_attrs *how, const int64_t image[2], const int64_t kernel[2])
{
    const int64_t *dy = tn_dims(infer->in[0]) + 2;
    int64_t windows[2];
    if (!tn__conv2d_windows(infer, how, image, kernel, windows)) return false;
    if (windows[0] == dy[0] && windows[1] == dy[1]) return true;
    return tn__refuse(infer, "dy is %lld x %lld, the convolution's result is %lld x %lld", (long long)dy[0],
                      (long long)dy[1], (long long)windows[0], (long long)windows[1]);
}

bool tn__conv2d_infer(tn_infer *infer)
{
    const tn_conv2d_attrs *how = infer->attrs;
    const int64_t *x = tn_dims(infer->in[0]), *w = tn_dims(infer->in[1]);
    if (!tn__conv2d_check_groups(infer, how->groups, x[1], "x") ||
        !tn__conv2d_check_groups(infer, how->groups, w[0], "y"))
        return false;
    if (w[1] != x[1] / how->groups)
        return tn__refuse(infer, "w expects %lld input channels, x has %lld", (long long)(w[1] * how->groups),
                          (long long)x[1]);
    return tn__conv2d_windows(infer, how, x + 2, w + 2, infer->out[0].dims + 2);
}

/* ---- kernels */

tn_conv2d_shape tn__conv2d_shape(const tn_tensor_desc *x, const tn_tensor_desc *w, const tn_tensor_desc *y,
                                 const tn_conv2d_attrs *how)
{
    tn_conv2d_shape s = {.dtype = x->dtype, .size = (int64_t)tn_dtype_size(x->dtype)};
    s.images = x->dims[0];
    s.groups = how->groups;
    s.out = w->dims[0] / how->groups;
    s.patches.channels = w->dims[1];
    for (int i = 0; i < 2; i++) {
        s.patches.image[i] = x->dims[2 + i];
        s.patches.windows[i] = y->dims[2 + i];
        s.patches.kernel[i] = w->dims[2 + i];
        s.patches.stride[i] = how->stride[i];
        s.patches.padding[i] = how->padding[i];
        s.patches.dilation[i] = how->dilation[i];
    }
    s.cells = w->dims[1] * w->dims[2] * w->dims[3];
    s.windows = y->dims[2] * y->dims[3];
    s.x_part = w->dims[1] * x->dims[2] * x->dims[3];
    s.y_part = s.out * s.windows;
    s.w_group = s.out * s.cells;
    return s;
}

uint64_t tn__conv2d_flops(const tn_conv2d_shape *s)
{
    return 2 * (uint64_t)(s->images * s->groups * s->y_part) * (uint64_t)s->cells;
}

int64_t tn__conv2d_block(const tn_conv2d_shape *s, int64_t bytes_per_window)
{
    enum { CACHE = 256 << 10, MOST = 1024 };
    int64_t tile = tn__gemm_tile(s->dtype).cols, fit = CACHE / (bytes_per_window + 1);
    int64_t block = (fit < MOST ? fit : MOST) / tile * tile;
    if (block < tile) block = tile;
    return block < s->windows ? block : s->windows;
}

/* One line of A for each output channel, or for each cell. */
typedef struct weights {
    const tn_conv2d_shape *s;
    const void *w;
    char *panels;
    int64_t width, lines, depth, line_stride, depth_stride, panels_of_group;
} weights;

static weights describe(const tn_conv2d_shape *s, bool transposed)
{
    weights w = {.s = s, .width = tn__gemm_tile(s->dtype).rows};
    w.lines = transposed ? s->cells : s->out;
    w.depth = transposed ? s->out : s->cells;
    w.line_stride = transposed ? 1 : s->cells;
    w.depth_stride = transposed ? s->cells : 1;
    w.panels_of_group = (w.lines + w.width - 1) / w.width;
    return w;
}

uint64_t tn__conv2d_weight_bytes(const tn_conv2d_shape *s, bool transposed)
{
    weights w = describe(s, transposed);
    return tn__panel_bytes(s->dtype, w.width, w.lines, w.depth);
}

static void pack_panels(void *arg, int64_t begin, int64_t end)
{
    const weights *w = arg;
    const tn_conv2d_shape *s = w->s;
    uint64_t group_bytes = tn__panel_bytes(s->dtype, w->width, w->lines, w->depth);
    for (int64_t p = begin; p < end; p++) {
        int64_t group = p / w->panels_of_group, line = p % w->panels_of_group * w->width, rest = w->lines - line;
        tn__pack(s->dtype, w->width, rest < w->width ? rest : w->width, w->depth,
                 tn__element(s, w->w, group * s->w_group + line * w->line_stride), w->line_stride, w->depth_stride,
                 w->panels + (uint64_t)group * group_bytes + (uint64_t)(line * w->depth * s->size));
    }
}

void tn__conv2d_pack_weights(const tn_conv2d_shape *s, const void *w, bool transposed, void *panels)
{
    enum { GRAIN = 1 << 15 }; /* elements that are worth a thread */
    weights job = describe(s, transposed);
    job.w = w;
    job.panels = panels;
    tn__parallel_for(s->groups * job.panels_of_group, GRAIN / (job.width * job.depth + 1) + 1, pack_panels, &job);
}
