/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels' language (plugins/gpu/device.h) on the CPU. */
#ifndef GPU_HOST_LANGUAGE_H
#define GPU_HOST_LANGUAGE_H

#define GPU_ON_HOST 1

#include <math.h> /* unlike cmath, exp(x) of a float is a float */
#include <string.h>

#include "fiber.h"

#define GPU_GLOBAL extern "C"
#define GPU_DEVICE static inline
#define GPU_SHARED static __attribute__((section("gpu_shared")))
#define GPU_DYNAMIC_SHARED(type, name) type *name = (type *)dynamic_shared
#define GPU_BOUNDS(threads)
#define GPU_LOOP
#define GPU_UNROLL
#define GPU_UNROLL_BY(times)

#define gpu_thread() (here.thread)
#define gpu_threads() (here.threads)
#define gpu_warp() (here.warp)
#define gpu_block_x() (here.block.x)
#define gpu_block_y() (here.block.y)
#define gpu_blocks_x() (here.blocks.x)
#define gpu_blocks_y() (here.blocks.y)
#define gpu_product(a, b) ((a) * (b)) /* nothing is fused here */
#define gpu_sync() wait_for_block(__FILE__, __LINE__)
#define gpu_ballot(predicate) vote((predicate) != 0, __FILE__, __LINE__)

template <typename T> static inline T exchanged(T value, uint32_t from, const char *file, int line)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "a lane gives 8 bytes at most");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = exchange(bits, from, file, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t lane_here(void)
{
    return here.thread % here.warp;
}

#define gpu_shuffle_xor(value, mask) exchanged((value), lane_here() ^ (uint32_t)(mask), __FILE__, __LINE__)

#endif
