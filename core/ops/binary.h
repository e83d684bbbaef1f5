/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops of the binary operators, which the scalar forms use too: there, one operand is a single number. */
#ifndef TENON_BINARY_H
#define TENON_BINARY_H

#include "ops/elementwise.h"

extern const tn_loops tn__add_loops, tn__sub_loops, tn__mul_loops, tn__div_loops, tn__pow_loops;
extern const tn_loops tn__maximum_loops, tn__minimum_loops;
extern const tn_loops tn__eq_loops, tn__ne_loops, tn__lt_loops, tn__le_loops, tn__gt_loops, tn__ge_loops;

#endif
