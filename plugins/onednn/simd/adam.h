/* SPDX-License-Identifier: Apache-2.0
 *
 * Adam's update of one row of elements. */
#ifndef DN_SIMD_ADAM_H
#define DN_SIMD_ADAM_H

#include <stdint.h>

/* What a step multiplies with, the same for all elements. */
typedef struct dn_adam {
    float beta1, rest1, beta2, rest2, eps; /* rest: 1 - beta */
    float keep, decay;                     /* AdamW shrinks p by keep; Adam adds decay times p to g */
    float rate, scale;                     /* lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
} dn_adam;

/* A dn_row_fn (nest.h); operands: p, g, m, v; arg: dn_adam. */
DN_DECLARE(void, dn_adam_row, (int64_t n, char *const *at, const int64_t *step, const void *arg));

#endif
