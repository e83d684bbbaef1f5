/* SPDX-License-Identifier: Apache-2.0
 *
 * argmax. As a reduction, of pairs of a value and its index: of equals the lower index wins, so that the order in which
 * pairs meet does not matter. */
#include "reduce.h"

template <typename V> struct gpu_best {
    V value;
    int64_t at;
};

struct gpu_first_largest {
    template <typename V> GPU_DEVICE gpu_best<V> fold(gpu_best<V> a, gpu_best<V> b)
    {
        const bool a_is_nan = a.value != a.value, b_is_nan = b.value != b.value;
        const bool equal = b.value == a.value || (a_is_nan && b_is_nan);
        return (b.value > a.value && !a_is_nan) || (b_is_nan && !a_is_nan) || (equal && b.at < a.at) ? b : a;
    }
    template <typename V> GPU_DEVICE void none(gpu_best<V> &a)
    {
        gpu_largest::none(a.value);
        a.at = INT64_MAX;
    }
};

template <typename V> GPU_DEVICE gpu_best<V> gpu_of_lane_xor(gpu_best<V> a, uint32_t mask)
{
    a.value = gpu_shuffle_xor(a.value, (int)mask);
    a.at = gpu_shuffle_xor(a.at, (int)mask);
    return a;
}

template <typename T, typename V> GPU_DEVICE void gpu_argmax_as(const gpu_argmax_args &args, void *room)
{
    const gpu_team team = gpu_team_of(args.teams);
    const int64_t begin = gpu_block_y() * args.piece;
    const int64_t end = begin + args.piece < args.n ? begin + args.piece : args.n;
    const int64_t all = (int64_t)gpu_blocks_x() * team.teams;
    for (int64_t first = (int64_t)gpu_block_x() * team.teams; first < args.kept.n; first += all) {
        const int64_t k = first + team.number;
        int64_t at[2] = {0, 0};
        gpu_best<V> best;
        gpu_first_largest::none(best);
        if (k < args.kept.n) {
            gpu_offsets<2>(args.kept, k, at);
            for (int64_t i = begin + team.place; i < end; i += team.size) {
                const int64_t from = at[1] + i * args.stride;
                const gpu_best<V> other = {(V)gpu_element<T>::of(args.x, from, args.from),
                                           args.index ? args.index[from] : i};
                best = gpu_first_largest::fold(best, other);
            }
        }
        best = gpu_team_reduce<gpu_first_largest>(team, best, (gpu_best<V> *)room);
        if (k < args.kept.n && team.place == 0) {
            args.y[at[0] + gpu_block_y() * args.next] = best.at;
            if (args.values) ((V *)args.values)[at[0] + gpu_block_y() * args.next] = best.value;
        }
    }
}

GPU_DEFINE(argmax, gpu_argmax_args, GPU_ARGMAX_THREADS)
{
    GPU_SHARED uint64_t room[2 * GPU_ARGMAX_THREADS];
    if (args.from == TN_F32)
        gpu_argmax_as<float, double>(args, room);
    else if (args.from == TN_F64)
        gpu_argmax_as<double, double>(args, room);
    else
        gpu_argmax_as<void, int64_t>(args, room);
}
