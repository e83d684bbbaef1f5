/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape checks that the poolings and their gradients share. */
#include "ops/pool2d.h"

bool tn__pool2d_windows(tn_infer *infer, const tn_window window[2], const int64_t image[2], bool ceil, int64_t out[2])
{
    for (int axis = 0; axis < 2; axis++) {
        out[axis] = tn__count_windows(infer, axis, image[axis], window[axis], ceil);
        if (out[axis] < 0) return false;
        if (window[axis].padding > window[axis].kernel / 2)
            return tn__refuse(infer, "the padding is %lld, it must be at most half the kernel, which is %lld",
                              (long long)window[axis].padding, (long long)window[axis].kernel);
    }
    return true;
}

bool tn__pool2d_check(tn_infer *infer, const tn_window window[2], const int64_t image[2], const int64_t out[2])
{
    int64_t up[2], down[2];
    if (!tn__pool2d_windows(infer, window, image, true, up)) return false;
    if (up[0] == out[0] && up[1] == out[1]) return true;
    if (!tn__pool2d_windows(infer, window, image, false, down)) return false;
    if (down[0] == out[0] && down[1] == out[1]) return true;
    return tn__refuse(infer, "an image of %lld x %lld has %lld x %lld windows, not %lld x %lld", (long long)image[0],
                      (long long)image[1], (long long)down[0], (long long)down[1], (long long)out[0],
                      (long long)out[1]);
}

tn_dtype tn__pool2d_index_dtype(tn_infer *infer, const int64_t kernel[2])
{
    if (kernel[0] * kernel[1] <= 256) return TN_U8;
    if (kernel[0] * kernel[1] <= INT32_MAX) return TN_I32;
    tn__refuse(infer, "a kernel of %lld x %lld has more cells than an index can count", (long long)kernel[0],
               (long long)kernel[1]);
    return 0;
}

bool tn__pool2d_check_index(tn_infer *infer, const int64_t kernel[2], const tn_tensor *index)
{
    tn_dtype wanted = tn__pool2d_index_dtype(infer, kernel);
    if (!wanted || tn_dtype_of(index) == wanted) return wanted != 0;
    return tn__refuse(infer, "index must be %s for a kernel of %lld x %lld, but is %s", tn_dtype_name(wanted),
                      (long long)kernel[0], (long long)kernel[1], tn_dtype_name(tn_dtype_of(index)));
}
