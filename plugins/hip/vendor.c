/* SPDX-License-Identifier: Apache-2.0
 *
 * What is AMD's own: its errors, and why there may be no GPU. */
#include "topology.h"

#include "libraries/rows.h"
#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const gpu_error_row errors[] = {
    {hipErrorIllegalAddress, GPU_LOST},
    {hipErrorLaunchFailure, GPU_LOST},
    {hipErrorLaunchTimeOut, GPU_LOST},
    {hipErrorECCNotCorrectable, GPU_LOST},
    {hipErrorAssert, GPU_LOST},
    {hipErrorContextIsDestroyed, GPU_LOST},
    {hipErrorNoBinaryForGpu, GPU_NO_CODE},
    {hipErrorInvalidDeviceFunction, GPU_NO_CODE},
    {hipSuccess, GPU_FAILED},
};

static int is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

/* ---- why there is no GPU */

/* Who chooses GPUs, or says what to take them for, has seen to it. */
static int usable(tn_error *reason)
{
    char gpu[32];
    if (is_set("HIP_VISIBLE_DEVICES") || is_set("ROCR_VISIBLE_DEVICES") || is_set("HSA_OVERRIDE_GFX_VERSION")) return 1;
    if (!hip_uncovered("/sys/class/kfd/kfd/topology/nodes", TENON_HIP_ARCHS, gpu, sizeof gpu)) return 1;
    tn_fail(
        reason, TN_NOT_FOUND, 0,
        "this machine has a GPU of architecture %s, for which this plugin was built without code, and HIP's runtime "
        "ends programs over that; build it with -DTENON_HIP_ARCHS=%s beside " TENON_HIP_ARCHS ", or let "
        "ROCR_VISIBLE_DEVICES choose among other GPUs",
        gpu, gpu);
    return 0;
}

/* What the kernel's driver offers to whom it lets in. */
static const char *driver_trouble(void)
{
    if (access("/dev/kfd", F_OK) != 0) return "; there is no /dev/kfd, which the kernel's driver amdgpu makes";
    if (access("/dev/kfd", R_OK | W_OK) != 0)
        return "; this user may not open /dev/kfd, which takes membership in its group (often render)";
    return "";
}

static void say_none(hipError_t result, tn_error *reason)
{
    static const char *const variables[] = {"HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"};
    char hidden[160] = "";
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const size_t used = strlen(hidden);
        if (is_set(variables[i]))
            snprintf(hidden + used, sizeof hidden - used, "; %s is set, and may hide GPUs", variables[i]);
    }
    tn_fail(reason, TN_NOT_FOUND, (int64_t)result, "no AMD GPU: %s (%d)%s%s", hipGetErrorName(result), (int)result,
            driver_trouble(), hidden);
}

/* ---- what there is */

/* "gfx90a:sramecc+:xnack-" without the features that code need not be compiled for. */
static void name_architecture(const gpu_properties *gpu, char *text, size_t size)
{
    snprintf(text, size, "%.*s", (int)strcspn(gpu->gcnArchName, ":"), gpu->gcnArchName);
}

static const char *library(void)
{
    static char text[64];
    int version = 0;
    if (!usable(NULL) || hipRuntimeGetVersion(&version) != hipSuccess) return "HIP";
    snprintf(text, sizeof text, "HIP %d.%d.%d", version / 10000000, version / 100000 % 100, version % 100000);
    return text;
}

const gpu_vendor gpu_this_vendor = {
    .errors = errors,
    .architectures = "-DTENON_HIP_ARCHS=",
    .architecture_prefix = "",
    .usable = usable,
    .say_none = say_none,
    .name_architecture = name_architecture,
    .library = library,
    .row_of = gpu_library_row_of,
    .check = gpu_libraries_check,
    .close = gpu_libraries_close,
};
