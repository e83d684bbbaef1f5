/* SPDX-License-Identifier: Apache-2.0
 *
 * How many threads oneDNN uses. Its primitives are made for the number that OpenMP would give the calling thread, and
 * may write beyond their scratch memory if it is larger when they run; besides, that number says nothing about the
 * host's. So each primitive is made, and run, with the number of threads that its plan wants. */
#ifndef DN_THREADS_H
#define DN_THREADS_H

#include <stdint.h>

/* The host's threads, or one if the job is too small for a second to pay for its start. Nothing between: libgomp ends
 * threads when a team shrinks, and starts new ones when it grows again. */
int dn_threads_for(uint64_t flops);
/* Makes n the calling thread's number of OpenMP threads; returns what it was. */
int dn_threads_set(int n);

#endif
