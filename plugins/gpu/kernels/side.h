/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a side of a product: each thread fetches groups of four elements, which are neighbours along whichever index
 * memory runs along, and puts them into the tile in shared memory, which is laid out inner index by inner index. */
#ifndef GPU_KERNELS_SIDE_H
#define GPU_KERNELS_SIDE_H

/* Four elements, moved at once. */
template <typename T> struct alignas(16) gpu_quad {
    T v[4];
};

template <typename T> GPU_DEVICE gpu_quad<T> gpu_no_quad()
{
    return gpu_quad<T>{{0, 0, 0, 0}};
}

/* Which group a thread fetches: its first major and inner index in the tile. */
struct gpu_group {
    uint32_t major, inner;
};

/* Group `number` of a tile. Inward, eight majors of up to four groups side by side belong to neighbouring threads: memory
 * is read in whole sectors, and stores to shared memory meet in few banks. */
template <class S> GPU_DEVICE gpu_group gpu_group_of(uint32_t number, bool inward)
{
    enum { LOW = S::DEPTH / 4 < 4 ? S::DEPTH / 4 : 4, HIGH = S::DEPTH / 4 / LOW };
    if (!inward) return gpu_group{number % (S::TILE / 4) * 4, number / (S::TILE / 4)};
    uint32_t low = number % LOW, row = number / LOW % 8, rest = number / (LOW * 8);
    return gpu_group{rest / HIGH * 8 + row, (rest % HIGH * LOW + low) * 4};
}

/* What a thread keeps of a side: the places of its majors. */
template <class S, int MODE> struct gpu_reader {
    typedef typename S::T T;
    enum { PLACES = gpu_is_flat<MODE> ? 1 : 4 };
    static_assert(gpu_is_flat<MODE> || S::GROUPS == 1, "only flat sides have several groups for a thread");
    const T *data;
    const uint8_t *index;
    uint32_t first, majors; /* of the tile; how many majors the side has */
    gpu_place places[PLACES];
    gpu_quad<T> held[S::GROUPS];
};

template <class S, int MODE>
GPU_DEVICE void gpu_reader_start(gpu_reader<S, MODE> &r, const gpu_side &side, int64_t offset, uint32_t first,
                                 uint32_t majors)
{
    r.data = (const typename S::T *)side.data + offset;
    r.index = side.index ? (const uint8_t *)side.index + offset : (const uint8_t *)0;
    r.first = first;
    r.majors = majors;
    if (gpu_is_flat<MODE>) return;
    gpu_group group = gpu_group_of<S>(gpu_thread(), side.inward);
    GPU_UNROLL
    for (int j = 0; j < gpu_reader<S, MODE>::PLACES; j++) {
        uint32_t major = first + group.major + (uint32_t)j;
        r.places[j] = gpu_place_of(side.major, major < majors ? major : 0);
        r.places[j].at += side.first;
        r.places[j].row += side.first_row;
        r.places[j].col += side.first_col;
    }
}

template <class S, int MODE>
GPU_DEVICE gpu_place gpu_major_place(const gpu_reader<S, MODE> &r, const gpu_side &side, uint32_t major, int j)
{
    if (gpu_is_flat<MODE>) return gpu_place{(int64_t)(major + (uint32_t)j) * side.major.strides[0], 0, 0};
    return r.places[j < gpu_reader<S, MODE>::PLACES ? j : 0];
}

template <int MODE> GPU_DEVICE gpu_place gpu_inner_place(const gpu_side &side, uint32_t k)
{
    if (gpu_is_flat<MODE>) return gpu_place{(int64_t)k * side.inner.strides[0], 0, 0};
    return gpu_place_of(side.inner, k);
}

template <class S, int MODE>
GPU_DEVICE typename S::T gpu_fetch_one(const gpu_reader<S, MODE> &r, const gpu_side &side, const gpu_place &major,
                                       const gpu_place &inner)
{
    gpu_spot spot = gpu_spot_of<MODE>(side, major, inner);
    if (!spot.inside) return 0;
    if ((MODE == GPU_CELLS || MODE == GPU_DIVIDED) && r.index && r.index[spot.at] != spot.cell) return 0;
    return r.data[spot.at];
}

struct alignas(4) gpu_indices {
    uint8_t v[4];
};

template <class S, int MODE>
GPU_DEVICE gpu_quad<typename S::T> gpu_fetch_vector(const gpu_reader<S, MODE> &r, const gpu_side &side,
                                                    const gpu_place &major, const gpu_place &inner)
{
    typedef typename S::T T;
    gpu_spot spot = gpu_spot_of<MODE>(side, major, inner);
    if (!spot.inside) return gpu_no_quad<T>();
    gpu_quad<T> quad = *(const gpu_quad<T> *)(r.data + spot.at);
    if ((MODE == GPU_CELLS || MODE == GPU_DIVIDED) && r.index) {
        gpu_indices index = *(const gpu_indices *)(r.index + spot.at);
        GPU_UNROLL
        for (int j = 0; j < 4; j++)
            if (index.v[j] != spot.cell) quad.v[j] = 0;
    }
    return quad;
}

/* Inward: four inner indices of one major. */
template <class S, int MODE>
GPU_DEVICE gpu_quad<typename S::T> gpu_fetch_inward(const gpu_reader<S, MODE> &r, const gpu_side &side, uint32_t major,
                                                    uint32_t k, uint32_t end)
{
    gpu_quad<typename S::T> quad = gpu_no_quad<typename S::T>();
    if (major >= r.majors || k >= end) return quad;
    if (gpu_may_have_ones<MODE> && major == side.ones) {
        GPU_UNROLL
        for (int j = 0; j < 4; j++)
            if (k + (uint32_t)j < end) quad.v[j] = 1;
        return quad;
    }
    gpu_place at = gpu_major_place(r, side, major, 0);
    if (side.vector) return gpu_fetch_vector(r, side, at, gpu_inner_place<MODE>(side, k));
    GPU_UNROLL
    for (int j = 0; j < 4; j++)
        if (k + (uint32_t)j < end) quad.v[j] = gpu_fetch_one(r, side, at, gpu_inner_place<MODE>(side, k + (uint32_t)j));
    return quad;
}

/* Else: four majors at one inner index. */
template <class S, int MODE>
GPU_DEVICE gpu_quad<typename S::T> gpu_fetch_across(const gpu_reader<S, MODE> &r, const gpu_side &side, uint32_t major,
                                                    uint32_t k, uint32_t end)
{
    gpu_quad<typename S::T> quad = gpu_no_quad<typename S::T>();
    if (major >= r.majors || k >= end) return quad;
    gpu_place at = gpu_inner_place<MODE>(side, k);
    bool special = gpu_may_have_ones<MODE> && side.ones - major < 4;
    if (side.vector && !special) return gpu_fetch_vector(r, side, gpu_major_place(r, side, major, 0), at);
    GPU_UNROLL
    for (int j = 0; j < 4; j++) {
        if (major + (uint32_t)j >= r.majors) continue;
        if (special && major + (uint32_t)j == side.ones)
            quad.v[j] = 1;
        else
            quad.v[j] = gpu_fetch_one(r, side, gpu_major_place(r, side, major, j), at);
    }
    return quad;
}

/* Fetches this thread's part of the tile whose first inner index is k; elements from `end` on are 0. */
template <class S, int MODE>
GPU_DEVICE void gpu_fetch(gpu_reader<S, MODE> &r, const gpu_side &side, uint32_t k, uint32_t end)
{
    GPU_UNROLL
    for (int e = 0; e < S::GROUPS; e++) {
        gpu_group group = gpu_group_of<S>(gpu_thread() + (uint32_t)e * S::THREADS, side.inward);
        r.held[e] = side.inward ? gpu_fetch_inward(r, side, r.first + group.major, k + group.inner, end)
                                : gpu_fetch_across(r, side, r.first + group.major, k + group.inner, end);
    }
}

/* Puts what was fetched into the tile. True if any of it is an infinity or NaN, and `look` asks for that. */
template <class S, int MODE>
GPU_DEVICE bool gpu_put(const gpu_reader<S, MODE> &r, const gpu_side &side, typename S::T *tile, bool look)
{
    typedef typename S::T T;
    bool odd = false;
    GPU_UNROLL
    for (int e = 0; e < S::GROUPS; e++) {
        gpu_group group = gpu_group_of<S>(gpu_thread() + (uint32_t)e * S::THREADS, side.inward);
        T *to = tile + group.inner * S::PITCH + group.major;
        if (side.inward) {
            GPU_UNROLL
            for (int j = 0; j < 4; j++) to[j * S::PITCH] = r.held[e].v[j];
        } else {
            *(gpu_quad<T> *)to = r.held[e];
        }
        if (look)
            for (int j = 0; j < 4; j++) odd |= !(r.held[e].v[j] - r.held[e].v[j] == 0);
    }
    return odd;
}

#endif
