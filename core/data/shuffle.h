/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of the examples in an epoch: a function of (count, seed, epoch) alone, the same on every machine. */
#ifndef TENON_DATA_SHUFFLE_H
#define TENON_DATA_SHUFFLE_H

#include <stdint.h>

/* Writes a permutation of 0 ... count - 1; count <= UINT32_MAX. */
void tn__shuffle(int64_t *order, int64_t count, uint64_t seed, uint64_t epoch);

#endif
