/* SPDX-License-Identifier: Apache-2.0
 *
 * relu_grad_sum: relu's gradient, and its sums on the way. A team of threads takes each sum, which is kept in f64. */
#include "reduce.h"

template <typename T> GPU_DEVICE T gpu_relu_grad_at(const gpu_relu_grad_sum_args &args, int64_t dy, int64_t y)
{
    const T value = ((const T *)args.dy)[dy];
    return ((const T *)args.y)[y] > 0 ? value : (T)0;
}

/* A thread's share of one sum: every step-th of elements [begin, end) of gone; at: where the first of all lies. Where they
 * are evenly spaced, several are on their way at once, and loaded before any of them is stored: dz may be dy. */
template <typename T>
GPU_DEVICE double gpu_relu_grad_share(const gpu_relu_grad_sum_args &args, const int64_t at[4], int64_t begin,
                                      int64_t end, int64_t step)
{
    const gpu_nest &gone = args.gone;
    T *to = (T *)args.dz + at[2];
    double sum = 0;
    for (int64_t i = begin; gone.rank <= 1 && i < end; i += GPU_AT_ONCE * step) {
        T dz[GPU_AT_ONCE];
        for (int u = 0; u < GPU_AT_ONCE; u++) {
            const int64_t k = i + u * step < end ? i + u * step : i;
            dz[u] = gpu_relu_grad_at<T>(args, at[0] + k * gone.strides[0][0], at[1] + k * gone.strides[1][0]);
        }
        for (int u = 0; u < GPU_AT_ONCE; u++) {
            if (i + u * step >= end) continue;
            to[(i + u * step) * gone.strides[2][0]] = dz[u];
            sum += (double)dz[u];
        }
    }
    for (int64_t i = begin; gone.rank > 1 && i < end; i += step) {
        int64_t from[3];
        gpu_offsets<3>(gone, i, from);
        const T dz = gpu_relu_grad_at<T>(args, at[0] + from[0], at[1] + from[1]);
        to[from[2]] = dz;
        sum += (double)dz;
    }
    return sum;
}

template <typename T> GPU_DEVICE void gpu_relu_grad_sum_as(const gpu_relu_grad_sum_args &args, double *room)
{
    const gpu_team team = gpu_team_of(args.teams);
    const int64_t begin = gpu_block_y() * args.piece;
    const int64_t end = begin + args.piece < args.gone.n ? begin + args.piece : args.gone.n;
    const int64_t all = (int64_t)gpu_blocks_x() * team.teams;
    for (int64_t first = (int64_t)gpu_block_x() * team.teams; first < args.kept.n; first += all) {
        const int64_t k = first + team.number;
        int64_t at[4] = {0, 0, 0, 0};
        double sum = 0;
        if (k < args.kept.n) {
            gpu_offsets<4>(args.kept, k, at);
            sum = gpu_relu_grad_share<T>(args, at, begin + team.place, end, team.size);
        }
        sum = gpu_team_reduce<gpu_sum>(team, sum, room);
        if (k >= args.kept.n || team.place != 0) continue;
        const int64_t to = at[3] + gpu_block_y() * args.next;
        if (args.to == TN_F32)
            ((float *)args.db)[to] = (float)sum;
        else
            ((double *)args.db)[to] = sum;
    }
}

GPU_DEFINE(relu_grad_sum, gpu_relu_grad_sum_args, GPU_THREADS)
{
    GPU_SHARED double room[GPU_THREADS];
    if (args.dtype == TN_F32)
        gpu_relu_grad_sum_as<float>(args, room);
    else
        gpu_relu_grad_sum_as<double>(args, room);
}
