/* SPDX-License-Identifier: Apache-2.0
 *
 * Where an index of a product leads: an offset in memory, and a row and a column of an image. */
#ifndef GPU_KERNELS_PLACE_H
#define GPU_KERNELS_PLACE_H

#include "divide.h"

struct gpu_place {
    int64_t at;
    int32_t row, col;
};

GPU_DEVICE gpu_place gpu_place_of(const gpu_axis &axis, uint32_t i)
{
    gpu_place p = {0, 0, 0};
    GPU_UNROLL_BY(1)
    for (int d = axis.rank - 1; d > 0; d--) {
        uint32_t rest = gpu_divide(i, axis.size[d]), step = i - rest * axis.size[d].by;
        p.at += (int64_t)step * axis.strides[d];
        p.row += (int32_t)step * axis.rows[d];
        p.col += (int32_t)step * axis.cols[d];
        i = rest;
    }
    p.at += (int64_t)i * axis.strides[0];
    p.row += (int32_t)i * axis.rows[0];
    p.col += (int32_t)i * axis.cols[0];
    return p;
}

/* ---- how a side of a product is read */

enum {
    GPU_FLAT,      /* a matrix: each axis has one dim */
    GPU_FLAT_ONES, /* the same, with ones at one major index */
    GPU_SPREAD,    /* axes of several dims, every element exists */
    GPU_CELLS,     /* the same; where there is an index, it must name the cell that `row` counts */
    GPU_IMAGE,     /* elements outside the image are 0; there may be ones */
    GPU_DIVIDED,   /* rows and columns are divided first: a convolution's stride, or a pooling's windows */
};

template <int MODE> constexpr bool gpu_is_flat = MODE == GPU_FLAT || MODE == GPU_FLAT_ONES;
template <int MODE> constexpr bool gpu_may_have_ones = MODE == GPU_FLAT_ONES || MODE == GPU_IMAGE;

/* An element: where, whether it exists, and which cell an index must name. */
struct gpu_spot {
    int64_t at;
    int32_t cell;
    bool inside;
};

GPU_DEVICE gpu_spot gpu_divided_spot(const gpu_side &side, int64_t at, int32_t row, int32_t col)
{
    if (row < 0 || col < 0) return gpu_spot{0, 0, false};
    int32_t down = (int32_t)gpu_divide((uint32_t)row, side.by_row),
            right = (int32_t)gpu_divide((uint32_t)col, side.by_col);
    int32_t cell_row = row - down * (int32_t)side.by_row.by, cell_col = col - right * (int32_t)side.by_col.by;
    bool inside = down < side.rows && right < side.cols && cell_row < side.window_rows && cell_col < side.window_cols;
    return gpu_spot{at + down * side.row_stride + right * side.col_stride, cell_row * side.window_cols + cell_col,
                    inside};
}

template <int MODE>
GPU_DEVICE gpu_spot gpu_spot_of(const gpu_side &side, const gpu_place &major, const gpu_place &inner)
{
    int64_t at = major.at + inner.at;
    if (gpu_is_flat<MODE> || MODE == GPU_SPREAD) return gpu_spot{at, 0, true};
    int32_t row = major.row + inner.row, col = major.col + inner.col;
    if (MODE == GPU_CELLS) return gpu_spot{at, row, true};
    if (MODE == GPU_DIVIDED) return gpu_divided_spot(side, at, row, col);
    return gpu_spot{at, 0, (uint32_t)row < (uint32_t)side.rows && (uint32_t)col < (uint32_t)side.cols};
}

#endif
