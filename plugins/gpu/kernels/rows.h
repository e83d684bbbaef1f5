/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows by index: index_select, gather_scale, index_add, one_hot. An index of a row that there is not, which the core
 * rules out, gives zeros and touches no memory. */
#ifndef GPU_KERNELS_ROWS_H
#define GPU_KERNELS_ROWS_H

#include "dtype.h"

/* Which row element i lies in, `all` elements in rows of `of_row`: 32-bit division is several times faster. */
GPU_DEVICE int64_t gpu_row_of(int64_t i, int64_t of_row, int64_t all)
{
    return all <= INT32_MAX ? (int64_t)((uint32_t)i / (uint32_t)of_row) : i / of_row;
}

GPU_DEVICE bool gpu_lies_on(const void *address, uint64_t bytes)
{
    return ((uint64_t)address & (bytes - 1)) == 0;
}

/* ---- index_select, gather_scale */

template <typename T, int N> struct alignas(N * sizeof(T)) gpu_row_pack {
    T at[N];
};

GPU_DEVICE float gpu_scaled_byte(uint8_t x, const gpu_index_select_args &args)
{
    return (float)x * args.scale + args.shift;
}

/* One element of y, or pack of elements, from one of x. */
template <typename T> struct gpu_same {
    GPU_DEVICE T made(T x, const gpu_index_select_args &)
    {
        return x;
    }
};
struct gpu_scale_one {
    GPU_DEVICE float made(uint8_t x, const gpu_index_select_args &args)
    {
        return gpu_scaled_byte(x, args);
    }
};
struct gpu_scale_four {
    GPU_DEVICE gpu_row_pack<float, 4> made(gpu_row_pack<uint8_t, 4> x, const gpu_index_select_args &args)
    {
        gpu_row_pack<float, 4> y;
        for (int k = 0; k < 4; k++) y.at[k] = gpu_scaled_byte(x.at[k], args);
        return y;
    }
};

/* `wide` elements are one of X and of Y: 1, or rows are dense. */
template <typename X, typename Y, typename Make> GPU_DEVICE void gpu_gather(const gpu_index_select_args &args, int wide)
{
    const int64_t of_row = args.row.n / wide, all = args.n * of_row;
    for (int64_t i = GPU_FIRST; i < all; i += GPU_STEP) {
        const int64_t n = gpu_row_of(i, of_row, all), from = args.index[n * args.index_stride];
        int64_t at[2] = {i - n * of_row, i - n * of_row};
        X x = {};
        if (wide == 1) gpu_offsets<2>(args.row, i - n * of_row, at);
        if ((uint64_t)from < (uint64_t)args.x_rows) x = ((const X *)args.x)[from * (args.x_row / wide) + at[1]];
        ((Y *)args.y)[n * (args.y_row / wide) + at[0]] = Make::made(x, args);
    }
}

typedef gpu_row_pack<uint64_t, 2> gpu_wide;

GPU_DEFINE(index_select, gpu_index_select_args, GPU_GATHER_THREADS)
{
    if (args.wide > 1 && gpu_lies_on(args.x, sizeof(gpu_wide)) && gpu_lies_on(args.y, sizeof(gpu_wide)))
        gpu_gather<gpu_wide, gpu_wide, gpu_same<gpu_wide>>(args, args.wide);
    else if (args.unit == 8)
        gpu_gather<uint64_t, uint64_t, gpu_same<uint64_t>>(args, 1);
    else if (args.unit == 4)
        gpu_gather<uint32_t, uint32_t, gpu_same<uint32_t>>(args, 1);
    else
        gpu_gather<uint8_t, uint8_t, gpu_same<uint8_t>>(args, 1);
}

GPU_DEFINE(gather_scale, gpu_gather_scale_args, GPU_GATHER_THREADS)
{
    if (args.wide > 1 && gpu_lies_on(args.x, 4) && gpu_lies_on(args.y, 16))
        gpu_gather<gpu_row_pack<uint8_t, 4>, gpu_row_pack<float, 4>, gpu_scale_four>(args, 4);
    else
        gpu_gather<uint8_t, float, gpu_scale_one>(args, 1);
}

/* ---- index_add: a block owns some rows of dx, whose sums it keeps in shared memory, as f64. It goes through the index, as
 * many at a time as it has threads, and adds what belongs to it in order. Each element of dx belongs to one thread. */

/* The thread's elements: column `column` of every `step`-th row of the tile, from `first`. */
struct gpu_row_tile {
    int64_t begin, end; /* rows of dx */
    int64_t first, step;
    uint32_t column, width; /* a place in sums is (row - begin) * width + column */
};

GPU_DEVICE gpu_row_tile gpu_row_tile_of(const gpu_index_add_args &args)
{
    gpu_row_tile tile;
    tile.width = args.row.n < gpu_threads() ? (uint32_t)args.row.n : gpu_threads();
    tile.column = gpu_thread() % tile.width;
    tile.begin = gpu_block_x() * args.tile;
    tile.end = tile.begin + args.tile < args.rows ? tile.begin + args.tile : args.rows;
    tile.step = gpu_threads() / tile.width;
    tile.first = tile.begin + gpu_thread() / tile.width;
    if (gpu_thread() >= tile.width * tile.step) tile.first = tile.end;
    return tile;
}

/* Adds rows of dy, n to n + 63 at most, whose bits are set, to those sums that are the thread's. */
template <typename T>
GPU_DEVICE void gpu_add_rows(const gpu_index_add_args &args, const gpu_row_tile &tile, const T *dy, int64_t n,
                             uint64_t bits, double *sums)
{
    for (; bits; bits >>= 1, n++) {
        if (!(bits & 1)) continue;
        const uint32_t r = (uint32_t)(args.index[n * args.index_stride] - tile.begin);
        if (r % (uint32_t)tile.step == (uint32_t)(tile.first - tile.begin))
            sums[r * tile.width + tile.column] += dy[n * args.dy_row];
    }
}

/* The columns from `first` on, as many as the tile is wide. */
template <typename T>
GPU_DEVICE void gpu_index_add_columns(const gpu_index_add_args &args, const gpu_row_tile &tile, int64_t first,
                                      uint64_t *found, double *sums)
{
    const uint32_t warp = gpu_warp(), warps = gpu_threads() / warp;
    const bool mine = first + tile.column < args.row.n && tile.first < tile.end;
    int64_t at[2] = {0, 0};
    if (mine) gpu_offsets<2>(args.row, first + tile.column, at);
    for (int64_t r = tile.first; r < tile.end; r += tile.step) sums[(r - tile.begin) * tile.width + tile.column] = 0;
    for (int64_t n = 0; n < args.n; n += gpu_threads()) {
        const int64_t i = n + gpu_thread(), r = i < args.n ? args.index[i * args.index_stride] : -1;
        const uint64_t bits = gpu_ballot(r >= tile.begin && r < tile.end);
        gpu_sync();
        if (gpu_thread() % warp == 0) found[gpu_thread() / warp] = bits;
        gpu_sync();
        for (uint32_t w = 0; mine && w < warps; w++)
            gpu_add_rows(args, tile, (const T *)args.dy + at[1], n + w * warp, found[w], sums);
    }
    for (int64_t r = tile.first; mine && r < tile.end; r += tile.step)
        ((T *)args.dx)[r * args.dx_row + at[0]] = (T)sums[(r - tile.begin) * tile.width + tile.column];
}

template <typename T> GPU_DEVICE void gpu_index_add_as(const gpu_index_add_args &args, uint64_t *found)
{
    GPU_DYNAMIC_SHARED(double, sums);
    const gpu_row_tile tile = gpu_row_tile_of(args);
    for (int64_t c = (int64_t)gpu_block_y() * tile.width; c < args.row.n; c += (int64_t)gpu_blocks_y() * tile.width)
        gpu_index_add_columns<T>(args, tile, c, found, sums);
}

GPU_DEFINE(index_add, gpu_index_add_args, GPU_THREADS)
{
    GPU_SHARED uint64_t found[GPU_MOST_WARPS];
    if (args.dtype == TN_F32)
        gpu_index_add_as<float>(args, found);
    else
        gpu_index_add_as<double>(args, found);
}

/* ---- one_hot */

GPU_DEFINE(one_hot, gpu_one_hot_args, GPU_THREADS)
{
    const int64_t all = args.nest.n * args.classes;
    for (int64_t i = GPU_FIRST; i < all; i += GPU_STEP) {
        const int64_t n = gpu_row_of(i, args.classes, all), k = i - n * args.classes;
        int64_t at[2];
        gpu_offsets<2>(args.nest, n, at);
        args.y[at[0] + k * args.class_stride] = args.index[at[1]] == k;
    }
}

#endif
