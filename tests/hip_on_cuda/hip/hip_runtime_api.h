/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of HIP's runtime that the HIP plugin calls, by CUDA's, so that its sources run on NVIDIA's GPUs, too. For tests
 * only; HIP's own headers for NVIDIA do not compile with CUDA 13. */
#ifndef HIP_ON_CUDA_H
#define HIP_ON_CUDA_H

#include <cuda_runtime_api.h>
#include <stdio.h>

/* ---- errors */

#define hipSuccess cudaSuccess
#define hipErrorAssert cudaErrorAssert
#define hipErrorContextIsDestroyed cudaErrorContextIsDestroyed
#define hipErrorIllegalAddress cudaErrorIllegalAddress
#define hipErrorInvalidDeviceFunction cudaErrorInvalidDeviceFunction
#define hipErrorInvalidResourceHandle cudaErrorInvalidResourceHandle
#define hipErrorLaunchFailure cudaErrorLaunchFailure
#define hipErrorMemoryAllocation cudaErrorMemoryAllocation
#define hipErrorNotReady cudaErrorNotReady
#define hipError_t cudaError_t
#define hipGetErrorName cudaGetErrorName
#define hipGetErrorString cudaGetErrorString
#define hipGetLastError cudaGetLastError

/* of other names */
#define hipErrorECCNotCorrectable cudaErrorECCUncorrectable
#define hipErrorLaunchTimeOut cudaErrorLaunchTimeout
#define hipErrorNoBinaryForGpu cudaErrorNoKernelImageForDevice

/* ---- devices */

#define hipDeviceGetAttribute cudaDeviceGetAttribute
#define hipFuncAttributes cudaFuncAttributes
#define hipFuncGetAttributes cudaFuncGetAttributes
#define hipGetDeviceCount cudaGetDeviceCount
#define hipSetDevice cudaSetDevice

/* of other names */
#define hipDeviceAttributeMemoryPoolsSupported cudaDevAttrMemoryPoolsSupported

/* ---- memory */

#define hipFree cudaFree
#define hipFreeAsync cudaFreeAsync
#define hipMalloc cudaMalloc
#define hipMallocFromPoolAsync cudaMallocFromPoolAsync
#define hipMemAllocationTypePinned cudaMemAllocationTypePinned
#define hipMemGetInfo cudaMemGetInfo
#define hipMemLocationTypeDevice cudaMemLocationTypeDevice
#define hipMemPoolAttrReleaseThreshold cudaMemPoolAttrReleaseThreshold
#define hipMemPoolCreate cudaMemPoolCreate
#define hipMemPoolDestroy cudaMemPoolDestroy
#define hipMemPoolProps cudaMemPoolProps
#define hipMemPoolSetAttribute cudaMemPoolSetAttribute
#define hipMemPool_t cudaMemPool_t
#define hipMemcpyAsync cudaMemcpyAsync
#define hipMemcpyDeviceToDevice cudaMemcpyDeviceToDevice
#define hipMemcpyDeviceToHost cudaMemcpyDeviceToHost
#define hipMemcpyHostToDevice cudaMemcpyHostToDevice
#define hipMemcpyKind cudaMemcpyKind
#define hipMemsetAsync cudaMemsetAsync

/* of other names */
#define hipHostFree cudaFreeHost
#define hipHostMalloc cudaHostAlloc
#define hipHostMallocDefault cudaHostAllocDefault

/* ---- streams */

#define hipLaunchKernel cudaLaunchKernel
#define hipStreamCreateWithFlags cudaStreamCreateWithFlags
#define hipStreamDestroy cudaStreamDestroy
#define hipStreamNonBlocking cudaStreamNonBlocking
#define hipStreamSynchronize cudaStreamSynchronize
#define hipStreamWaitEvent cudaStreamWaitEvent
#define hipStream_t cudaStream_t

/* ---- events */

#define hipEventCreate cudaEventCreate
#define hipEventDestroy cudaEventDestroy
#define hipEventElapsedTime cudaEventElapsedTime
#define hipEventQuery cudaEventQuery
#define hipEventRecord cudaEventRecord
#define hipEvent_t cudaEvent_t

/* ---- graphs */

#define hipGraphDestroy cudaGraphDestroy
#define hipGraphExecDestroy cudaGraphExecDestroy
#define hipGraphExec_t cudaGraphExec_t
#define hipGraphExecUpdateSuccess cudaGraphExecUpdateSuccess
#define hipGraphInstantiateWithFlags cudaGraphInstantiateWithFlags
#define hipGraphLaunch cudaGraphLaunch
#define hipGraphNode_t cudaGraphNode_t
#define hipGraph_t cudaGraph_t
#define hipStreamBeginCapture cudaStreamBeginCapture
#define hipStreamCaptureModeRelaxed cudaStreamCaptureModeRelaxed
#define hipStreamEndCapture cudaStreamEndCapture

/* ---- what CUDA has not, or in another way */

typedef enum cudaGraphExecUpdateResult hipGraphExecUpdateResult;

static inline hipError_t hipGraphExecUpdate(hipGraphExec_t exec, hipGraph_t graph, hipGraphNode_t *node,
                                            hipGraphExecUpdateResult *how)
{
    cudaGraphExecUpdateResultInfo info = {0};
    const cudaError_t result = cudaGraphExecUpdate(exec, graph, &info);
    *node = info.errorNode;
    *how = info.result;
    return result;
}

typedef struct hipDeviceProp_t {
    char name[256], gcnArchName[256];
    size_t totalGlobalMem, sharedMemPerBlock;
    int integrated, warpSize, multiProcessorCount, pciDomainID, pciBusID, pciDeviceID;
} hipDeviceProp_t;

static inline hipError_t hipGetDeviceProperties(hipDeviceProp_t *all, int device)
{
    struct cudaDeviceProp cuda;
    const cudaError_t result = cudaGetDeviceProperties(&cuda, device);
    if (result != cudaSuccess) return result;
    *all = (hipDeviceProp_t){.totalGlobalMem = cuda.totalGlobalMem,
                             .sharedMemPerBlock = cuda.sharedMemPerBlock,
                             .integrated = cuda.integrated,
                             .warpSize = cuda.warpSize,
                             .multiProcessorCount = cuda.multiProcessorCount,
                             .pciDomainID = cuda.pciDomainID,
                             .pciBusID = cuda.pciBusID,
                             .pciDeviceID = cuda.pciDeviceID};
    snprintf(all->name, sizeof all->name, "%s", cuda.name);
    snprintf(all->gcnArchName, sizeof all->gcnArchName, "sm_%d%d:xnack-", cuda.major, cuda.minor);
    return cudaSuccess;
}

/* 13000 becomes 130000000, of which HIP's way of counting makes 13.0.0. */
static inline hipError_t hipRuntimeGetVersion(int *version)
{
    const cudaError_t result = cudaRuntimeGetVersion(version);
    *version *= 10000;
    return result;
}

#endif
