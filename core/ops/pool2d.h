/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two poolings share: windows over the planes (one channel of one image) of a batch. */
#ifndef TENON_POOL2D_H
#define TENON_POOL2D_H

#include "ops/window.h"

/* Pairs are {along the height, along the width}. */
typedef struct tn_pool2d {
    tn_window window[2];
    int64_t planes, image[2], out[2];
} tn_pool2d;

static inline void tn__pool2d_window(tn_window window[2], const int64_t kernel[2], const int64_t stride[2],
                                     const int64_t padding[2], const int64_t dilation[2])
{
    for (int i = 0; i < 2; i++) window[i] = (tn_window){kernel[i], stride[i], padding[i], dilation[i]};
}

static inline void tn__pool2d_shape(tn_pool2d *pool, const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    pool->planes = x->dims[0] * x->dims[1];
    for (int i = 0; i < 2; i++) {
        pool->image[i] = x->dims[2 + i];
        pool->out[i] = y->dims[2 + i];
    }
}

/* Writes how many windows an image has; false after raising. */
bool tn__pool2d_windows(tn_infer *infer, const tn_window window[2], const int64_t image[2], bool ceil, int64_t out[2]);
/* For gradients: is `out` what an image of this size gives, with ceil_mode or without? */
bool tn__pool2d_check(tn_infer *infer, const tn_window window[2], const int64_t image[2], const int64_t out[2]);

/* Of max pooling: u8 for windows of at most 256 cells, else i32; 0 after raising, if no index can count the cells. */
tn_dtype tn__pool2d_index_dtype(tn_infer *infer, const int64_t kernel[2]);
bool tn__pool2d_check_index(tn_infer *infer, const int64_t kernel[2], const tn_tensor *index);

/* Runs body over all planes, each of which touches `elements` elements. */
static inline void tn__for_planes(int64_t planes, int64_t elements, void (*body)(void *arg, int64_t begin, int64_t end),
                                  void *arg)
{
    enum { GRAIN = 1 << 14 };
    tn__parallel_for(planes, GRAIN / (elements + 1) + 1, body, arg);
}

#endif
