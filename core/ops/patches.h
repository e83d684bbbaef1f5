/* SPDX-License-Identifier: Apache-2.0
 *
 * The windows of a convolution as a matrix: row r is the cell (channel, kernel row, kernel column) of a window, column
 * s the window (output row, output column), and what lies outside the image is 0. It is never made whole: parts of it
 * are gathered into panels for the matrix product (gemm.h), or scattered back. */
#ifndef TENON_PATCHES_H
#define TENON_PATCHES_H

#include "ops/op.h"

/* One group of one image; pairs are {along the height, along the width}. */
typedef struct tn_patches {
    int64_t channels, image[2], windows[2];
    int64_t kernel[2], stride[2], padding[2], dilation[2];
} tn_patches;

/* The windows [first, first + count), one line of a panel each, as deep as there are cells: B of the product that
 * gives y. */
void tn__pack_windows(tn_dtype dtype, const tn_patches *shape, const void *image, int64_t first, int64_t count,
                      int64_t width, void *panels);
/* The cells of the same windows, one line of a panel each, `count` deep: B of the product that gives dw. */
void tn__pack_cells(tn_dtype dtype, const tn_patches *shape, const void *image, int64_t first, int64_t count,
                    int64_t width, void *panels);
/* image += the part of the matrix that has these windows as columns, row-major: each value goes where it came from. */
void tn__add_windows(tn_dtype dtype, const tn_patches *shape, const void *matrix, int64_t first, int64_t count,
                     void *image);

#endif
