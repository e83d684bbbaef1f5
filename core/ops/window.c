/* SPDX-License-Identifier: Apache-2.0
 *
 * How many windows fit on an axis. */
#include "ops/window.h"

static bool in_range(tn_infer *infer, const char *what, int axis, int64_t value, int64_t least)
{
    if (value >= least && value <= INT32_MAX) return true;
    return tn__refuse(infer, "the %s is %lld along the %s, it must be from %lld to %d", what, (long long)value,
                      axis ? "width" : "height", (long long)least, INT32_MAX);
}

int64_t tn__count_windows(tn_infer *infer, int axis, int64_t size, tn_window window, bool ceil)
{
    if (!in_range(infer, "image", axis, size, 0) || !in_range(infer, "kernel", axis, window.kernel, 1) ||
        !in_range(infer, "stride", axis, window.stride, 1) || !in_range(infer, "padding", axis, window.padding, 0) ||
        !in_range(infer, "dilation", axis, window.dilation, 1))
        return -1;
    int64_t reach = (window.kernel - 1) * window.dilation + 1, padded = size + 2 * window.padding;
    int64_t room = padded - reach + (ceil ? window.stride - 1 : 0);
    if (room < 0) {
        tn__refuse(infer, "the kernel reaches over %lld cells along the %s, the padded image has %lld",
                   (long long)reach, axis ? "width" : "height", (long long)padded);
        return -1;
    }
    int64_t count = room / window.stride + 1;
    return ceil && (count - 1) * window.stride >= size + window.padding ? count - 1 : count;
}
