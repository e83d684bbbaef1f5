/* SPDX-License-Identifier: Apache-2.0
 *
 * Intervals by the percentile bootstrap. What is resampled is the round: steps of one round share its luck, so that
 * they are no independent samples. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "bench/stats/order.h"

enum { RESAMPLES = 2000 };
static const double tail = 0.025;

/* SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The two arrays of one bootstrap; below is NULL for a plain median. */
typedef struct source {
    const double *above, *below;
    size_t n_above, n_below;
    bool paired;
    double *drawn_above, *drawn_below;
} source;

static void draw(const double *from, size_t n, double *to, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) to[i] = from[next_random(state) % n];
}

static double resample(const source *s, uint64_t *state)
{
    uint64_t same = *state; /* paired: the second array is drawn with the first one's numbers */
    draw(s->above, s->n_above, s->drawn_above, state);
    double above = bench_median(s->drawn_above, s->n_above);
    if (!s->below) return above;
    draw(s->below, s->n_below, s->drawn_below, s->paired ? &same : state);
    return above / bench_median(s->drawn_below, s->n_below);
}

static bench_interval bootstrap(source s)
{
    double estimate = bench_median(s.above, s.n_above);
    if (s.below) estimate /= bench_median(s.below, s.n_below);
    if (isnan(estimate)) return (bench_interval){NAN, NAN, NAN};
    double *values = malloc(RESAMPLES * sizeof *values);
    s.drawn_above = malloc(s.n_above * sizeof *s.drawn_above);
    s.drawn_below = malloc((s.n_below + 1) * sizeof *s.drawn_below);
    if (!values || !s.drawn_above || !s.drawn_below) abort();
    uint64_t state = 42;
    for (int i = 0; i < RESAMPLES; i++) values[i] = resample(&s, &state);
    bench_interval interval = {bench_quantile(values, RESAMPLES, tail), estimate,
                               bench_quantile(values, RESAMPLES, 1 - tail)};
    free(values);
    free(s.drawn_above);
    free(s.drawn_below);
    return interval;
}

bench_interval bench_median_interval(const double *values, size_t n)
{
    return bootstrap((source){.above = values, .n_above = n});
}

bench_interval bench_ratio_interval(const double *above, size_t n_above, const double *below, size_t n_below)
{
    return bootstrap((source){.above = above, .n_above = n_above, .below = below, .n_below = n_below});
}

bench_interval bench_paired_ratio_interval(const double *above, const double *below, size_t n)
{
    return bootstrap((source){.above = above, .n_above = n, .below = below, .n_below = n, .paired = true});
}

double bench_half_width(bench_interval interval)
{
    return (interval.high - interval.low) / 2 / interval.value;
}
