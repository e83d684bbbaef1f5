/* SPDX-License-Identifier: Apache-2.0
 *
 * The windows of pooling. */
#include "window.h"

dn_window dn_window_of(const tn_tensor_desc *x, const tn_tensor_desc *y, const int64_t *kernel, const int64_t *stride,
                       const int64_t *padding, const int64_t *dilation)
{
    dn_window w = {.n = x->dims[0],
                   .channels = x->dims[1],
                   .height = x->dims[2],
                   .width = x->dims[3],
                   .out_height = y->dims[2],
                   .out_width = y->dims[3]};
    for (int i = 0; i < 2; i++) {
        w.kernel[i] = kernel[i];
        w.stride[i] = stride[i];
        w.padding[i] = padding[i];
        w.dilation[i] = dilation[i];
    }
    return w;
}

int64_t dn_window_grain(const dn_window *w, int64_t width)
{
    enum { ENOUGH = 32768 };
    return dn_max(1, ENOUGH / dn_max(1, width * w->channels));
}
