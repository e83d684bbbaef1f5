/* SPDX-License-Identifier: Apache-2.0
 *
 * What a machine can do at most: the yardstick of a roofline. */
#ifndef TENON_BENCH_LIMITS_H
#define TENON_BENCH_LIMITS_H

#include <jansson.h>

#include "tenon.h"

/* One measurement on the CPU with this many threads, about half a second: an object of the result schema's `limits`,
 * named "cpu". */
json_t *bench_limits_of_cpu(int threads);
/* The same of the context's default device, by Tenon's own operators: a large matrix product, and copies. Named after
 * the device; empty where an operator is missing. math: what products in f32 are computed in, f32 or tf32. */
json_t *bench_limits_of_device(tn_context *tn, const char *math);
/* Adds another measurement of the same limits to the samples of the first. */
void bench_limits_add(json_t *limits, const json_t *more);

/* ---- peak.c: fused multiply-adds per second of one thread, times two; runs for about `seconds` */
double bench_peak_f32(double seconds);
double bench_peak_f64(double seconds);

#endif
