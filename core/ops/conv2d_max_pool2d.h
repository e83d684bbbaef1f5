/* SPDX-License-Identifier: Apache-2.0
 *
 * What the operators share that convolve and pool in one. The image that is pooled is the convolution's result; it is
 * nobody's input or output. */
#ifndef TENON_CONV2D_MAX_POOL2D_H
#define TENON_CONV2D_MAX_POOL2D_H

#include "ops/conv2d.h"
#include "ops/pool2d.h"

typedef tn_conv2d_max_pool2d_relu_attrs tn_fused_attrs;
typedef tn_conv2d_max_pool2d_grad_attrs tn_fused_grad_attrs;

/* ---- for gradients; x, or w, is only asked for its size, db is as in tn__conv2d_grad_weight */
tn_tensor *tn__conv2d_max_pool2d_grad_input(tn_tensor *dy, tn_tensor *index, tn_tensor *w, tn_tensor *x,
                                            const tn_fused_attrs *how);
tn_tensor *tn__conv2d_max_pool2d_grad_weight(tn_tensor *dy, tn_tensor *index, tn_tensor *x, tn_tensor *w,
                                             const tn_fused_attrs *how, tn_tensor **db);

/* Writes how many windows an image of `size` has for a pooling without padding and dilation; false after raising. */
static inline bool tn__plain_pool2d_windows(tn_infer *infer, const int64_t kernel[2], const int64_t stride[2],
                                            const int64_t size[2], int64_t windows[2])
{
    const int64_t none[2] = {0, 0}, one[2] = {1, 1};
    tn_window window[2];
    tn__pool2d_window(window, kernel, stride, none, one);
    return tn__pool2d_windows(infer, window, size, false, windows);
}

/* 2 multiplications and additions for each of the `places` at which w is applied. */
static inline uint64_t tn__places_flops(int64_t places, const tn_tensor_desc *w)
{
    return 2 * (uint64_t)(places * w->dims[1] * w->dims[2] * w->dims[3]);
}

#endif
