/* SPDX-License-Identifier: Apache-2.0
 *
 * A GPU's threads on one CPU thread: a fiber each, blocks one after another. Fibers switch only where a kernel waits for
 * others, so whatever does not wait runs in the order that is asked for. */
#ifndef GPU_HOST_FIBER_H
#define GPU_HOST_FIBER_H

#include <stddef.h>
#include <stdint.h>

enum { MOST_THREADS = 1024 };

struct dim {
    uint32_t x, y, z;
};

/* Where the running fiber is. */
struct position {
    uint32_t thread, threads, warp;
    dim block, blocks;
};
extern position here;

/* What a fiber can wait for: its whole block, or its warp. Fibers that meet must wait for the same, at the same place in
 * the source. */
void wait_for_block(const char *file, int line);
/* Gives each lane of the warp what lane `from` of it gave. All lanes call it; bytes: 1 to 8. */
uint64_t exchange(uint64_t value, uint32_t from, const char *file, int line);
/* Bit i: did lane i say yes? */
uint64_t vote(bool yes, const char *file, int line);

enum order { FORWARD, BACKWARD, SHUFFLED };

struct launch {
    const char *name;
    void (*run)(const void *args);
    const void *args;
    dim blocks;
    uint32_t threads, warp;
    size_t shared_bytes;
};

/* Runs all blocks. NULL if all went well, else what a GPU would not have forgiven (static text). */
const char *run_launch(const launch *l, order how);

extern unsigned char *dynamic_shared; /* of the running block */

#endif
