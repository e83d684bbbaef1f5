/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a gpu_walk: a block takes GPU_LANES elements a thread at a time. Where the walk is packed a thread's lie side by
 * side and move in accesses of up to 16 bytes; else lane v of all threads lie side by side. Each thread loads all that
 * it stores to before it stores, so an output may be an input. */
#ifndef GPU_KERNELS_WALK_H
#define GPU_KERNELS_WALK_H

#include "divide.h"

/* Elements `at` in K operands, of which V are this thread's turn. */
template <int K, int V> struct gpu_turn {
    bool packed;
    bool live[V]; /* not beyond the end */
    uint32_t at[V][K];
};

template <typename T, int V> struct alignas(sizeof(T) * V < 16 ? sizeof(T) * V : 16) gpu_pack {
    T lane[V];
};

/* Elements that so many blocks take at a time, V to a thread. */
template <int V> GPU_DEVICE uint32_t gpu_tile(uint32_t blocks)
{
    return blocks * gpu_threads() * V;
}

/* For each tile of V elements a thread that this block takes. */
#define GPU_EACH_TILE(V, walk, tile) \
    GPU_LOOP for (uint32_t tile = gpu_tile<V>(gpu_block_x()); tile < (walk).n; tile += gpu_tile<V>(gpu_blocks_x()))

/* Offsets of element i. */
template <int K> GPU_DEVICE void gpu_walk_at(const gpu_walk &walk, uint32_t i, uint32_t *at)
{
    for (int k = 0; k < K; k++) at[k] = 0;
    GPU_LOOP
    for (int d = walk.rank - 1; d > 0; d--) {
        uint32_t rest = gpu_divide(i, walk.dims[d]), digit = i - rest * walk.dims[d].by;
        for (int k = 0; k < K; k++) at[k] += digit * walk.strides[k][d];
        i = rest;
    }
    for (int k = 0; k < K; k++) at[k] += i * walk.strides[k][0];
}

template <int K, int V> GPU_DEVICE gpu_turn<K, V> gpu_turn_of(const gpu_walk &walk, uint32_t tile)
{
    gpu_turn<K, V> turn;
    uint32_t first = tile + gpu_thread() * V, step = 1;
    turn.packed = V > 1 && walk.packed && first + V <= walk.n;
    if (turn.packed) {
        gpu_walk_at<K>(walk, first, turn.at[0]);
        return turn;
    }
    if (V == 1 || !walk.packed) {
        first = tile + gpu_thread();
        step = gpu_threads();
    }
    for (int v = 0; v < V; v++) {
        turn.live[v] = first + v * step < walk.n;
        gpu_walk_at<K>(walk, turn.live[v] ? first + v * step : 0, turn.at[v]);
    }
    return turn;
}

/* x = this turn's elements of operand k. */
template <typename T, int K, int V>
GPU_DEVICE void gpu_load(const gpu_walk &walk, const gpu_turn<K, V> &turn, int k, T *x)
{
    const T *base = (const T *)walk.base[k];
    if (turn.packed && walk.flat >> k & 1) {
        T value = base[turn.at[0][k]];
        for (int v = 0; v < V; v++) x[v] = value;
    } else if (turn.packed) {
        gpu_pack<T, V> pack = *(const gpu_pack<T, V> *)(base + turn.at[0][k]);
        for (int v = 0; v < V; v++) x[v] = pack.lane[v];
    } else {
        for (int v = 0; v < V; v++) x[v] = turn.live[v] ? base[turn.at[v][k]] : (T)0;
    }
}

/* Operand k's elements become z. */
template <typename T, int K, int V>
GPU_DEVICE void gpu_store(const gpu_walk &walk, const gpu_turn<K, V> &turn, int k, const T *z)
{
    T *base = (T *)walk.base[k];
    if (turn.packed) {
        gpu_pack<T, V> pack;
        for (int v = 0; v < V; v++) pack.lane[v] = z[v];
        *(gpu_pack<T, V> *)(base + turn.at[0][k]) = pack;
        return;
    }
    for (int v = 0; v < V; v++)
        if (turn.live[v]) base[turn.at[v][k]] = z[v];
}

#endif
