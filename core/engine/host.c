/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's side of the ABI, and the core's threads. Loops run on OpenMP's threads, which are also those of native
 * libraries built on the same runtime: two pools on the same cores would halve the speed. */
#include "engine/backend.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/* ---- threads */

static int usable_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

static int wanted; /* 0: not asked for yet; set once, or by tn_set_num_threads */

static int threads(void)
{
    int n = __atomic_load_n(&wanted, __ATOMIC_RELAXED);
    if (n) return n;
    const char *text = secure_getenv("TENON_NUM_THREADS");
    char *end = NULL;
    long value = text ? strtol(text, &end, 10) : 0;
    if (text && (*end || end == text || value < 1 || value > 4096)) {
        tn_log_line(TN_LOG_WARN, "TENON_NUM_THREADS is \"%s\", not a number from 1 to 4096; it is ignored", text);
        value = 0;
    }
    n = value ? (int)value : usable_cpus();
    tn_set_num_threads(n);
    return n;
}

/* Native libraries on the same OpenMP runtime follow. */
void tn_set_num_threads(int n)
{
    n = n < 1 ? 1 : n;
    __atomic_store_n(&wanted, n, __ATOMIC_RELAXED);
#ifdef _OPENMP
    omp_set_num_threads(n);
#endif
}

int tn_get_num_threads(void)
{
    return threads();
}

void tn__parallel_for(int64_t n, int64_t grain, void (*body)(void *arg, int64_t begin, int64_t end), void *arg)
{
    if (n <= 0) return;
#ifdef _OPENMP
    int64_t most = grain > 0 ? (n + grain - 1) / grain : n, count = threads();
    if (count > most) count = most;
    if (count > 1 && !omp_in_parallel()) {
        /* Always the whole team: a smaller one would end threads that the next loop has to make anew. */
#pragma omp parallel for num_threads(threads()) schedule(static, 1)
        for (int64_t i = 0; i < count; i++) body(arg, n * i / count, n * (i + 1) / count);
        return;
    }
#else
    (void)grain;
#endif
    body(arg, 0, n);
}

/* ---- the table */

static void host_log(uint32_t level, const char *message)
{
    tn_log_line(level, "%s", message);
}

#define MOST_BYTES (UINT64_C(1) << 47) /* what a process can have; AddressSanitizer ends one that asks for more */

static void *host_alloc(uint64_t bytes, uint64_t alignment)
{
    void *memory = NULL;
    if (bytes > MOST_BYTES) return NULL;
    if (alignment < sizeof(void *)) alignment = sizeof(void *);
    return posix_memalign(&memory, alignment, bytes ? bytes : 1) == 0 ? memory : NULL;
}

static void host_free(void *memory)
{
    free(memory);
}

static uint64_t host_thread_count(void)
{
    return (uint64_t)threads();
}

static const void *host_extension(const char *name, uint32_t version)
{
    (void)name;
    (void)version;
    return NULL;
}

const tn_host_api tn__host = {
    .struct_size = sizeof(tn_host_api),
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .log = host_log,
    .alloc = host_alloc,
    .free = host_free,
    .parallel_for = tn__parallel_for,
    .thread_count = host_thread_count,
    .get_extension = host_extension,
};

const tn_host_api *tn_host(void)
{
    return &tn__host;
}
