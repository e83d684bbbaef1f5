/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversion between dtypes: cast, and arange, which converts what it computes. */
#ifndef GPU_KERNELS_CONVERT_H
#define GPU_KERNELS_CONVERT_H

#include "dtype.h"

/* As C converts; out of range saturates, NaN gives 0. The first number beyond is exact in f32, unlike the last within. */
template <typename To, typename From> GPU_DEVICE To gpu_convert(From x)
{
    constexpr int64_t least = sizeof(To) == 1 ? 0 : sizeof(To) == 4 ? INT32_MIN : INT64_MIN;
    constexpr int64_t most = sizeof(To) == 1 ? UINT8_MAX : sizeof(To) == 4 ? INT32_MAX : INT64_MAX;
    if constexpr (gpu_is_real<To>)
        return (To)x;
    else if constexpr (gpu_is_real<From>) {
        constexpr From end = (From)(sizeof(To) == 1 ? 0x1p8 : sizeof(To) == 4 ? 0x1p31 : 0x1p63);
        return x != x ? (To)0 : x < (From)least ? (To)least : x >= end ? (To)most : (To)x;
    } else if constexpr (sizeof(To) >= sizeof(From))
        return (To)x;
    else
        return x < (From)least ? (To)least : x > (From)most ? (To)most : (To)x;
}

/* Stores x as elements of operand 0, of dtype `to`. */
template <typename From, int K>
GPU_DEVICE void gpu_store_as(const gpu_walk &walk, const gpu_turn<K, GPU_LANES> &turn, uint32_t to, const From *x)
{
#define GPU_STORE_CASE(dtype, To, value)                    \
    case dtype: {                                           \
        To y[GPU_LANES];                                    \
        for (int v = 0; v < GPU_LANES; v++) y[v] = (value); \
        gpu_store(walk, turn, 0, y);                        \
        break;                                              \
    }
    switch (to) {
        GPU_STORE_CASE(TN_F32, float, (gpu_convert<float, From>(x[v])))
        GPU_STORE_CASE(TN_F64, double, (gpu_convert<double, From>(x[v])))
        GPU_STORE_CASE(TN_I64, int64_t, (gpu_convert<int64_t, From>(x[v])))
        GPU_STORE_CASE(TN_I32, int32_t, (gpu_convert<int32_t, From>(x[v])))
        GPU_STORE_CASE(TN_U8, uint8_t, (gpu_convert<uint8_t, From>(x[v])))
        GPU_STORE_CASE(TN_BOOL, uint8_t, x[v] != 0)
    }
#undef GPU_STORE_CASE
}

template <typename From> GPU_DEVICE void gpu_cast_turn(const gpu_cast_args &args, const gpu_turn<2, GPU_LANES> &turn)
{
    From x[GPU_LANES];
    gpu_load(args.walk, turn, 1, x);
    gpu_store_as(args.walk, turn, args.to, x);
}

GPU_DEFINE(cast, gpu_cast_args, GPU_WALK_THREADS)
{
    GPU_EACH_TILE(GPU_LANES, args.walk, tile)
    {
        gpu_turn<2, GPU_LANES> turn = gpu_turn_of<2, GPU_LANES>(args.walk, tile);
        switch (args.from) {
        case TN_F32: gpu_cast_turn<float>(args, turn); break;
        case TN_F64: gpu_cast_turn<double>(args, turn); break;
        case TN_I64: gpu_cast_turn<int64_t>(args, turn); break;
        case TN_I32: gpu_cast_turn<int32_t>(args, turn); break;
        default: gpu_cast_turn<uint8_t>(args, turn);
        }
    }
}

/* base + factor * x with two roundings, so that every backend gives the same bits. */
GPU_DEVICE double gpu_scaled(double base, double factor, double x)
{
    return base + gpu_product(factor, x);
}

/* The row-major index of lane v, given that operand k counts. */
template <int K>
GPU_DEVICE uint64_t gpu_index_of(const gpu_walk &walk, const gpu_turn<K, GPU_LANES> &turn, int k, int v)
{
    return (uint64_t)walk.first + (turn.packed ? turn.at[0][k] + (uint32_t)v : turn.at[v][k]);
}

GPU_DEFINE(arange, gpu_arange_args, GPU_WALK_THREADS)
{
    GPU_EACH_TILE(GPU_LANES, args.walk, tile)
    {
        gpu_turn<2, GPU_LANES> turn = gpu_turn_of<2, GPU_LANES>(args.walk, tile);
        double y[GPU_LANES];
        for (int v = 0; v < GPU_LANES; v++)
            y[v] = gpu_scaled(args.start, (double)gpu_index_of(args.walk, turn, 1, v), args.step);
        gpu_store_as(args.walk, turn, (uint32_t)args.dtype, y);
    }
}

#endif
