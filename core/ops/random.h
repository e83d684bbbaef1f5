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

/* u of the element with row-major index `index`, in [0, 1). The caller goes through indices one by one: `words` holds
 * the block of the one before, unless this is the first. */
static inline double tn__rng_u(tn_rng rng, uint64_t index, bool first, uint32_t words[4])
{
    if (first || index % 4 == 0) tn__philox(rng.seed, rng.offset, index / 4, words);
    return (words[index % 4] >> 8) * 0x1p-24;
}

#endif
