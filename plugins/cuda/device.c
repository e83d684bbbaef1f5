/* SPDX-License-Identifier: Apache-2.0
 *
 * NVIDIA's GPUs as devices, and what is said when a call fails. */
#include "cuda.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEVICES = 64 };

static tn_device devices[MOST_DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of devices[].opened and of the descriptions */

/* ---- errors */

/* After these the context is gone, and every later call says the same. */
static int is_fatal(cudaError_t result)
{
    switch (result) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorECCUncorrectable:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorAssert:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContextIsDestroyed:
    case cudaErrorDevicesUnavailable: return 1;
    default: return 0;
    }
}

static tn_status fail_build(const tn_device *device, cudaError_t result, tn_error *error)
{
    return tn_fail(error, TN_UNSUPPORTED, (int64_t)result,
                   "this plugin was built without code for %s (%s); build it with its architecture: "
                   "-DCMAKE_CUDA_ARCHITECTURES=%s",
                   device ? device->name : "the GPU", device ? device->architecture : "?",
                   device ? device->architecture + 3 : "all-major");
}

tn_status cu_status(tn_device *device, cudaError_t result, const char *doing, tn_error *error)
{
    if (result == cudaSuccess) return TN_OK;
    (void)cudaGetLastError(); /* what is told here need not be found again by the next call */
    if (result == cudaErrorMemoryAllocation)
        return tn_fail(error, TN_OUT_OF_MEMORY, (int64_t)result, "%s: the GPU has no memory left for it", doing);
    if (result == cudaErrorNoKernelImageForDevice || result == cudaErrorInvalidDeviceFunction)
        return fail_build(device, result, error);
    if (device && is_fatal(result)) device->lost = result;
    return tn_fail(error, device && device->lost ? TN_DEVICE_LOST : TN_INTERNAL, (int64_t)result, "%s: %s (%s, %d)%s",
                   doing, cudaGetErrorString(result), cudaGetErrorName(result), (int)result,
                   device && device->lost ? "; the process cannot use this GPU any more" : "");
}

tn_status cu_use(tn_device *device, tn_error *error)
{
    if (device->lost)
        return tn_fail(error, TN_DEVICE_LOST, (int64_t)device->lost,
                       "%s was lost earlier: %s (%s, %d); the process cannot use it any more", device->name,
                       cudaGetErrorString(device->lost), cudaGetErrorName(device->lost), (int)device->lost);
    CU_TRY(device, cudaSetDevice(device->index), "choosing the device");
    return TN_OK;
}

/* ---- what there is */

static const char *why_no_driver(void)
{
    void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!driver) return "no NVIDIA driver: libcuda.so.1 cannot be loaded";
    dlclose(driver);
    return "the NVIDIA driver cannot be used";
}

tn_status cu_device_count(uint32_t *count, tn_error *reason)
{
    int found = 0; /* which a failing call leaves as it is */
    cudaError_t result = cudaGetDeviceCount(&found);
    *count = result == cudaSuccess ? (uint32_t)(found < MOST_DEVICES ? found : MOST_DEVICES) : 0;
    if (*count) return TN_OK;
    if (result == cudaSuccess || result == cudaErrorNoDevice)
        tn_fail(reason, TN_NOT_FOUND, (int64_t)result, "the NVIDIA driver finds no GPU%s",
                getenv("CUDA_VISIBLE_DEVICES") ? "; CUDA_VISIBLE_DEVICES is set, and may hide them" : "");
    else
        tn_fail(reason, TN_NOT_FOUND, (int64_t)result, "%s: %s (%s, %d)", why_no_driver(), cudaGetErrorString(result),
                cudaGetErrorName(result), (int)result);
    (void)cudaGetLastError();
    return TN_OK;
}

const char *cu_library(void)
{
    static char text[64];
    int runtime = 0, driver = 0;
    if (cudaRuntimeGetVersion(&runtime) != cudaSuccess || cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
    if (driver)
        snprintf(text, sizeof text, "CUDA %d.%d, driver for %d.%d", runtime / 1000, runtime % 1000 / 10, driver / 1000,
                 driver % 1000 / 10);
    else
        snprintf(text, sizeof text, "CUDA %d.%d", runtime / 1000, runtime % 1000 / 10);
    return text;
}

static tn_status describe(tn_device *device, int index, tn_error *error)
{
    struct cudaDeviceProp all;
    if (device->name[0]) return TN_OK;
    CU_TRY(NULL, cudaGetDeviceProperties(&all, index), "reading a device's properties");
    device->index = index;
    device->memory_bytes = all.totalGlobalMem;
    device->limits = (gpu_limits){.warp = (uint32_t)all.warpSize,
                                  .multiprocessors = (uint32_t)all.multiProcessorCount,
                                  .shared_bytes = (uint32_t)all.sharedMemPerBlock};
    snprintf(device->architecture, sizeof device->architecture, "sm_%d%d", all.major, all.minor);
    snprintf(device->location, sizeof device->location, "%04x:%02x:%02x.0", (unsigned)all.pciDomainID,
             (unsigned)all.pciBusID, (unsigned)all.pciDeviceID);
    snprintf(device->name, sizeof device->name, "%.120s", all.name);
    return TN_OK;
}

static tn_status find(uint32_t index, tn_device **device, tn_error *error)
{
    uint32_t count;
    tn_error reason = {.struct_size = sizeof reason};
    cu_device_count(&count, &reason);
    if (index >= count)
        return tn_fail(error, TN_NOT_FOUND, 0, "cuda has %u device%s, numbered from 0, and no device %u%s%.300s", count,
                       count == 1 ? "" : "s", index, count ? "" : ": ", count ? "" : reason.message);
    pthread_mutex_lock(&lock);
    tn_status status = describe(&devices[index], (int)index, error);
    pthread_mutex_unlock(&lock);
    *device = &devices[index];
    return status;
}

tn_status cu_device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    tn_device *device;
    GPU_TRY(find(index, &device, error));
    const tn_device_info all = {
        .struct_size = info->struct_size,
        .name = device->name,
        .architecture = device->architecture,
        .location = device->location,
        .kind = TN_DEVICE_GPU,
        .image_layout = TN_LAYOUT_NHWC,
        .memory_bytes = device->memory_bytes,
        .alignment = 256,
    };
    memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
    return TN_OK;
}

tn_status cu_device_open(uint32_t index, tn_device **result, tn_error *error)
{
    tn_device *device;
    struct cudaFuncAttributes attributes;
    GPU_TRY(find(index, &device, error));
    GPU_TRY(cu_libraries_check(error));
    GPU_TRY(cu_use(device, error));
    CU_TRY(device, cudaFree(NULL), "opening the device"); /* makes its context */
    CU_TRY(device, cudaFuncGetAttributes(&attributes, cu_kernels[0]), "finding code for the device");
    pthread_mutex_lock(&lock);
    device->opened++;
    pthread_mutex_unlock(&lock);
    *result = device;
    return TN_OK;
}

void cu_device_close(tn_device *device)
{
    if (!device) return;
    pthread_mutex_lock(&lock);
    if (--device->opened == 0) cu_libraries_close(device); /* who opens it anew waits */
    pthread_mutex_unlock(&lock);
}

const gpu_limits *gpu_limits_of(const tn_device *device)
{
    return &device->limits;
}
