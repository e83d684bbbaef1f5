/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread that prepares jobs ahead of their consumer, in order, in a ring of slots. It knows nothing of data. */
#ifndef TENON_DATA_PREFETCH_H
#define TENON_DATA_PREFETCH_H

#include <stdint.h>

typedef struct tn__prefetch tn__prefetch;

/* Does job `job` into slot `slot`; called by the thread. It reports failures in the slot. */
typedef void (*tn__prefetch_fn)(void *arg, int64_t job, int slot);

/* Begins jobs first ... end - 1. Job j goes to slot (j - first) % slots. Where no thread can be had, or `threaded` is
 * 0, each job is done when it is asked for. NULL if there is no memory. */
tn__prefetch *tn__prefetch_open(int slots, int threaded, int64_t first, int64_t end, tn__prefetch_fn work, void *arg);
/* Waits for the next job and returns its slot, which stays untouched until the next call. Call it once for each job. */
int tn__prefetch_take(tn__prefetch *p);
/* Waits for the job that is being done, if there is one, and forgets the rest. NULL is allowed. */
void tn__prefetch_close(tn__prefetch *p);

#endif
