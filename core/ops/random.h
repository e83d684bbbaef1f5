/* SPDX-License-Identifier: Apache-2.0
 *
 * How reference kernels read the random numbers of a run. */
#ifndef TENON_RANDOM_H
#define TENON_RANDOM_H

#include "ops/op.h"

/* One stream of Philox blocks. */
typedef struct tn_rng {
    uint64_t seed, offset;
} tn_rng;

/* The stream of a run whose input 1 is rng. */
tn_rng tn__rng_of(const tn_run *run, int64_t call);

enum {
    TN_RNG_AT_ONCE = 256,
    TN_RNG_BUFFER = TN_RNG_AT_ONCE + 8 /* whole blocks, wherever the first element lies in its own */
};

/* The words of the elements with row-major indices first, ..., first + n - 1; n <= TN_RNG_AT_ONCE. The buffer is
 * filled with all words of their blocks; the result points into it. */
const uint32_t *tn__rng_words(tn_rng rng, int64_t first, int64_t n, uint32_t buffer[TN_RNG_BUFFER]);

#endif
