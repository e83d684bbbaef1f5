/* SPDX-License-Identifier: Apache-2.0
 *
 * CUDA's runtime as plugins/gpu/runtime calls it. */
#ifndef GPU_VENDOR_H
#define GPU_VENDOR_H

#include <cuda_runtime_api.h>

#define GPU(name) cuda##name
#define GPU_MALLOC_PINNED(memory, bytes) cudaMallocHost((memory), (bytes))
#define GPU_FREE_PINNED(memory) cudaFreeHost(memory)
#define GPU_HAS_POOLS cudaDevAttrMemoryPoolsSupported
#define GPU_GRAPH_UPDATE(exec, graph) cudaGraphExecUpdate((exec), (graph), &(cudaGraphExecUpdateResultInfo){0})

typedef struct cudaDeviceProp gpu_properties;

#endif
