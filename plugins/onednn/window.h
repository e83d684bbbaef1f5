/* SPDX-License-Identifier: Apache-2.0
 *
 * The windows of pooling, seen from one row of outputs or of inputs. Images are dense and channels-last. */
#ifndef DN_WINDOW_H
#define DN_WINDOW_H

#include "common.h"

typedef struct dn_window {
    int64_t n, channels, height, width; /* of the input */
    int64_t out_height, out_width;
    int64_t kernel[2], stride[2], padding[2], dilation[2];
} dn_window;

/* x: N C H W, y: N C P Q */
dn_window dn_window_of(const tn_tensor_desc *x, const tn_tensor_desc *y, const int64_t *kernel, const int64_t *stride,
                       const int64_t *padding, const int64_t *dilation);

/* The row (axis 0) or column (axis 1) of the input that cell k of window `out` lies on; may be outside. */
DN_INLINE int64_t dn_window_cell(const dn_window *w, int axis, int64_t out, int64_t k)
{
    return out * w->stride[axis] - w->padding[axis] + k * w->dilation[axis];
}

/* The row of windows whose cells of row kh lie on row h of the input; -1 if there is none. */
DN_INLINE int64_t dn_window_of_row(const dn_window *w, int64_t h, int64_t kh)
{
    const int64_t from_first = h + w->padding[0] - kh * w->dilation[0];
    if (from_first < 0 || from_first % w->stride[0]) return -1;
    return from_first / w->stride[0] < w->out_height ? from_first / w->stride[0] : -1;
}

/* Rows of `width` pixels per thread so that the work pays for its start. */
int64_t dn_window_grain(const dn_window *w, int64_t width);

#endif
