/* SPDX-License-Identifier: Apache-2.0
 *
 * Folding what many threads hold into one value: over a warp, over a block, over each of several teams of a block.
 * Every thread concerned gets the result, and the order is fixed, so that sums are the same bits each time. How to fold
 * is a type with a static function fold(a, b) that does not mind the order of its operands; see below. */
#ifndef GPU_KERNELS_REDUCE_BLOCK_H
#define GPU_KERNELS_REDUCE_BLOCK_H

enum { GPU_MOST_WARPS = 32 }; /* of a block: 1024 threads in warps of 32 */

/* ---- ways to fold; none(a) sets a to the result of nothing */

struct gpu_sum {
    template <typename A> GPU_DEVICE A fold(A a, A b)
    {
        return a + b;
    }
    template <typename A> GPU_DEVICE void none(A &a)
    {
        a = 0;
    }
};

/* NaN is the largest of all. */
struct gpu_largest {
    template <typename A> GPU_DEVICE A fold(A a, A b)
    {
        return b > a || b != b ? b : a;
    }
    GPU_DEVICE void none(float &a)
    {
        a = -INFINITY;
    }
    GPU_DEVICE void none(double &a)
    {
        a = -INFINITY;
    }
    GPU_DEVICE void none(int64_t &a)
    {
        a = INT64_MIN;
    }
};

/* ---- warps and blocks */

/* What another lane of the warp holds. An accumulator that is a struct brings its own overload. */
template <typename A> GPU_DEVICE A gpu_of_lane_xor(A a, uint32_t mask)
{
    return gpu_shuffle_xor(a, (int)mask);
}

/* Over each `size` neighbours of a warp: a power of two, at most gpu_warp(). The block is made of whole warps. */
template <typename Fold, typename A> GPU_DEVICE A gpu_lanes_reduce(A a, uint32_t size)
{
    for (uint32_t by = size / 2; by > 0; by /= 2) a = Fold::fold(a, gpu_of_lane_xor(a, by));
    return a;
}

template <typename Fold, typename A> GPU_DEVICE A gpu_warp_reduce(A a)
{
    return gpu_lanes_reduce<Fold>(a, gpu_warp());
}

/* Over the block, which is made of whole warps. shared: room for GPU_MOST_WARPS, free once all have returned and met
 * again: the next call with the same room needs no gpu_sync between. */
template <typename Fold, typename A> GPU_DEVICE A gpu_block_reduce(A a, A *shared)
{
    uint32_t warps = gpu_threads() / gpu_warp();
    a = gpu_warp_reduce<Fold>(a);
    gpu_sync();
    if (gpu_thread() % gpu_warp() == 0) shared[gpu_thread() / gpu_warp()] = a;
    gpu_sync();
    a = shared[0];
    for (uint32_t i = 1; i < warps; i++) a = Fold::fold(a, shared[i]);
    return a;
}

/* ---- teams: a block cut into equal parts, each of which folds for itself */

/* The thread's team and its place there. Teams of neighbours suit elements that lie side by side in memory and are
 * folded together; teams of columns (neighbouring threads in different teams) suit those that are not. */
struct gpu_team {
    uint32_t number, place; /* which team, which thread of it */
    uint32_t teams, size;   /* of the block; of a team: a power of two */
    bool columns;
};

GPU_DEVICE gpu_team gpu_team_of(const gpu_teams &how)
{
    uint32_t teams = (uint32_t)how.teams, size = (uint32_t)how.size, t = gpu_thread();
    if (how.columns) return gpu_team{t % teams, t / teams, teams, size, true};
    return gpu_team{t / size, t % size, teams, size, false};
}

/* By halves through shared memory, team after team side by side. */
template <typename Fold, typename A> GPU_DEVICE A gpu_columns_reduce(const gpu_team &team, A a, A *shared)
{
    gpu_sync();
    shared[gpu_thread()] = a;
    for (uint32_t half = team.size / 2; half > 0; half /= 2) {
        gpu_sync();
        if (team.place < half) {
            a = Fold::fold(a, shared[gpu_thread() + half * team.teams]);
            shared[gpu_thread()] = a;
        }
    }
    gpu_sync();
    return shared[team.number];
}

/* Over each team of the block; all threads of the block call it. shared: room for one of each thread, to be used again
 * as in gpu_block_reduce. */
template <typename Fold, typename A> GPU_DEVICE A gpu_team_reduce(const gpu_team &team, A a, A *shared)
{
    if (team.columns) return gpu_columns_reduce<Fold>(team, a, shared);
    uint32_t lanes = team.size < gpu_warp() ? team.size : gpu_warp(), warps = team.size / lanes;
    a = gpu_lanes_reduce<Fold>(a, lanes);
    if (warps == 1) return a;
    gpu_sync();
    if (team.place % lanes == 0) shared[gpu_thread() / lanes] = a;
    gpu_sync();
    a = shared[team.number * warps];
    for (uint32_t i = 1; i < warps; i++) a = Fold::fold(a, shared[team.number * warps + i]);
    return a;
}

#endif
