/* SPDX-License-Identifier: Apache-2.0
 *
 * The statistics of tenon bench, on samples whose answers are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "bench/stats/stats.h"

#define ASSERT_NEAR(found, expected, bound)                                                                      \
    do {                                                                                                         \
        double found_ = (found), expected_ = (expected);                                                         \
        if (!(fabs(found_ - expected_) <= (bound))) fail_msg("%s is %.9g, not %.9g", #found, found_, expected_); \
    } while (0)

/* A generator of the test's own, so that a mistake in the code under test cannot hide in it. */
static uint64_t state;

static double uniform(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

/* Normal, by Box and Muller. */
static double normal(double mean, double deviation)
{
    double radius = sqrt(-2 * log(1 - uniform()));
    return mean + deviation * radius * cos(2 * 3.14159265358979 * uniform());
}

static void fill(double *values, size_t n, double mean, double deviation)
{
    for (size_t i = 0; i < n; i++) values[i] = normal(mean, deviation);
}

/* ---- order statistics: the expected values are NumPy's */

static void quantiles_are_those_of_numpy(void **unused)
{
    (void)unused;
    static const double values[] = {15, 20, 35, 40, 50, 3};
    ASSERT_NEAR(bench_quantile(values, 6, 0.4), 20, 1e-12);
    ASSERT_NEAR(bench_quantile(values, 6, 0.5), 27.5, 1e-12);
    ASSERT_NEAR(bench_quantile(values, 6, 0.95), 47.5, 1e-12);
    ASSERT_NEAR(bench_quantile(values, 6, 0.99), 49.5, 1e-12);
    ASSERT_NEAR(bench_quantile(values, 6, 0), 3, 0);
    ASSERT_NEAR(bench_quantile(values, 6, 1), 50, 0);
    ASSERT_NEAR(bench_median((double[]){7}, 1), 7, 0);
    assert_true(isnan(bench_median(NULL, 0)));
}

static void the_spread_has_all_of_it(void **unused)
{
    (void)unused;
    double values[101];
    for (int i = 0; i <= 100; i++) values[i] = (i * 37) % 101;
    bench_spread spread = bench_spread_of(values, 101);
    assert_int_equal(spread.n, 101);
    ASSERT_NEAR(spread.min, 0, 0);
    ASSERT_NEAR(spread.p50, 50, 0);
    ASSERT_NEAR(spread.p95, 95, 1e-12);
    ASSERT_NEAR(spread.p99, 99, 1e-12);
    ASSERT_NEAR(spread.max, 100, 0);
    ASSERT_NEAR(spread.mad, 25, 0);
    ASSERT_NEAR(bench_mad((double[]){1, 1, 2, 2, 4, 6, 9}, 7), 1, 0);
}

/* ---- bootstrap */

static void an_interval_holds_its_median_and_repeats(void **unused)
{
    (void)unused;
    double values[25];
    state = 1;
    fill(values, 25, 100, 3);
    bench_interval first = bench_median_interval(values, 25), again = bench_median_interval(values, 25);
    assert_true(first.low < first.value && first.value < first.high);
    assert_true(first.low == again.low && first.high == again.high);
    ASSERT_NEAR(first.value, bench_median(values, 25), 0);
}

/* For normal samples the median's standard error is 1.2533 s / sqrt(n). */
static void the_width_is_the_one_that_theory_gives(void **unused)
{
    (void)unused;
    enum { N = 401, RUNS = 20 };
    double values[N], width = 0;
    state = 2;
    for (int i = 0; i < RUNS; i++) {
        fill(values, N, 10, 2);
        bench_interval interval = bench_median_interval(values, N);
        width += (interval.high - interval.low) / RUNS;
    }
    double expected = 2 * 1.96 * 1.2533 * 2 / sqrt(N);
    ASSERT_NEAR(width / expected, 1, 0.1);
}

/* 95 % of the intervals hold the truth; with 200 runs chance gives 89 to 99 %. */
static void ninety_five_percent_hold_the_truth(void **unused)
{
    (void)unused;
    enum { N = 15, RUNS = 200 };
    double values[N];
    int held = 0;
    state = 3;
    for (int i = 0; i < RUNS; i++) {
        fill(values, N, 10, 1);
        bench_interval interval = bench_median_interval(values, N);
        held += interval.low <= 10 && 10 <= interval.high;
    }
    assert_in_range(held, 178, 199);
}

static void a_single_sample_has_no_width(void **unused)
{
    (void)unused;
    bench_interval one = bench_median_interval((double[]){5}, 1), none = bench_median_interval(NULL, 0);
    assert_true(one.low == 5 && one.value == 5 && one.high == 5);
    assert_true(isnan(none.value) && isnan(none.low) && isnan(none.high));
    ASSERT_NEAR(bench_half_width((bench_interval){95, 100, 105}), 0.05, 1e-12);
}

/* Two backends that take turns on a machine whose speed wanders by 2x: pairing cancels what hits both. */
static void pairing_cancels_drift(void **unused)
{
    (void)unused;
    enum { N = 20 };
    double fast[N], slow[N];
    state = 4;
    for (int i = 0; i < N; i++) {
        double machine = 1 + uniform();
        fast[i] = 1.1 * machine * normal(1, 0.005);
        slow[i] = machine * normal(1, 0.005);
    }
    bench_interval paired = bench_paired_ratio_interval(fast, slow, N);
    bench_interval alone = bench_ratio_interval(fast, N, slow, N);
    assert_true(paired.low > 1);
    assert_true(alone.low < 1);
    ASSERT_NEAR(paired.value, alone.value, 1e-12);
}

/* ---- verdicts */

static bench_verdict verdict_on(const double *old, const double *new, size_t n)
{
    return bench_judge(bench_ratio_interval(new, n, old, n), n, n);
}

static void known_truths_are_told(void **unused)
{
    (void)unused;
    enum { N = 20 };
    double old[N], new[N];
    state = 5;
    fill(old, N, 1000, 20);
    fill(new, N, 1200, 20);
    assert_int_equal(verdict_on(old, new, N), BENCH_FASTER);
    assert_int_equal(verdict_on(new, old, N), BENCH_SLOWER);
    assert_int_equal(verdict_on(old, old, N), BENCH_NOISE);
}

/* One run cut into its even and odd rounds, many times over: 95 % of the verdicts are noise, give or take chance. */
static void two_halves_of_one_run_are_noise(void **unused)
{
    (void)unused;
    enum { N = 15, RUNS = 100 };
    double even[N], odd[N];
    int noise = 0;
    state = 6;
    for (int run = 0; run < RUNS; run++) {
        for (int i = 0; i < N; i++) {
            even[i] = normal(1000, 30);
            odd[i] = normal(1000, 30);
        }
        noise += verdict_on(even, odd, N) == BENCH_NOISE;
    }
    assert_in_range(noise, 88, 100);
}

static void too_few_rounds_prove_nothing(void **unused)
{
    (void)unused;
    static const double old[] = {1, 1, 1, 1}, new[] = {2, 2, 2, 2};
    assert_int_equal(verdict_on(old, new, 4), BENCH_NOISE);
}

static void a_regression_is_real_and_beyond_the_tolerance(void **unused)
{
    (void)unused;
    bench_interval slower = {0.91, 0.93, 0.95}, little = {0.97, 0.98, 0.99}, unclear = {0.7, 0.9, 1.1};
    assert_true(bench_is_regression(bench_judge(slower, 10, 10), slower, 0.05));
    assert_false(bench_is_regression(bench_judge(slower, 10, 10), slower, 0.1));
    assert_false(bench_is_regression(bench_judge(little, 10, 10), little, 0.05));
    assert_false(bench_is_regression(bench_judge(unclear, 10, 10), unclear, 0.05));
}

/* ---- warm-up */

static void a_warm_up_ends_when_steps_get_no_faster(void **unused)
{
    (void)unused;
    static const double falling[] = {9, 5, 3, 2, 1.5}, settled[] = {9, 5, 3, 2.95, 2.9}, level[] = {2, 2, 2},
                        rising[] = {1, 2, 3}, once[] = {9, 5, 5};
    assert_false(bench_is_warm(falling, 5, 0.05));
    assert_true(bench_is_warm(settled, 5, 0.05));
    assert_true(bench_is_warm(level, 3, 0.05));
    assert_true(bench_is_warm(rising, 3, 0.05));
    assert_false(bench_is_warm(once, 3, 0.05));
    assert_false(bench_is_warm(level, 2, 0.05));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_numpy),
        cmocka_unit_test(the_spread_has_all_of_it),
        cmocka_unit_test(an_interval_holds_its_median_and_repeats),
        cmocka_unit_test(the_width_is_the_one_that_theory_gives),
        cmocka_unit_test(ninety_five_percent_hold_the_truth),
        cmocka_unit_test(a_single_sample_has_no_width),
        cmocka_unit_test(pairing_cancels_drift),
        cmocka_unit_test(known_truths_are_told),
        cmocka_unit_test(two_halves_of_one_run_are_noise),
        cmocka_unit_test(too_few_rounds_prove_nothing),
        cmocka_unit_test(a_regression_is_real_and_beyond_the_tolerance),
        cmocka_unit_test(a_warm_up_ends_when_steps_get_no_faster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
