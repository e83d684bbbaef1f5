/* SPDX-License-Identifier: Apache-2.0
 *
 * What samples are reduced to. Pure functions of numbers: no files, no clocks. A quantity that cannot be told from the
 * samples given (there are none, say) is NaN. */
#ifndef TENON_BENCH_STATS_H
#define TENON_BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>

/* Quantile q (0 to 1) of n values in any order, linear between neighbours: Hyndman and Fan, Sample Quantiles in
 * Statistical Packages, 1996, type 7, as NumPy's and R's default. */
double bench_quantile(const double *values, size_t n, double q);
double bench_median(const double *values, size_t n);
/* Median absolute deviation from the median, unscaled. */
double bench_mad(const double *values, size_t n);

typedef struct bench_spread {
    size_t n;
    double min, p50, p95, p99, max, mad;
} bench_spread;
bench_spread bench_spread_of(const double *values, size_t n);

/* A value and its 95 % interval. */
typedef struct bench_interval {
    double low, value, high;
} bench_interval;

/* The median, by the percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13)
 * with a fixed seed: the same samples give the same interval. One sample gives an interval without width. */
bench_interval bench_median_interval(const double *values, size_t n);
/* median(above) / median(below), each resampled on its own: two runs. */
bench_interval bench_ratio_interval(const double *above, size_t n_above, const double *below, size_t n_below);
/* The same for n rounds in which both took turns: rounds are resampled, so that what hit both of them cancels. */
bench_interval bench_paired_ratio_interval(const double *above, const double *below, size_t n);

/* Half the width of the interval as a share of its value. */
double bench_half_width(bench_interval interval);

typedef enum bench_verdict { BENCH_NOISE, BENCH_FASTER, BENCH_SLOWER } bench_verdict;
/* speedup: new rate / old rate. Noise where the interval holds 1, or where either side has fewer than
 * BENCH_FEWEST_ROUNDS rounds and so no interval worth the name. */
enum { BENCH_FEWEST_ROUNDS = 5 };
bench_verdict bench_judge(bench_interval speedup, size_t n_old, size_t n_new);
/* Slower, and by more than the tolerance (0.05: the rate fell below 95 %). */
bool bench_is_regression(bench_verdict verdict, bench_interval speedup, double tolerance);

/* Is the warm-up over? Told from the medians of the blocks of steps run so far, oldest first: the newest is not below
 * the one before by more than `slack` (0.05), nor is that one below its own predecessor. */
bool bench_is_warm(const double *block_medians, size_t n, double slack);

#endif
