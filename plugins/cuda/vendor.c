/* SPDX-License-Identifier: Apache-2.0
 *
 * What is NVIDIA's own: its errors, why there may be no GPU, and the operators that libraries take. */
#include "cuda.h"

#include <dlfcn.h>
#include <signal.h>
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

/* ---- operators */

static tn_status shared_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const tn_kernel *shared = self->data;
    return shared->check(shared, device, desc, error);
}

/* cuDNN compiles some of its engines when it plans, by a compiler that installs handlers of signals for itself. They
 * are the program's, and are put back. */
static tn_status library_plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                     tn_error *error)
{
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
                                  SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS};
    enum { SIGNALS = sizeof signals / sizeof *signals };
    const tn_kernel *shared = self->data;
    struct sigaction before[SIGNALS];
    const cu_library_row *row = cu_library_rows;
    while (strcmp(row->schema, shared->schema) != 0) row++;
    for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], NULL, &before[i]);
    tn_status status = row->plan_create(self, device, desc, plan, error);
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 &&
            (now.sa_handler != before[i].sa_handler || now.sa_flags != before[i].sa_flags))
            sigaction(signals[i], &before[i], NULL);
    }
    return status;
}

/* The shared kernels' row, or one that comes back to it for what the library does not take. */
static tn_kernel row_of(const tn_kernel *shared)
{
    for (const cu_library_row *row = cu_library_rows; row->schema; row++)
        if (strcmp(row->schema, shared->schema) == 0)
            return (tn_kernel){shared->schema, shared_check, library_plan_create, shared};
    return *shared;
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
    .row_of = row_of,
    .check = cu_libraries_check,
    .close = cu_libraries_close,
};
