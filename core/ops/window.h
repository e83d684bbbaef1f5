/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows that slide over an image: the shapes that convolution and pooling share. */
#ifndef TENON_WINDOW_H
#define TENON_WINDOW_H

#include "ops/op.h"

/* Along one axis: window i has the cells i * stride - padding + k * dilation, 0 <= k < kernel. */
typedef struct tn_window {
    int64_t kernel, stride, padding, dilation;
} tn_window;

/* How many windows an axis of `size` cells has, or -1 after raising. axis 0 is the height, 1 the width. With `ceil`, a
 * last window may reach over the right padding, if it begins before it. */
int64_t tn__count_windows(tn_infer *infer, int axis, int64_t size, tn_window window, bool ceil);

#endif
