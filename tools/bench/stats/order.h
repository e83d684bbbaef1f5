/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this room share. */
#ifndef TENON_BENCH_ORDER_H
#define TENON_BENCH_ORDER_H

#include "bench/stats/stats.h"

/* A sorted copy; the caller frees. */
double *bench_sorted(const double *values, size_t n);
double bench_quantile_sorted(const double *sorted, size_t n, double q);

#endif
