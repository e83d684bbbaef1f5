/* SPDX-License-Identifier: Apache-2.0
 *
 * HIP's runtime as plugins/gpu/runtime calls it. */
#ifndef GPU_VENDOR_H
#define GPU_VENDOR_H

#include <hip/hip_runtime_api.h>

#define GPU(name) hip##name
#define GPU_MALLOC_PINNED(memory, bytes) hipHostMalloc((memory), (bytes), hipHostMallocDefault)
#define GPU_FREE_PINNED(memory) hipHostFree(memory)
#define GPU_HAS_POOLS hipDeviceAttributeMemoryPoolsSupported
#define GPU_GRAPH_UPDATE(exec, graph) \
    hipGraphExecUpdate((exec), (graph), &(hipGraphNode_t){NULL}, &(hipGraphExecUpdateResult){hipGraphExecUpdateSuccess})

typedef hipDeviceProp_t gpu_properties;

#endif
