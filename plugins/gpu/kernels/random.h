/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers: Philox 4x32-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011) and what is made
 * of it; tenon_ops.h has the definition. Where a turn is packed its four elements are those of one block; elsewhere each
 * element makes its own block, so that memory goes in order whatever the strides are. */
#include "convert.h"

/* Where a run's numbers come from. */
struct gpu_rng {
    uint64_t seed, offset;
};

GPU_DEVICE gpu_rng gpu_rng_of(const int64_t *rng, int64_t stride, int64_t call)
{
    gpu_rng of = {(uint64_t)rng[0], (uint64_t)rng[stride] + (uint64_t)call};
    return of;
}

struct gpu_words {
    uint32_t at[4];
};

GPU_DEVICE gpu_words gpu_philox(gpu_rng rng, uint64_t block)
{
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
    uint32_t c2 = (uint32_t)rng.offset, c3 = (uint32_t)(rng.offset >> 32);
    uint32_t key0 = (uint32_t)rng.seed, key1 = (uint32_t)(rng.seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ key0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ key1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    gpu_words words = {{c0, c1, c2, c3}};
    return words;
}

/* The words of an element with an even index and its neighbour, which normal makes two numbers of. */
struct gpu_pair {
    uint32_t even, odd;
    bool second; /* which of the two is this element's */
};

template <int K>
GPU_DEVICE void gpu_draw(const gpu_walk &walk, const gpu_turn<K, GPU_LANES> &turn, int index, gpu_rng rng,
                         gpu_pair *pairs)
{
    if (turn.packed) {
        gpu_words words = gpu_philox(rng, gpu_index_of(walk, turn, index, 0) / 4);
        for (int v = 0; v < GPU_LANES; v++) {
            gpu_pair pair = {words.at[v / 2 * 2], words.at[v / 2 * 2 + 1], v % 2 != 0};
            pairs[v] = pair;
        }
        return;
    }
    for (int v = 0; v < GPU_LANES; v++) {
        uint64_t i = gpu_index_of(walk, turn, index, v);
        gpu_words words = gpu_philox(rng, i / 4);
        gpu_pair pair = {i & 2 ? words.at[2] : words.at[0], i & 2 ? words.at[3] : words.at[1], (i & 1) != 0};
        pairs[v] = pair;
    }
}

GPU_DEVICE uint32_t gpu_word_of(gpu_pair pair)
{
    return pair.second ? pair.odd : pair.even;
}

/* Box and Muller: two words give two independent numbers. */
GPU_DEVICE double gpu_normal(gpu_pair pair)
{
    double radius = sqrt(-2 * log((pair.even + 1.0) * 0x1p-32));
    double angle = 2 * 3.14159265358979323846 * (pair.odd * 0x1p-32);
    return radius * (pair.second ? sin(angle) : cos(angle));
}

GPU_DEFINE(random, gpu_random_args, GPU_WALK_THREADS)
{
    const gpu_rng rng = gpu_rng_of(args.rng, args.rng_stride, args.call);
    GPU_EACH_TILE(GPU_LANES, args.walk, tile)
    {
        gpu_turn<2, GPU_LANES> turn = gpu_turn_of<2, GPU_LANES>(args.walk, tile);
        gpu_pair pairs[GPU_LANES];
        double y[GPU_LANES];
        gpu_draw(args.walk, turn, 1, rng, pairs);
        for (int v = 0; v < GPU_LANES; v++)
            y[v] = args.normal ? gpu_scaled(args.a, args.b, gpu_normal(pairs[v]))
                               : gpu_scaled(args.a, args.b - args.a, (gpu_word_of(pairs[v]) >> 8) * 0x1p-24);
        gpu_store_as(args.walk, turn, args.dtype, y);
    }
}

/* u >= p, decided in whole numbers: both are multiplied by 2^24. */
template <typename T>
GPU_DEVICE void gpu_dropout_turn(const gpu_dropout_args &args, const gpu_turn<4, GPU_LANES> &turn, gpu_rng rng)
{
    gpu_pair pairs[GPU_LANES];
    uint8_t kept[GPU_LANES];
    T x[GPU_LANES];
    gpu_load(args.walk, turn, 2, x);
    gpu_draw(args.walk, turn, 3, rng, pairs);
    for (int v = 0; v < GPU_LANES; v++) {
        kept[v] = gpu_word_of(pairs[v]) >> 8 >= args.threshold;
        x[v] = kept[v] ? x[v] / (T)args.share : (T)0;
    }
    gpu_store(args.walk, turn, 0, x);
    gpu_store(args.walk, turn, 1, kept);
}

GPU_DEFINE(dropout, gpu_dropout_args, GPU_WALK_THREADS)
{
    const gpu_rng rng = gpu_rng_of(args.rng, args.rng_stride, args.call);
    GPU_EACH_TILE(GPU_LANES, args.walk, tile)
    {
        gpu_turn<4, GPU_LANES> turn = gpu_turn_of<4, GPU_LANES>(args.walk, tile);
        if (args.dtype == TN_F32)
            gpu_dropout_turn<float>(args, turn, rng);
        else
            gpu_dropout_turn<double>(args, turn, rng);
    }
}
