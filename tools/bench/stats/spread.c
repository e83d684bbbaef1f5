/* SPDX-License-Identifier: Apache-2.0
 *
 * Order statistics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/stats/order.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double *bench_sorted(const double *values, size_t n)
{
    double *sorted = malloc((n + 1) * sizeof *sorted);
    if (!sorted) abort();
    if (n) memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    return sorted;
}

double bench_quantile_sorted(const double *sorted, size_t n, double q)
{
    if (n == 0) return NAN;
    double place = q * (double)(n - 1);
    size_t below = (size_t)place;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

double bench_quantile(const double *values, size_t n, double q)
{
    double *sorted = bench_sorted(values, n);
    double value = bench_quantile_sorted(sorted, n, q);
    free(sorted);
    return value;
}

double bench_median(const double *values, size_t n)
{
    return bench_quantile(values, n, 0.5);
}

double bench_mad(const double *values, size_t n)
{
    double middle = bench_median(values, n);
    double *away = malloc((n + 1) * sizeof *away);
    if (!away) abort();
    for (size_t i = 0; i < n; i++) away[i] = fabs(values[i] - middle);
    double value = bench_median(away, n);
    free(away);
    return value;
}

bench_spread bench_spread_of(const double *values, size_t n)
{
    double *sorted = bench_sorted(values, n);
    bench_spread spread = {
        .n = n,
        .min = bench_quantile_sorted(sorted, n, 0),
        .p50 = bench_quantile_sorted(sorted, n, 0.5),
        .p95 = bench_quantile_sorted(sorted, n, 0.95),
        .p99 = bench_quantile_sorted(sorted, n, 0.99),
        .max = bench_quantile_sorted(sorted, n, 1),
        .mad = bench_mad(values, n),
    };
    free(sorted);
    return spread;
}
