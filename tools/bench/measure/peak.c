/* SPDX-License-Identifier: Apache-2.0
 *
 * The most multiply-adds that a thread can do: one function for each instruction set, since compilers lower vector
 * types before they would clone a function. */
#include "bench/measure/limits.h"

#include "tool.h"

static volatile double kept;

#define PEAK_NAME f32_any
#define PEAK_TYPE float
#define PEAK_BYTES 16
#define PEAK_TARGET
#include "bench/measure/peak_template.h"
#define PEAK_NAME f64_any
#define PEAK_TYPE double
#define PEAK_BYTES 16
#define PEAK_TARGET
#include "bench/measure/peak_template.h"

#if defined(__x86_64__)
#define PEAK_NAME f32_avx2
#define PEAK_TYPE float
#define PEAK_BYTES 32
#define PEAK_TARGET __attribute__((target("avx2,fma")))
#include "bench/measure/peak_template.h"
#define PEAK_NAME f64_avx2
#define PEAK_TYPE double
#define PEAK_BYTES 32
#define PEAK_TARGET __attribute__((target("avx2,fma")))
#include "bench/measure/peak_template.h"
#define PEAK_NAME f32_avx512
#define PEAK_TYPE float
#define PEAK_BYTES 64
#define PEAK_TARGET __attribute__((target("avx512f")))
#include "bench/measure/peak_template.h"
#define PEAK_NAME f64_avx512
#define PEAK_TYPE double
#define PEAK_BYTES 64
#define PEAK_TARGET __attribute__((target("avx512f")))
#include "bench/measure/peak_template.h"
#endif

typedef double (*loop)(int64_t rounds); /* returns the operations done */

static double rate_of(loop run, double seconds)
{
    enum { ROUNDS = 100000 };
    double done = 0, start = tool_now(), elapsed;
    do {
        done += run(ROUNDS);
        elapsed = tool_now() - start;
    } while (elapsed < seconds);
    return done / elapsed;
}

/* The fastest of those that this CPU has. */
static double best_of(const loop *loops, int n, double seconds)
{
    double best = 0;
    for (int i = 0; i < n; i++) {
        double rate = rate_of(loops[i], seconds / n);
        if (rate > best) best = rate;
    }
    return best;
}

static int usable(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 1;
    return __builtin_cpu_supports("avx512f") ? 3 : 2;
#else
    return 1;
#endif
}

double bench_peak_f32(double seconds)
{
    static const loop loops[] = {
        f32_any,
#if defined(__x86_64__)
        f32_avx2,
        f32_avx512,
#endif
    };
    int n = usable();
    return best_of(loops + (n > 1), n > 1 ? n - 1 : 1, seconds);
}

double bench_peak_f64(double seconds)
{
    static const loop loops[] = {
        f64_any,
#if defined(__x86_64__)
        f64_avx2,
        f64_avx512,
#endif
    };
    int n = usable();
    return best_of(loops + (n > 1), n > 1 ? n - 1 : 1, seconds);
}
