/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine that all products share: a block computes a square tile of the result, reading both sides through shared
 * memory while the next step's elements are on their way to registers. Threads keep squares of the result in registers;
 * where the tile has fewer squares than the block threads, the block is cut into slices that share out the inner index,
 * and their sums meet in shared memory, in order. What differs between products is how the sides are read (side.h). */
#ifndef GPU_KERNELS_TILE_H
#define GPU_KERNELS_TILE_H

/* TILE: edge of the tile; DEPTH: inner indices of a step; EACH: edge of a thread's square; STAGES: buffers of a side. */
template <typename T_, int TILE_, int DEPTH_, int EACH_, int STAGES_> struct gpu_shape {
    typedef T_ T;
    enum {
        TILE = TILE_,
        DEPTH = DEPTH_,
        EACH = EACH_,
        STAGES = STAGES_,
        THREADS = GPU_THREADS,
        ACROSS = TILE / EACH,
        SLICES = THREADS / (ACROSS * ACROSS),
        GROUPS = TILE * DEPTH / 4 / THREADS,
        UNROLL = EACH == 8 ? 2 : 8,
        PITCH = TILE + 4,
        ROUND = TILE <= 32 ? TILE : 1024 / TILE, /* rows that slices add up at a time */
        SIDE = DEPTH * PITCH                     /* elements of one side in shared memory */
    };
};

/* ---- the result */

/* Largest of four pooled rows, of column n, with its cell, and relu; at: where the window's result goes. */
template <typename T>
GPU_DEVICE void gpu_store_window(const gpu_result &out, T *y, uint8_t *index, const T *bias, const T sums[4],
                                 uint32_t n, int64_t at)
{
    T shift = bias ? bias[n * out.bias_stride] : (T)0, best = sums[0] + shift;
    uint8_t cell = 0;
    GPU_UNROLL
    for (int j = 1; j < 4; j++) {
        T value = sums[j] + shift;
        if (value > best || (value != value && best == best)) {
            best = value;
            cell = (uint8_t)j;
        }
    }
    y[at] = best < 0 ? (T)0 : best;
    index[at] = cell;
}

template <typename T> GPU_DEVICE T gpu_finished(const gpu_result &out, const T *bias, T sum, uint32_t n)
{
    if (bias) sum += bias[n * out.bias_stride];
    return out.relu && sum < 0 ? (T)0 : sum;
}

/* Where the results of one of several products go. */
template <typename T> struct gpu_target {
    T *y, *sums;
    uint8_t *index;
    const T *bias;
};

template <typename T> GPU_DEVICE gpu_target<T> gpu_target_of(const gpu_result &out, const int64_t offset[4])
{
    gpu_target<T> to;
    to.y = (T *)out.y + offset[2];
    to.index = out.index ? (uint8_t *)out.index + offset[2] : (uint8_t *)0;
    to.bias = out.bias ? (const T *)out.bias + offset[3] : (const T *)0;
    to.sums = out.sums ? (T *)out.sums + offset[3] : (T *)0;
    return to;
}

/* One element, whose row and column lie at these offsets. */
template <typename T>
GPU_DEVICE void gpu_store_one(const gpu_result &out, const gpu_target<T> &to, T sum, uint32_t m, uint32_t n,
                              int64_t row_at, int64_t col_at)
{
    if (to.sums && n + 1 == out.n)
        to.sums[m * out.sum_stride] = sum;
    else
        to.y[row_at + col_at] = gpu_finished(out, to.bias, sum, n);
}

/* Four rows by COLS columns, from (m, n) on. */
template <typename T, int COLS>
GPU_DEVICE void gpu_store(const gpu_result &out, const gpu_target<T> &to, const T sums[4][COLS], uint32_t m, uint32_t n)
{
    if (m >= out.m) return;
    int64_t cols[COLS];
    GPU_UNROLL
    for (int j = 0; j < COLS; j++) cols[j] = gpu_place_of(out.col, n + (uint32_t)j).at;
    if (out.cells == 4) {
        int64_t at = gpu_place_of(out.row, m / 4).at;
        GPU_UNROLL
        for (int j = 0; j < COLS; j++) {
            T column[4] = {sums[0][j], sums[1][j], sums[2][j], sums[3][j]};
            if (n + (uint32_t)j < out.n)
                gpu_store_window(out, to.y, to.index, to.bias, column, n + (uint32_t)j, at + cols[j]);
        }
        return;
    }
    GPU_UNROLL
    for (int i = 0; i < 4; i++) {
        if (m + (uint32_t)i >= out.m) continue;
        int64_t at = gpu_place_of(out.row, m + (uint32_t)i).at;
        if (COLS == 4 && out.vector && n + 4 <= out.n) {
            gpu_quad<T> quad;
            GPU_UNROLL
            for (int j = 0; j < 4; j++) quad.v[j] = gpu_finished(out, to.bias, sums[i][j % COLS], n + (uint32_t)j);
            *(gpu_quad<T> *)(to.y + at + cols[0]) = quad;
            continue;
        }
        GPU_UNROLL
        for (int j = 0; j < COLS; j++)
            if (n + (uint32_t)j < out.n)
                gpu_store_one(out, to, sums[i][j], m + (uint32_t)i, n + (uint32_t)j, at, cols[j]);
    }
}

/* The same to the memory that parts of a sum are kept in, densely. */
template <typename T, int COLS>
GPU_DEVICE void gpu_store_part(const gpu_result &out, T *part, const T sums[4][COLS], uint32_t m, uint32_t n)
{
    GPU_UNROLL
    for (int i = 0; i < 4; i++) GPU_UNROLL
    for (int j = 0; j < COLS; j++)
        if (m + (uint32_t)i < out.m && n + (uint32_t)j < out.n)
            part[(uint64_t)(m + (uint32_t)i) * out.n + n + (uint32_t)j] = sums[i][j];
}

/* ---- a block */

/* Which tile of which product a block computes, and which part of the sum. */
struct gpu_job {
    uint32_t m, n, k, end;
    uint32_t split, item;
    int64_t offset[4];
};

template <class S> GPU_DEVICE gpu_job gpu_job_of(const gpu_product_args &args)
{
    gpu_job job;
    uint32_t block = gpu_block_x(), rest = block / args.tiles_m;
    job.m = (block - rest * args.tiles_m) * S::TILE;
    block = rest / args.tiles_n;
    job.n = (rest - block * args.tiles_n) * S::TILE;
    job.item = block / args.out.splits;
    job.split = block - job.item * args.out.splits;
    job.k = job.split * args.k_each;
    job.end = args.k - job.k < args.k_each ? args.k : job.k + args.k_each;
    gpu_offsets<4>(args.out.walk, job.item, job.offset);
    return job;
}

/* The thread's square: element i of it along a side is at gpu_along(place, i) of the tile. */
struct gpu_square {
    uint32_t slice, row, col;
};

template <class S> GPU_DEVICE gpu_square gpu_square_of()
{
    enum { ACROSS = S::ACROSS, WARPS = ACROSS > 8 ? ACROSS / 8 : 1 };
    uint32_t t = gpu_thread() % (ACROSS * ACROSS), slice = gpu_thread() / (ACROSS * ACROSS);
    if (ACROSS <= 8) return gpu_square{slice, t / ACROSS * 4, t % ACROSS * 4};
    uint32_t group = t / 32, lane = t % 32; /* 32 neighbours take 4 x 8 squares: few different reads at a time */
    return gpu_square{slice, (lane / 8 + group / WARPS * 4) * 4, (lane % 8 + group % WARPS * 8) * 4};
}

template <class S> GPU_DEVICE uint32_t gpu_along(uint32_t place, int i)
{
    return place + (uint32_t)(i / 4 * (S::TILE / 2) + i % 4);
}

template <class S>
GPU_DEVICE void gpu_multiply(const typename S::T *a, const typename S::T *b, const gpu_square &at,
                             typename S::T (&sums)[S::EACH][S::EACH])
{
    typedef typename S::T T;
    T left[S::EACH], right[S::EACH];
    GPU_UNROLL
    for (int q = 0; q < S::EACH; q += 4) {
        gpu_quad<T> x = *(const gpu_quad<T> *)(a + gpu_along<S>(at.row, q));
        gpu_quad<T> y = *(const gpu_quad<T> *)(b + gpu_along<S>(at.col, q));
        GPU_UNROLL
        for (int j = 0; j < 4; j++) {
            left[q + j] = x.v[j];
            right[q + j] = y.v[j];
        }
    }
    GPU_UNROLL
    for (int i = 0; i < S::EACH; i++) GPU_UNROLL
    for (int j = 0; j < S::EACH; j++) sums[i][j] += left[i] * right[j];
}

/* One step's products: of `depth` inner indices. */
template <class S>
GPU_DEVICE void gpu_multiply_tile(const typename S::T *a, const typename S::T *b, uint32_t depth, const gpu_square &at,
                                  typename S::T (&sums)[S::EACH][S::EACH])
{
    if (depth >= S::DEPTH) {
        GPU_UNROLL_BY(S::UNROLL)
        for (uint32_t k = 0; k < S::DEPTH; k += S::SLICES)
            gpu_multiply<S>(a + (k + at.slice) * S::PITCH, b + (k + at.slice) * S::PITCH, at, sums);
    } else {
        for (uint32_t k = at.slice; k < depth; k += S::SLICES)
            gpu_multiply<S>(a + k * S::PITCH, b + k * S::PITCH, at, sums);
    }
}

/* The same, leaving out elements of a that lie outside the image: slow, for infinities and NaN in b. */
template <class S, int MODE>
GPU_DEVICE void gpu_multiply_masked(const gpu_side &side, const typename S::T *a, const typename S::T *b,
                                    const gpu_job &job, uint32_t first, uint32_t depth, const gpu_square &at,
                                    typename S::T (&sums)[S::EACH][S::EACH])
{
    for (uint32_t k = at.slice; k < depth && k < S::DEPTH; k += S::SLICES) {
        gpu_place inner = gpu_inner_place<MODE>(side, first + k);
        uint32_t inside = 0; /* a bit for each row */
        GPU_UNROLL_BY(1)
        for (int i = 0; i < S::EACH; i++) {
            gpu_place major = gpu_place_of(side.major, job.m + gpu_along<S>(at.row, i));
            major.row += side.first_row;
            major.col += side.first_col;
            inside |= (uint32_t)gpu_spot_of<MODE>(side, major, inner).inside << i;
        }
        GPU_UNROLL
        for (int i = 0; i < S::EACH; i++) {
            if (!(inside >> i & 1)) continue;
            GPU_UNROLL
            for (int j = 0; j < S::EACH; j++)
                sums[i][j] += a[k * S::PITCH + gpu_along<S>(at.row, i)] * b[k * S::PITCH + gpu_along<S>(at.col, j)];
        }
    }
}

template <class S, int MODE_A, int MODE_B>
GPU_DEVICE void gpu_sum_products(const gpu_product_args &args, const gpu_job &job, const gpu_square &at,
                                 typename S::T *shared, typename S::T (&sums)[S::EACH][S::EACH])
{
    typedef typename S::T T;
    enum { MAY_MASK = MODE_A == GPU_IMAGE || MODE_A == GPU_DIVIDED };
    GPU_SHARED int odd;
    gpu_reader<S, MODE_A> a;
    gpu_reader<S, MODE_B> b;
    gpu_reader_start(a, args.a, job.offset[0], job.m, args.out.m);
    gpu_reader_start(b, args.b, job.offset[1], job.n, args.out.n);
    if (MAY_MASK && gpu_thread() == 0) odd = 0;
    if (MAY_MASK) gpu_sync();
    gpu_fetch(a, args.a, job.k, job.end);
    gpu_fetch(b, args.b, job.k, job.end);
    T *stage = shared;
    for (uint32_t k = job.k; k < job.end; k += S::DEPTH) {
        if (S::STAGES == 1) gpu_sync();
        gpu_put(a, args.a, stage, false);
        if (gpu_put(b, args.b, stage + S::SIDE, MAY_MASK && args.masked)) odd = 1;
        gpu_sync();
        if (k + S::DEPTH < job.end) {
            gpu_fetch(a, args.a, k + S::DEPTH, job.end);
            gpu_fetch(b, args.b, k + S::DEPTH, job.end);
        }
        if (MAY_MASK && odd)
            gpu_multiply_masked<S, MODE_A>(args.a, stage, stage + S::SIDE, job, k, job.end - k, at, sums);
        else
            gpu_multiply_tile<S>(stage, stage + S::SIDE, job.end - k, at, sums);
        if (S::STAGES == 2) stage = stage == shared ? shared + 2 * S::SIDE : shared;
    }
}

/* Adds up the slices' squares in rows [first, first + ROUND) of the tile; afterwards each thread has four rows of one
 * column, from (row, col) on. */
template <class S>
GPU_DEVICE void gpu_join_slices(typename S::T *shared, const gpu_square &at, uint32_t first, uint32_t row, uint32_t col,
                                const typename S::T (&sums)[S::EACH][S::EACH], typename S::T (&joined)[4][1])
{
    gpu_sync();
    GPU_UNROLL
    for (int i = 0; i < S::EACH; i++) {
        uint32_t to = gpu_along<S>(at.row, i) - first;
        if (to >= S::ROUND) continue;
        GPU_UNROLL
        for (int j = 0; j < S::EACH; j++)
            shared[(at.slice * S::ROUND + to) * S::TILE + gpu_along<S>(at.col, j)] = sums[i][j];
    }
    gpu_sync();
    for (uint32_t i = 0; i < 4; i++) {
        typename S::T sum = 0;
        for (uint32_t s = 0; s < S::SLICES; s++) sum += shared[(s * S::ROUND + row - first + i) * S::TILE + col];
        joined[i][0] = sum;
    }
}

template <typename T, int COLS>
GPU_DEVICE void gpu_deliver(const gpu_product_args &args, const gpu_job &job, const T sums[4][COLS], uint32_t m,
                            uint32_t n)
{
    if (args.out.splits == 1) {
        gpu_store<T, COLS>(args.out, gpu_target_of<T>(args.out, job.offset), sums, m, n);
        return;
    }
    uint64_t part = (uint64_t)job.split * args.out.batch + job.item;
    gpu_store_part<T, COLS>(args.out, (T *)args.parts + part * args.out.m * args.out.n, sums, m, n);
}

template <class S, int MODE_A, int MODE_B> GPU_DEVICE void gpu_product_block(const gpu_product_args &args)
{
    typedef typename S::T T;
    GPU_DYNAMIC_SHARED(T, shared);
    gpu_job job = gpu_job_of<S>(args);
    gpu_square at = gpu_square_of<S>();
    T sums[S::EACH][S::EACH];
    GPU_UNROLL
    for (int i = 0; i < S::EACH; i++) GPU_UNROLL
    for (int j = 0; j < S::EACH; j++) sums[i][j] = 0;
    gpu_sum_products<S, MODE_A, MODE_B>(args, job, at, shared, sums);
    if constexpr (S::SLICES > 1) {
        uint32_t row = gpu_thread() / S::TILE * 4, col = gpu_thread() % S::TILE;
        bool works = row < S::ROUND;
        for (uint32_t first = 0; first < S::TILE; first += S::ROUND) {
            T joined[4][1];
            gpu_join_slices<S>(shared, at, first, works ? first + row : first, col, sums, joined);
            if (works) gpu_deliver<T, 1>(args, job, joined, job.m + first + row, job.n + col);
        }
    } else {
        GPU_UNROLL
        for (int i = 0; i < S::EACH; i += 4) GPU_UNROLL
        for (int j = 0; j < S::EACH; j += 4) {
            T part[4][4];
            GPU_UNROLL
            for (int e = 0; e < 16; e++) part[e / 4][e % 4] = sums[i + e / 4][j + e % 4];
            gpu_deliver<T, 4>(args, job, part, job.m + gpu_along<S>(at.row, i), job.n + gpu_along<S>(at.col, j));
        }
    }
}

/* ---- split sums: the parts are shared out over the rows of a block, and added in order */

enum { GPU_JOIN_COLS = 32, GPU_JOIN_ROWS = 8 };

/* The thread's share of element i (the first of `cells` rows): every so-many-th part. */
template <typename T>
GPU_DEVICE void gpu_join_share(const gpu_join_args &args, int64_t item, uint32_t m, uint32_t n, T sums[4])
{
    const gpu_result &out = args.out;
    const uint64_t of_one = (uint64_t)out.m * out.n, of_all = of_one * out.batch;
    uint32_t first = gpu_thread() / GPU_JOIN_COLS;
    const T *part = (const T *)args.parts + first * of_all + (uint64_t)item * of_one + (uint64_t)m * out.n + n;
    GPU_UNROLL_BY(4)
    for (uint32_t s = first; s < out.splits; s += GPU_JOIN_ROWS, part += GPU_JOIN_ROWS * of_all) {
        sums[0] += part[0];
        if (out.cells == 1) continue;
        GPU_UNROLL
        for (uint32_t j = 1; j < 4; j++) sums[j] += part[(uint64_t)j * out.n];
    }
}

template <typename T> GPU_DEVICE void gpu_join_parts(const gpu_join_args &args)
{
    GPU_SHARED T shared[4][GPU_JOIN_ROWS][GPU_JOIN_COLS];
    const gpu_result &out = args.out;
    const uint32_t col = gpu_thread() % GPU_JOIN_COLS, share = gpu_thread() / GPU_JOIN_COLS, rows = out.m / out.cells;
    const int64_t i = (int64_t)gpu_block_x() * GPU_JOIN_COLS + col, row = i / out.n, item = row / rows;
    const uint32_t n = (uint32_t)(i - row * out.n), m = (uint32_t)(row - item * rows) * out.cells;
    const bool exists = item < (int64_t)out.batch;
    T sums[4] = {0, 0, 0, 0};
    if (exists) gpu_join_share<T>(args, item, m, n, sums);
    GPU_UNROLL
    for (int j = 0; j < 4; j++) shared[j][share][col] = sums[j];
    gpu_sync();
    if (!exists || share != 0) return;
    GPU_UNROLL
    for (int j = 0; j < 4; j++)
        for (int s = 1; s < GPU_JOIN_ROWS; s++) sums[j] += shared[j][s][col];
    int64_t offset[4], at = gpu_place_of(out.row, m / out.cells).at, col_at = gpu_place_of(out.col, n).at;
    gpu_offsets<4>(out.walk, item, offset);
    gpu_target<T> to = gpu_target_of<T>(out, offset);
    if (out.cells == 4)
        gpu_store_window(out, to.y, to.index, to.bias, sums, n, at + col_at);
    else
        gpu_store_one(out, to, sums[0], m, n, at, col_at);
}

#endif
