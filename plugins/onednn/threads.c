/* SPDX-License-Identifier: Apache-2.0
 *
 * The number of OpenMP threads. The functions are those of whichever OpenMP runtime oneDNN itself loaded, found by weak
 * reference: linking one here could bring a second. Without any (oneDNN built for TBB) there is nothing to set. */
#include "threads.h"
#include "common.h"

extern int omp_get_max_threads(void) __attribute__((weak));
extern void omp_set_num_threads(int n) __attribute__((weak));

int dn_threads_for(uint64_t flops)
{
    enum { WORTH_A_FORK = 2000000 };
    return flops < WORTH_A_FORK ? 1 : (int)dn_host->thread_count();
}

int dn_threads_set(int n)
{
    if (!omp_get_max_threads || !omp_set_num_threads) return n;
    const int before = omp_get_max_threads();
    if (before != n) omp_set_num_threads(n);
    return before;
}
