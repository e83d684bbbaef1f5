/* SPDX-License-Identifier: Apache-2.0
 *
 * Fisher and Yates' shuffle, fed by a counter-based generator, so that any epoch's order can be had without the
 * epochs before it. Changing anything here changes every run's order of examples. */
#include "data/shuffle.h"

/* Keeps the shuffle's numbers apart from the context's generator under the same seed: "shuffle" in ASCII. */
#define SHUFFLE_KEY UINT64_C(0x0073687566666c65)

typedef struct stream {
    uint32_t key[2], epoch[2];
    uint64_t block;
    uint32_t words[4];
    int left; /* words of this block that are still unused */
} stream;

/* One block of Philox 4x32-10: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC'11. */
static void philox(const uint32_t key[2], uint32_t x[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)x[0] * UINT32_C(0xD2511F53);
        uint64_t p1 = (uint64_t)x[2] * UINT32_C(0xCD9E8D57);
        uint32_t y0 = (uint32_t)(p1 >> 32) ^ x[1] ^ k0, y2 = (uint32_t)(p0 >> 32) ^ x[3] ^ k1;
        x[0] = y0, x[1] = (uint32_t)p1, x[2] = y2, x[3] = (uint32_t)p0;
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
}

static uint32_t next_word(stream *s)
{
    if (s->left == 0) {
        s->words[0] = (uint32_t)s->block, s->words[1] = (uint32_t)(s->block >> 32);
        s->words[2] = s->epoch[0], s->words[3] = s->epoch[1];
        philox(s->key, s->words);
        s->block++;
        s->left = 4;
    }
    return s->words[4 - s->left--];
}

/* Uniform on 0 ... n - 1 without bias: Lemire, Fast random integer generation in an interval, TOMACS 29(1), 2019. */
static uint32_t below(stream *s, uint32_t n)
{
    uint64_t product = (uint64_t)next_word(s) * n;
    if ((uint32_t)product < n) {
        uint32_t threshold = (0 - n) % n; /* 2^32 mod n low halves are one too many */
        while ((uint32_t)product < threshold) product = (uint64_t)next_word(s) * n;
    }
    return (uint32_t)(product >> 32);
}

void tn__shuffle(int64_t *order, int64_t count, uint64_t seed, uint64_t epoch)
{
    uint64_t key = seed ^ SHUFFLE_KEY;
    stream s = {.key = {(uint32_t)key, (uint32_t)(key >> 32)}, .epoch = {(uint32_t)epoch, (uint32_t)(epoch >> 32)}};
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = below(&s, (uint32_t)(i + 1)), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
