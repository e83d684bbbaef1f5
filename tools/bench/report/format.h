/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures for people, three digits each. What is NaN becomes "". Texts are UTF-8. */
#ifndef TENON_BENCH_FORMAT_H
#define TENON_BENCH_FORMAT_H

#include <stddef.h>

#include "bench/result/result.h"

enum { BENCH_FIGURE = 32, BENCH_PEAKS = 128 }; /* bytes that callers give */

const char *bench_format_seconds(double seconds, char *buffer); /* "412 µs" */
const char *bench_format_rate(double rate, char *buffer);       /* "61,234" */
const char *bench_format_bytes(double bytes, char *buffer);     /* "12.3 MiB" */
/* "231 GFLOP/s": three digits, a decimal prefix, and the unit. */
const char *bench_format_si(double value, const char *unit, char *buffer);
const char *bench_format_prefixed(double value, char *buffer); /* "231 G": the same without a unit */
const char *bench_format_loss(double loss, char *buffer);      /* "0.1780" */
/* "51.2 TFLOP/s in f32, 25.4 TFLOP/s in f64": the peaks that are known. The buffer has BENCH_PEAKS bytes. */
const char *bench_format_peaks(const bench_limits *limits, char *buffer);
const char *bench_format_percent(double share, char *buffer); /* 0.0312: "3.1 %" */
const char *bench_format_ratio(double ratio, char *buffer);   /* "2.10 ×" */
#define BENCH_SECONDS(x) bench_format_seconds((x), (char[BENCH_FIGURE]){0})
#define BENCH_RATE(x) bench_format_rate((x), (char[BENCH_FIGURE]){0})
#define BENCH_BYTES(x) bench_format_bytes((x), (char[BENCH_FIGURE]){0})
#define BENCH_SI(x, unit) bench_format_si((x), (unit), (char[BENCH_FIGURE]){0})
#define BENCH_PERCENT(x) bench_format_percent((x), (char[BENCH_FIGURE]){0})
#define BENCH_RATIO(x) bench_format_ratio((x), (char[BENCH_FIGURE]){0})

size_t bench_width(const char *text); /* characters of UTF-8 */

#endif
