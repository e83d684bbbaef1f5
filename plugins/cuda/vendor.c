/* SPDX-License-Identifier: Apache-2.0
 *
 * What is NVIDIA's own: its errors, and why there may be no GPU. */
#include "libraries/rows.h"
#include "runtime/runtime.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const gpu_error_row errors[] = {
    {cudaErrorIllegalAddress, GPU_LOST},
    {cudaErrorLaunchFailure, GPU_LOST},
    {cudaErrorLaunchTimeout, GPU_LOST},
    {cudaErrorECCUncorrectable, GPU_LOST},
    {cudaErrorHardwareStackError, GPU_LOST},
    {cudaErrorIllegalInstruction, GPU_LOST},
    {cudaErrorMisalignedAddress, GPU_LOST},
    {cudaErrorInvalidAddressSpace, GPU_LOST},
    {cudaErrorInvalidPc, GPU_LOST},
    {cudaErrorAssert, GPU_LOST},
    {cudaErrorNvlinkUncorrectable, GPU_LOST},
    {cudaErrorContextIsDestroyed, GPU_LOST},
    {cudaErrorDevicesUnavailable, GPU_BUSY},
    {cudaErrorNoKernelImageForDevice, GPU_NO_CODE},
    {cudaErrorInvalidDeviceFunction, GPU_NO_CODE},
    {cudaSuccess, GPU_FAILED},
};

/* ---- what there is */

static const char *why_no_driver(void)
{
    void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!driver) return "no NVIDIA driver: libcuda.so.1 cannot be loaded";
    dlclose(driver);
    return "the NVIDIA driver cannot be used";
}

static void say_none(cudaError_t result, tn_error *reason)
{
    if (result == cudaSuccess || result == cudaErrorNoDevice)
        tn_fail(reason, TN_NOT_FOUND, (int64_t)result, "the NVIDIA driver finds no GPU%s",
                getenv("CUDA_VISIBLE_DEVICES") ? "; CUDA_VISIBLE_DEVICES is set, and may hide them" : "");
    else
        tn_fail(reason, TN_NOT_FOUND, (int64_t)result, "%s: %s (%s, %d)", why_no_driver(), cudaGetErrorString(result),
                cudaGetErrorName(result), (int)result);
}

static void name_architecture(const gpu_properties *gpu, char *text, size_t size)
{
    snprintf(text, size, "sm_%d%d", gpu->major, gpu->minor);
}

static const char *library(void)
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

const gpu_vendor gpu_this_vendor = {
    .errors = errors,
    .architectures = "-DCMAKE_CUDA_ARCHITECTURES=",
    .architecture_prefix = "sm_",
    .busy =
        "end that process, which nvidia-smi lists, set the GPU's compute mode to Default (nvidia-smi -c 0), or choose "
        "another GPU",
    .say_none = say_none,
    .name_architecture = name_architecture,
    .library = library,
    .row_of = gpu_library_row_of,
    .check = gpu_libraries_check,
    .close = gpu_libraries_close,
};
