/* SPDX-License-Identifier: Apache-2.0
 *
 * MIOpen as plugins/gpu/libraries opens it. */
#include "miopen.h"

#define NAME(name) #name,
static const char *const dnn_functions[] = {ROCM_DNN_CALLS(NAME) NULL};
#undef NAME
_Static_assert(sizeof(rocm_dnn_calls) <= GPU_MOST_CALLS * sizeof(void *), "GPU_MOST_CALLS is too small");

static rocm_dnn_calls dnn_calls;
static rocm_dnn dnn_views[GPU_MOST_DEVICES];

tn_status rocm_dnn_status(const rocm_dnn_calls *call, miopenStatus_t result, const char *doing, tn_error *error)
{
    if (result == miopenStatusSuccess) return TN_OK;
    const int declined = result == miopenStatusNotImplemented || result == miopenStatusUnsupportedOp;
    return tn_fail(error, declined ? TN_UNSUPPORTED : TN_INTERNAL, (int64_t)result, "%s: %s (%d)", doing,
                   call->miopenGetErrorString(result), (int)result);
}

static void tell_dnn(char *text, size_t size)
{
    size_t major = 0, minor = 0, patch = 0;
    (void)dnn_calls.miopenGetVersion(&major, &minor, &patch);
    snprintf(text, size, "%zu.%zu.%zu", major, minor, patch);
}

static tn_status open_dnn(void *view, tn_error *error)
{
    rocm_dnn *it = view;
    it->call = &dnn_calls;
    return rocm_dnn_status(it->call, it->call->miopenCreate(&it->handle), "opening MIOpen", error);
}

static void close_dnn(void *view)
{
    const rocm_dnn *it = view;
    (void)it->call->miopenDestroy(it->handle);
}

const gpu_library rocm_dnn_row = {.name = "MIOpen",
                                  .setting = "miopen",
                                  .file = TENON_MIOPEN_FILE,
                                  .work = "convolutions",
                                  .functions = dnn_functions,
                                  .calls = &dnn_calls,
                                  .tell_version = tell_dnn,
                                  .open = open_dnn,
                                  .close = close_dnn,
                                  .views = dnn_views,
                                  .view_bytes = sizeof *dnn_views};

const rocm_dnn *rocm_dnn_of(tn_device *device)
{
    return gpu_library_of(GPU_DNN, device);
}

/* ---- operators */

static int is_used(tn_device *device)
{
    return rocm_dnn_of(device) != NULL;
}

static const gpu_dnn_library library = {.name = "MIOpen", .is_used = is_used, .plan = rocm_dnn_plan};

tn_status rocm_convolution_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                tn_error *error)
{
    return gpu_dnn_plan(&library, self, device, desc, plan, error);
}
