/* SPDX-License-Identifier: Apache-2.0
 *
 * MIOpen, by which the plugin makes convolutions where it is there and takes them (plugins/gpu/libraries). */
#ifndef TENON_ROCM_MIOPEN_H
#define TENON_ROCM_MIOPEN_H

#include "libraries/dnn.h"
#include "runtime/runtime.h"

typedef struct miopenTensorArgument_t miopenTensorArgument_t; /* which the header has for C++ alone */
#include <miopen/miopen.h>

enum { ROCM_DNN_MOST_WORKSPACE = 64 << 20 };

#define ROCM_DNN_CALLS(CALL)                              \
    CALL(miopenCreate)                                    \
    CALL(miopenDestroy)                                   \
    CALL(miopenGetVersion)                                \
    CALL(miopenGetErrorString)                            \
    CALL(miopenSetStream)                                 \
    CALL(miopenCreateTensorDescriptor)                    \
    CALL(miopenSetTensorDescriptor)                       \
    CALL(miopenDestroyTensorDescriptor)                   \
    CALL(miopenCreateConvolutionDescriptor)               \
    CALL(miopenInitConvolutionDescriptor)                 \
    CALL(miopenSetConvolutionGroupCount)                  \
    CALL(miopenSetConvolutionAttribute)                   \
    CALL(miopenDestroyConvolutionDescriptor)              \
    CALL(miopenConvolutionForwardGetSolution)             \
    CALL(miopenConvolutionForwardCompileSolution)         \
    CALL(miopenConvolutionForwardImmediate)               \
    CALL(miopenConvolutionBackwardDataGetSolution)        \
    CALL(miopenConvolutionBackwardDataCompileSolution)    \
    CALL(miopenConvolutionBackwardDataImmediate)          \
    CALL(miopenConvolutionBackwardWeightsGetSolution)     \
    CALL(miopenConvolutionBackwardWeightsCompileSolution) \
    CALL(miopenConvolutionBackwardWeightsImmediate)

#define ROCM_POINTER(name) __typeof__(name) *name;
typedef struct rocm_dnn_calls {
    ROCM_DNN_CALLS(ROCM_POINTER)
} rocm_dnn_calls;
#undef ROCM_POINTER

/* As one device uses it. */
typedef struct rocm_dnn {
    const rocm_dnn_calls *call;
    miopenHandle_t handle; /* one user at a time: gpu_library_lock */
} rocm_dnn;

extern const gpu_library rocm_dnn_row;
/* NULL if it is not used here: missing, or turned off. Why is logged once. */
const rocm_dnn *rocm_dnn_of(tn_device *device);
/* TN_OK, or what a failed call says. doing: in a few words. */
tn_status rocm_dnn_status(const rocm_dnn_calls *call, miopenStatus_t result, const char *doing, tn_error *error);

/* As gpu_dnn_library's plan. */
tn_status rocm_dnn_plan(tn_device *device, gpu_dnn_kind kind, const gpu_dnn_conv *conv, int tf32, int *position,
                        tn_plan **plan, tn_error *error);

/* What gpu_library_rows has of it. */
tn_status rocm_convolution_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                tn_error *error);

#endif
