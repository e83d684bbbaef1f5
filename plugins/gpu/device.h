/* SPDX-License-Identifier: Apache-2.0
 *
 * The language that kernels are written in: CUDA C++ and HIP by the names that they share, and the few that differ, as
 * macros. Compiled by nvcc, by hipcc, and for the host harness (tests/gpu_host), which defines GPU_ON_HOST and all of it
 * itself.
 *
 * Rules that let one source serve all three: blocks have one dimension of threads; every thread of a block reaches the
 * same gpu_sync, gpu_shuffle_xor and gpu_ballot calls (no early return before them); a warp has gpu_warp() threads, 32 or
 * 64, and nothing assumes which; shared memory is undefined until it is written. gpu_product(a, b) is a product of f64
 * that is rounded before anything is added to it; elsewhere the compiler may fuse the two. GPU_LOOP before
 * a loop keeps it one where code for several turns would only be fetched for nothing. */
#ifndef GPU_DEVICE_H
#define GPU_DEVICE_H

#include <stdint.h>

#if !defined(GPU_ON_HOST)

#if defined(__HIPCC__)
#include <hip/hip_runtime.h>
#define gpu_shuffle_xor(value, mask) __shfl_xor((value), (mask))
#define gpu_ballot(predicate) ((uint64_t)__ballot(predicate))
static __device__ __forceinline__ double gpu_product(double a, double b)
{
#pragma clang fp contract(off)
    return a * b;
}
#else
#define gpu_shuffle_xor(value, mask) __shfl_xor_sync(0xffffffffu, (value), (mask))
#define gpu_ballot(predicate) ((uint64_t)__ballot_sync(0xffffffffu, (predicate)))
#define gpu_product(a, b) __dmul_rn((a), (b))
#endif

#define GPU_GLOBAL extern "C" __global__
#define GPU_DEVICE static __device__ __forceinline__
#define GPU_SHARED __shared__
#define GPU_DYNAMIC_SHARED(type, name)                    \
    extern __shared__ __align__(16) unsigned char raw_[]; \
    type *name = (type *)raw_
#define gpu_sync() __syncthreads()
#define gpu_warp() ((uint32_t)warpSize)
#define GPU_LOOP _Pragma("unroll 1")
#define GPU_BOUNDS(threads) __launch_bounds__(threads)
#define GPU_PRAGMA(text) _Pragma(#text)
#define GPU_UNROLL GPU_PRAGMA(unroll) /* before a loop: all of it */
#define GPU_UNROLL_BY(times) GPU_PRAGMA(unroll times)
#define gpu_thread() ((uint32_t)threadIdx.x)
#define gpu_threads() ((uint32_t)blockDim.x)
#define gpu_block_x() ((uint32_t)blockIdx.x)
#define gpu_block_y() ((uint32_t)blockIdx.y)
#define gpu_blocks_x() ((uint32_t)gridDim.x)
#define gpu_blocks_y() ((uint32_t)gridDim.y)

#endif /* GPU_ON_HOST */

/* A kernel, of the type of its arguments, in blocks of at most so many threads:
 * GPU_DEFINE(fill, gpu_fill_args, GPU_WALK_THREADS) { ... args.bits ... } */
#define GPU_DEFINE(name, type, threads) GPU_GLOBAL void GPU_BOUNDS(threads) gpu_##name(const type args)

#endif
