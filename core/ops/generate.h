/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills by formula: each element is a function, computed in f64, of its row-major index. */
#ifndef TENON_GENERATE_H
#define TENON_GENERATE_H

#include "ops/op.h"

enum { TN_GENERATE_AT_ONCE = 256 };

/* Writes the values of the elements first, ..., first + n - 1; n <= TN_GENERATE_AT_ONCE. */
typedef void (*tn_formula)(const void *arg, int64_t first, int64_t n, double *values);

/* Sets all elements of y, of any dtype and strides, converting as cast does. */
void tn__generate(const tn_tensor_desc *desc, void *y, tn_formula formula, const void *arg);

/* base + factor * x with two roundings: no compiler may fuse them, so every CPU gives the same bits. */
static inline double tn__scaled(double base, double factor, double x)
{
    volatile double product = factor * x;
    return base + product;
}

#endif
