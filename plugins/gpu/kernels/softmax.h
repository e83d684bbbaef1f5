/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax, log_softmax; softmax_cross_entropy and its gradient, nll_loss. A team of threads takes each row: its largest,
 * then the sum of e^(x - largest) in f64, then the results. An index of a class that there is not, which the core rules
 * out, gives NaN and touches no memory. */
#include "rows.h"

/* What a row of n elements, `stride` apart, is shifted and divided by. All threads of a block call it; where `any` is
 * false, they only take part. */
template <typename T>
GPU_DEVICE void gpu_row_scale(const gpu_team &team, bool any, const T *x, int64_t n, int64_t stride, void *room, T &top,
                              double &sum)
{
    gpu_largest::none(top);
    sum = 0;
    if (any)
        for (int64_t i = team.place; i < n; i += team.size) top = gpu_largest::fold(top, x[i * stride]);
    top = gpu_team_reduce<gpu_largest>(team, top, (T *)room);
    if (any)
        for (int64_t i = team.place; i < n; i += team.size) sum += exp(x[i * stride] - top);
    sum = gpu_team_reduce<gpu_sum>(team, sum, (double *)room);
}

template <typename T> GPU_DEVICE void gpu_softmax_as(const gpu_softmax_args &args, void *room)
{
    const gpu_team team = gpu_team_of(args.teams);
    const int64_t all = (int64_t)gpu_blocks_x() * team.teams;
    for (int64_t first = (int64_t)gpu_block_x() * team.teams; first < args.kept.n; first += all) {
        const bool any = first + team.number < args.kept.n;
        int64_t at[2] = {0, 0};
        if (any) gpu_offsets<2>(args.kept, first + team.number, at);
        const T *x = (const T *)args.x + at[1];
        T *y = (T *)args.y + at[0], top;
        double sum;
        gpu_row_scale(team, any, x, args.n, args.x_stride, room, top, sum);
        const T by = args.logarithm ? log((T)sum) : (T)(1 / sum);
        if (!any) continue;
        for (int64_t i = team.place; i < args.n; i += team.size) {
            const T less = x[i * args.x_stride] - top;
            y[i * args.y_stride] = args.logarithm ? less - by : exp(less) * by;
        }
    }
}

GPU_DEFINE(softmax, gpu_softmax_args, GPU_SOFTMAX_THREADS)
{
    GPU_SHARED uint64_t room[GPU_SOFTMAX_THREADS];
    if (args.dtype == TN_F32)
        gpu_softmax_as<float>(args, room);
    else
        gpu_softmax_as<double>(args, room);
}

/* ---- losses: each block adds those of its rows; one block alone gives their mean */

template <typename T> GPU_DEVICE void gpu_loss_put(const gpu_cross_entropy_args &args, double sum)
{
    if (gpu_thread() != 0) return;
    if (gpu_blocks_x() > 1)
        args.losses[gpu_block_x()] = sum;
    else
        *(T *)args.loss = (T)(sum / (double)args.rows);
}

GPU_DEVICE bool gpu_is_class(const gpu_cross_entropy_args &args, int64_t target)
{
    return (uint64_t)target < (uint64_t)args.classes;
}

template <typename T> GPU_DEVICE void gpu_cross_entropy_as(const gpu_cross_entropy_args &args, uint64_t *room)
{
    const gpu_team team = gpu_team_of(args.teams);
    const int64_t all = (int64_t)gpu_blocks_x() * team.teams;
    double losses = 0;
    for (int64_t first = (int64_t)gpu_block_x() * team.teams; first < args.rows; first += all) {
        const int64_t row = first + team.number;
        const bool any = row < args.rows;
        const T *x = (const T *)args.x.at + row * args.x.row;
        T *p = (T *)args.p.at + row * args.p.row, top;
        const int64_t target = any && team.place == 0 ? args.target[row * args.target_stride] : -1;
        const T hit = gpu_is_class(args, target) ? x[target * args.x.column] : (T)NAN;
        double sum;
        gpu_row_scale(team, any, x, args.classes, args.x.column, room, top, sum);
        if (!any) continue;
        for (int64_t c = team.place; c < args.classes; c += team.size)
            p[c * args.p.column] = (T)(exp(x[c * args.x.column] - top) * (T)(1 / sum));
        if (team.place == 0) losses += (double)log((T)sum) - ((double)hit - (double)top);
    }
    gpu_loss_put<T>(args, gpu_block_reduce<gpu_sum>(losses, (double *)room));
}

GPU_DEFINE(cross_entropy, gpu_cross_entropy_args, GPU_LOSS_THREADS)
{
    GPU_SHARED uint64_t room[GPU_LOSS_THREADS];
    if (args.dtype == TN_F32)
        gpu_cross_entropy_as<float>(args, room);
    else
        gpu_cross_entropy_as<double>(args, room);
}

template <typename T> GPU_DEVICE void gpu_nll_as(const gpu_cross_entropy_args &args, double *room)
{
    double losses = 0;
    for (int64_t n = GPU_FIRST; n < args.rows; n += GPU_STEP) {
        const int64_t target = args.target[n * args.target_stride];
        const T *x = (const T *)args.x.at + n * args.x.row;
        losses -= gpu_is_class(args, target) ? (double)x[target * args.x.column] : (double)NAN;
    }
    gpu_loss_put<T>(args, gpu_block_reduce<gpu_sum>(losses, room));
}

GPU_DEFINE(nll, gpu_nll_args, GPU_THREADS)
{
    GPU_SHARED double room[GPU_MOST_WARPS];
    if (args.dtype == TN_F32)
        gpu_nll_as<float>(args, room);
    else
        gpu_nll_as<double>(args, room);
}

template <typename T> GPU_DEVICE void gpu_cross_entropy_grad_as(const gpu_cross_entropy_grad_args &args)
{
    const T scale = (T)((double)*(const T *)args.dy / (double)args.rows);
    const int64_t all = args.rows * args.classes;
    for (int64_t i = GPU_FIRST; i < all; i += GPU_STEP) {
        const int64_t row = gpu_row_of(i, args.classes, all);
        const int64_t c = i - row * args.classes;
        const T p = ((const T *)args.p.at)[row * args.p.row + c * args.p.column];
        const T hit = args.target[row * args.target_stride] == c ? (T)1 : (T)0;
        ((T *)args.dx.at)[row * args.dx.row + c * args.dx.column] = (p - hit) * scale;
    }
}

GPU_DEFINE(cross_entropy_grad, gpu_cross_entropy_grad_args, GPU_THREADS)
{
    if (args.dtype == TN_F32)
        gpu_cross_entropy_grad_as<float>(args);
    else
        gpu_cross_entropy_grad_as<double>(args);
}
