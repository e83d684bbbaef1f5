/* SPDX-License-Identifier: Apache-2.0
 *
 * sum, mean, max, min. A team of threads takes each result; f32 and f64 are summed in f64, integers modulo 2^64. The
 * smallest is the largest of what is turned upside down. */
#ifndef GPU_KERNELS_REDUCE_H
#define GPU_KERNELS_REDUCE_H

#include "dtype.h"

enum { GPU_AT_ONCE = 4 }; /* loads that a thread has on their way */

GPU_DEVICE double gpu_upside_down(double x)
{
    return -x;
}
GPU_DEVICE int64_t gpu_upside_down(int64_t x)
{
    return ~x;
}
GPU_DEVICE uint64_t gpu_upside_down(uint64_t x)
{
    return ~x;
}

GPU_DEVICE void gpu_reduce_put(const gpu_reduce_args &args, int64_t at, double value)
{
    value /= args.divisor;
    if (args.to == TN_F32)
        ((float *)args.y)[at] = (float)value;
    else
        ((double *)args.y)[at] = value;
}
GPU_DEVICE void gpu_reduce_put(const gpu_reduce_args &args, int64_t at, int64_t value)
{
    switch (args.to) {
    case TN_I64: ((int64_t *)args.y)[at] = value; break;
    case TN_I32: ((int32_t *)args.y)[at] = (int32_t)value; break;
    default: ((uint8_t *)args.y)[at] = (uint8_t)value;
    }
}
GPU_DEVICE void gpu_reduce_put(const gpu_reduce_args &args, int64_t at, uint64_t value)
{
    gpu_reduce_put(args, at, (int64_t)value);
}

/* How an element of x becomes part of an accumulator. Where T is void, dtypes are told apart for each element: whole
 * numbers, which are seldom reduced, share their code. */
template <typename T> struct gpu_element {
    typedef T raw;
    GPU_DEVICE T of(const void *x, int64_t at, uint32_t)
    {
        return ((const T *)x)[at];
    }
};
template <> struct gpu_element<void> {
    typedef int64_t raw;
    GPU_DEVICE int64_t of(const void *x, int64_t at, uint32_t dtype)
    {
        switch (dtype) {
        case TN_I64: return ((const int64_t *)x)[at];
        case TN_I32: return ((const int32_t *)x)[at];
        default: return ((const uint8_t *)x)[at];
        }
    }
};

template <typename A> GPU_DEVICE A gpu_way_up(const gpu_reduce_args &args, A value)
{
    return args.fold == GPU_REDUCE_MIN ? gpu_upside_down(value) : value;
}

/* A thread's share of one result: every step-th of elements [begin, end) of gone, of which the first of all lies at
 * `first`. Where they are evenly spaced, several are on their way at once. */
template <typename T, typename A, typename Fold>
GPU_DEVICE A gpu_reduce_share(const gpu_reduce_args &args, int64_t first, int64_t begin, int64_t end, int64_t step)
{
    A a[GPU_AT_ONCE];
    for (int u = 0; u < GPU_AT_ONCE; u++) Fold::none(a[u]);
    const int64_t stride = args.gone.strides[0][0];
    for (int64_t i = begin; args.gone.rank <= 1 && i < end; i += GPU_AT_ONCE * step) {
        typename gpu_element<T>::raw x[GPU_AT_ONCE];
        for (int u = 0; u < GPU_AT_ONCE; u++) {
            const int64_t k = i + u * step < end ? i + u * step : i;
            x[u] = gpu_element<T>::of(args.x, first + k * stride, args.from);
        }
        for (int u = 0; u < GPU_AT_ONCE; u++)
            if (i + u * step < end) a[u] = Fold::fold(a[u], gpu_way_up(args, (A)x[u]));
    }
    for (int64_t i = begin; args.gone.rank > 1 && i < end; i += step) {
        int64_t at;
        gpu_offsets<1>(args.gone, i, &at);
        a[0] = Fold::fold(a[0], gpu_way_up(args, (A)gpu_element<T>::of(args.x, first + at, args.from)));
    }
    return Fold::fold(Fold::fold(a[0], a[1]), Fold::fold(a[2], a[3]));
}

template <typename T, typename A, typename Fold> GPU_DEVICE void gpu_reduce_as(const gpu_reduce_args &args, void *room)
{
    const gpu_team team = gpu_team_of(args.teams);
    const int64_t begin = gpu_block_y() * args.piece;
    const int64_t end = begin + args.piece < args.gone.n ? begin + args.piece : args.gone.n;
    const int64_t all = (int64_t)gpu_blocks_x() * team.teams;
    for (int64_t first = (int64_t)gpu_block_x() * team.teams; first < args.kept.n; first += all) {
        const int64_t k = first + team.number;
        int64_t at[2] = {0, 0};
        A a;
        Fold::none(a);
        if (k < args.kept.n) {
            gpu_offsets<2>(args.kept, k, at);
            a = gpu_reduce_share<T, A, Fold>(args, at[1], begin + team.place, end, team.size);
        }
        a = gpu_team_reduce<Fold>(team, a, (A *)room);
        if (k < args.kept.n && team.place == 0)
            gpu_reduce_put(args, at[0] + gpu_block_y() * args.next, gpu_way_up(args, a));
    }
}

GPU_DEFINE(reduce, gpu_reduce_args, GPU_REDUCE_THREADS)
{
    GPU_SHARED uint64_t room[GPU_REDUCE_THREADS];
    const bool sum = args.fold == GPU_REDUCE_SUM;
    if (args.from == TN_F32 && sum)
        gpu_reduce_as<float, double, gpu_sum>(args, room);
    else if (args.from == TN_F32)
        gpu_reduce_as<float, double, gpu_largest>(args, room);
    else if (args.from == TN_F64 && sum)
        gpu_reduce_as<double, double, gpu_sum>(args, room);
    else if (args.from == TN_F64)
        gpu_reduce_as<double, double, gpu_largest>(args, room);
    else if (sum)
        gpu_reduce_as<void, uint64_t, gpu_sum>(args, room);
    else
        gpu_reduce_as<void, int64_t, gpu_largest>(args, room);
}

#endif
