/* SPDX-License-Identifier: Apache-2.0
 *
 * The limits of a CPU: multiply-adds of all threads at once, and the triad of STREAM (McCalpin, Memory Bandwidth and
 * Machine Balance in Current High Performance Computers, 1995) over working sets from cache to memory. */
#include "bench/measure/limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { MOST_THREADS = 1024 };
static const double peak_seconds = 0.03, triad_seconds = 0.02;

/* Bytes of all three arrays of all threads: well inside of a core's own cache, of a shared one, of none. */
static const int64_t sets[] = {1 << 18, 1 << 22, 1 << 25, 192 << 20};
enum { SETS = sizeof sets / sizeof sets[0] };

typedef struct job {
    pthread_t thread;
    pthread_barrier_t *start;
    float *a, *b, *c; /* of this thread */
    int64_t floats;
    double f32, f64, triad;
} job;

/* ---- one thread */

static void fill(job *j)
{
    for (int64_t i = 0; i < j->floats; i++) {
        j->a[i] = 0;
        j->b[i] = 1;
        j->c[i] = 2;
    }
}

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(TN_NO_MULTIVERSION)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
static void
triad(float *restrict a, const float *restrict b, const float *restrict c, int64_t n, float factor)
{
    for (int64_t i = 0; i < n; i++) a[i] = b[i] + factor * c[i];
}

/* Bytes per second; a warm pass first. */
static double triad_rate(job *j)
{
    int64_t passes = 0;
    triad(j->a, j->b, j->c, j->floats, 0.5f);
    double start = tool_now(), elapsed;
    do {
        for (int i = 0; i < 4; i++, passes++) triad(j->a, j->b, j->c, j->floats, (float)passes);
        elapsed = tool_now() - start;
    } while (elapsed < triad_seconds);
    return 3.0 * (double)(j->floats * (int64_t)sizeof(float)) * (double)passes / elapsed;
}

static void *measure_peak(void *arg)
{
    job *j = arg;
    pthread_barrier_wait(j->start);
    j->f32 = bench_peak_f32(peak_seconds);
    pthread_barrier_wait(j->start);
    j->f64 = bench_peak_f64(peak_seconds);
    return NULL;
}

static void *measure_triad(void *arg)
{
    job *j = arg;
    fill(j); /* by the thread that will use it, so that it lies near */
    pthread_barrier_wait(j->start);
    j->triad = triad_rate(j);
    return NULL;
}

/* ---- all threads at once */

static bool run_all(job *jobs, int threads, void *(*body)(void *))
{
    pthread_barrier_t start;
    int started = 0;
    if (pthread_barrier_init(&start, NULL, (unsigned)threads)) return false;
    for (; started < threads; started++) {
        jobs[started].start = &start;
        if (pthread_create(&jobs[started].thread, NULL, body, &jobs[started])) break;
    }
    if (started < threads) error(TOOL_FAILED, 0, "cannot start %d threads", threads); /* some wait at the barrier */
    for (int i = 0; i < threads; i++) pthread_join(jobs[i].thread, NULL);
    pthread_barrier_destroy(&start);
    return true;
}

static double sum_triad(job *jobs, int threads, int64_t bytes)
{
    int64_t floats = bytes / 3 / (int64_t)sizeof(float) / threads;
    float *memory = aligned_alloc(4096, (size_t)(bytes / 4096 * 4096 + 4096));
    if (!memory) return 0;
    for (int i = 0; i < threads; i++) {
        jobs[i].floats = floats;
        jobs[i].a = memory + 3 * floats * i;
        jobs[i].b = jobs[i].a + floats;
        jobs[i].c = jobs[i].b + floats;
    }
    double sum = 0;
    if (run_all(jobs, threads, measure_triad))
        for (int i = 0; i < threads; i++) sum += jobs[i].triad;
    free(memory);
    return sum;
}

static json_t *sample(double value)
{
    return value > 0 ? json_pack("[f]", value) : json_array();
}

json_t *bench_limits_of_cpu(int threads)
{
    threads = threads > MOST_THREADS ? MOST_THREADS : threads;
    job *jobs = calloc((size_t)threads, sizeof *jobs);
    if (!jobs) error(TOOL_FAILED, errno, "cannot measure with %d threads", threads);
    double f32 = 0, f64 = 0;
    if (run_all(jobs, threads, measure_peak))
        for (int i = 0; i < threads; i++) {
            f32 += jobs[i].f32;
            f64 += jobs[i].f64;
        }
    json_t *bandwidth = json_array();
    for (int i = 0; i < SETS; i++)
        json_array_append_new(bandwidth, json_pack("{s:I, s:o}", "bytes", (json_int_t)sets[i], "samples",
                                                   sample(sum_triad(jobs, threads, sets[i]))));
    free(jobs);
    return json_pack("{s:s, s:{s:s, s:o, s:o}, s:{s:s, s:o}}", "name", "cpu", "flops", "unit", "FLOP/s", "f32",
                     sample(f32), "f64", sample(f64), "bandwidth", "unit", "B/s", "sets", bandwidth);
}

/* ---- several measurements */

static void extend(json_t *to, const json_t *from, const char *key)
{
    json_array_extend(json_object_get(to, key), json_object_get(from, key));
}

void bench_limits_add(json_t *limits, const json_t *more)
{
    const json_t *flops = json_object_get(more, "flops");
    extend(json_object_get(limits, "flops"), flops, "f32");
    extend(json_object_get(limits, "flops"), flops, "tf32");
    extend(json_object_get(limits, "flops"), flops, "f64");
    json_t *to = json_object_get(json_object_get(limits, "bandwidth"), "sets"), *set;
    const json_t *from = json_object_get(json_object_get(more, "bandwidth"), "sets");
    size_t i;
    json_array_foreach(to, i, set) extend(set, json_array_get(from, i), "samples");
}
