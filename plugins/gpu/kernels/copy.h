/* SPDX-License-Identifier: Apache-2.0
 *
 * What moves elements and looks at none: fill, copy, where. They know only how many bytes an element has. */

#include "dtype.h"

template <typename T> GPU_DEVICE void gpu_fill_turn(const gpu_fill_args &args, const gpu_turn<1, GPU_LANES> &turn)
{
    T y[GPU_LANES];
    for (int v = 0; v < GPU_LANES; v++) y[v] = (T)args.bits;
    gpu_store(args.walk, turn, 0, y);
}

GPU_DEFINE(fill, gpu_fill_args, GPU_WALK_THREADS)
{
    GPU_EACH_TILE(GPU_LANES, args.walk, tile)
    {
        gpu_turn<1, GPU_LANES> turn = gpu_turn_of<1, GPU_LANES>(args.walk, tile);
        GPU_BY_BYTES(args.bytes, gpu_fill_turn, args, turn)
    }
}

template <typename T> GPU_DEVICE void gpu_copy_turn(const gpu_copy_args &args, const gpu_turn<2, GPU_LANES> &turn)
{
    T x[GPU_LANES];
    gpu_load(args.walk, turn, 1, x);
    gpu_store(args.walk, turn, 0, x);
}

GPU_DEFINE(copy, gpu_copy_args, GPU_WALK_THREADS)
{
    GPU_EACH_TILE(GPU_LANES, args.walk, tile)
    {
        gpu_turn<2, GPU_LANES> turn = gpu_turn_of<2, GPU_LANES>(args.walk, tile);
        GPU_BY_BYTES(args.bytes, gpu_copy_turn, args, turn)
    }
}

template <typename T> GPU_DEVICE void gpu_where_turn(const gpu_where_args &args, const gpu_turn<4, GPU_LANES> &turn)
{
    uint8_t c[GPU_LANES];
    T x[GPU_LANES], y[GPU_LANES];
    gpu_load(args.walk, turn, 1, c);
    gpu_load(args.walk, turn, 2, x);
    gpu_load(args.walk, turn, 3, y);
    for (int v = 0; v < GPU_LANES; v++) x[v] = c[v] ? x[v] : y[v];
    gpu_store(args.walk, turn, 0, x);
}

GPU_DEFINE(where, gpu_where_args, GPU_WALK_THREADS)
{
    GPU_EACH_TILE(GPU_LANES, args.walk, tile)
    {
        gpu_turn<4, GPU_LANES> turn = gpu_turn_of<4, GPU_LANES>(args.walk, tile);
        GPU_BY_BYTES(args.bytes, gpu_where_turn, args, turn)
    }
}

/* ---- transposes: a block takes a tile at a time through shared memory, so that both sides go along their rows. A tile
 * has a column to spare, so that neither side's accesses share a bank. */

template <typename T> GPU_DEVICE void gpu_transpose_tile(const gpu_transpose_args &args, uint32_t index)
{
    GPU_DYNAMIC_SHARED(T, tile);
    const uint32_t line = gpu_thread() / GPU_TILE, lane = gpu_thread() % GPU_TILE, lines = gpu_threads() / GPU_TILE;
    const uint32_t column_tile = index % args.column_tiles, rest = index / args.column_tiles;
    const uint32_t row = rest % args.row_tiles * GPU_TILE, column = column_tile * GPU_TILE;
    uint32_t at[2];
    gpu_walk_at<2>(args.walk, rest / args.row_tiles, at);
    const T *x = (const T *)args.walk.base[1] + at[1] + row + (uint64_t)column * args.column_stride;
    T *y = (T *)args.walk.base[0] + at[0] + column + (uint64_t)row * args.row_stride;
    for (uint32_t i = line; i < GPU_TILE; i += lines)
        if (row + lane < args.rows && column + i < args.columns)
            tile[i * (GPU_TILE + 1) + lane] = x[(uint64_t)i * args.column_stride + lane];
    gpu_sync();
    for (uint32_t i = line; i < GPU_TILE; i += lines)
        if (row + i < args.rows && column + lane < args.columns)
            y[(uint64_t)i * args.row_stride + lane] = tile[lane * (GPU_TILE + 1) + i];
    gpu_sync();
}

GPU_DEFINE(transpose, gpu_transpose_args, GPU_TILE_THREADS)
{
    const uint32_t tiles = args.walk.n * args.row_tiles * args.column_tiles;
    for (uint32_t i = gpu_block_x(); i < tiles; i += gpu_blocks_x())
        GPU_BY_BYTES(args.bytes, gpu_transpose_tile, args, i)
}
