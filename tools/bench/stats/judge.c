/* SPDX-License-Identifier: Apache-2.0
 *
 * Decisions: which of two runs is faster, and when a warm-up is over. */
#include "bench/stats/stats.h"

bench_verdict bench_judge(bench_interval speedup, size_t n_old, size_t n_new)
{
    if (n_old < BENCH_FEWEST_ROUNDS || n_new < BENCH_FEWEST_ROUNDS) return BENCH_NOISE;
    if (speedup.low > 1) return BENCH_FASTER;
    if (speedup.high < 1) return BENCH_SLOWER;
    return BENCH_NOISE;
}

bool bench_is_regression(bench_verdict verdict, bench_interval speedup, double tolerance)
{
    return verdict == BENCH_SLOWER && speedup.value < 1 - tolerance;
}

bool bench_is_warm(const double *block_medians, size_t n, double slack)
{
    if (n < 3) return false;
    const double *last = block_medians + n - 1;
    return last[0] >= last[-1] * (1 - slack) && last[-1] >= last[-2] * (1 - slack);
}
