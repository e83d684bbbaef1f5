/* SPDX-License-Identifier: Apache-2.0
 *
 * sum, mean, max, min. A team of threads takes each result; f32 and f64 are summed in f64, integers modulo 2^64. The
 * smallest is the largest of what is turned upside down. */
#include "tenon_abi.h"

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

GPU_DEVICE void gpu_put(const gpu_reduce_args &args, int64_t at, double value)
{
    value /= args.divisor;
    if (args.to == TN_F32)
        ((float *)args.y)[at] = (float)value;
    else
        ((double *)args.y)[at] = value;
}
GPU_DEVICE void gpu_put(const gpu_reduce_args &args, int64_t at, int64_t value)
{
    switch (args.to) {
    case TN_I64: ((int64_t *)args.y)[at] = value; break;
    case TN_I32: ((int32_t *)args.y)[at] = (int32_t)value; break;
    default: ((uint8_t *)args.y)[at] = (uint8_t)value;
    }
}
GPU_DEVICE void gpu_put(const gpu_reduce_args &args, int64_t at, uint64_t value)
{
    gpu_put(args, at, (int64_t)value);
}

/* A thread's share of one result: elements [begin, end) of gone, `x` being the first of all. */
template <typename T, typename A, typename Fold>
GPU_DEVICE A gpu_reduce_share(const gpu_reduce_args &args, const T *x, int64_t begin, int64_t end, int64_t step)
{
    A a[GPU_AT_ONCE];
    for (int u = 0; u < GPU_AT_ONCE; u++) Fold::none(a[u]);
    for (int64_t i = begin; i < end; i += GPU_AT_ONCE * step)
        for (int u = 0; u < GPU_AT_ONCE; u++) {
            int64_t at;
            if (i + u * step >= end) continue;
            gpu_offsets<1>(args.gone, i + u * step, &at);
            A value = (A)x[at];
            a[u] = Fold::fold(a[u], args.fold == GPU_REDUCE_MIN ? gpu_upside_down(value) : value);
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
            a = gpu_reduce_share<T, A, Fold>(args, (const T *)args.x + at[1], begin + team.place, end, team.size);
        }
        a = gpu_team_reduce<Fold>(team, a, (A *)room);
        if (k < args.kept.n && team.place == 0)
            gpu_put(args, at[0] + gpu_block_y() * args.next, args.fold == GPU_REDUCE_MIN ? gpu_upside_down(a) : a);
    }
}

GPU_DEVICE void gpu_reduce_sum(const gpu_reduce_args &args, void *room)
{
    switch (args.from) {
    case TN_F32: gpu_reduce_as<float, double, gpu_sum>(args, room); break;
    case TN_F64: gpu_reduce_as<double, double, gpu_sum>(args, room); break;
    case TN_I64: gpu_reduce_as<int64_t, uint64_t, gpu_sum>(args, room); break;
    case TN_I32: gpu_reduce_as<int32_t, uint64_t, gpu_sum>(args, room); break;
    default: gpu_reduce_as<uint8_t, uint64_t, gpu_sum>(args, room);
    }
}

GPU_DEVICE void gpu_reduce_largest(const gpu_reduce_args &args, void *room)
{
    switch (args.from) {
    case TN_F32: gpu_reduce_as<float, double, gpu_largest>(args, room); break;
    case TN_F64: gpu_reduce_as<double, double, gpu_largest>(args, room); break;
    case TN_I64: gpu_reduce_as<int64_t, int64_t, gpu_largest>(args, room); break;
    case TN_I32: gpu_reduce_as<int32_t, int64_t, gpu_largest>(args, room); break;
    default: gpu_reduce_as<uint8_t, int64_t, gpu_largest>(args, room);
    }
}

GPU_DEFINE(reduce)
{
    GPU_SHARED uint64_t room[GPU_TEAM_THREADS];
    if (args.fold == GPU_REDUCE_SUM)
        gpu_reduce_sum(args, room);
    else
        gpu_reduce_largest(args, room);
}
