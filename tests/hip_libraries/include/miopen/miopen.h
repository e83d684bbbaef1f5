/* SPDX-License-Identifier: Apache-2.0
 *
 * A stand-in for AMD's header, for tests alone: the few names of MIOpen that the HIP plugin uses, with the numbers that they
 * have there, so that the plugin's code is compiled where there is no ROCm. */
#ifndef TENON_TEST_MIOPEN_H
#define TENON_TEST_MIOPEN_H

#include <hip/hip_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

typedef struct miopenHandle *miopenHandle_t;
typedef struct miopenTensorDescriptor *miopenTensorDescriptor_t;
typedef struct miopenConvolutionDescriptor *miopenConvolutionDescriptor_t;

typedef enum {
    miopenStatusSuccess = 0,
    miopenStatusBadParm = 3,
    miopenStatusInternalError = 5,
    miopenStatusNotImplemented = 6,
    miopenStatusUnsupportedOp = 8,
} miopenStatus_t;

typedef enum { miopenFloat = 1 } miopenDataType_t;
typedef enum { miopenConvolution = 0 } miopenConvolutionMode_t;
typedef enum { MIOPEN_CONVOLUTION_ATTRIB_DETERMINISTIC = 1 } miopenConvolutionAttrib_t;

typedef enum {
    miopenConvolutionAlgoGEMM = 0,
    miopenConvolutionAlgoDirect = 1,
    miopenConvolutionAlgoFFT = 2,
    miopenConvolutionAlgoWinograd = 3,
    miopenConvolutionAlgoImplicitGEMM = 5,
} miopenConvAlgorithm_t;

typedef struct {
    float time;
    size_t workspace_size;
    uint64_t solution_id;
    miopenConvAlgorithm_t algorithm;
} miopenConvSolution_t;

miopenStatus_t miopenCreate(miopenHandle_t *handle);
miopenStatus_t miopenDestroy(miopenHandle_t handle);
miopenStatus_t miopenGetVersion(size_t *major, size_t *minor, size_t *patch);
const char *miopenGetErrorString(miopenStatus_t status);
miopenStatus_t miopenSetStream(miopenHandle_t handle, hipStream_t stream);

miopenStatus_t miopenCreateTensorDescriptor(miopenTensorDescriptor_t *made);
miopenStatus_t miopenSetTensorDescriptor(miopenTensorDescriptor_t tensor, miopenDataType_t type, int rank,
                                         const int *dims, const int *strides);
miopenStatus_t miopenDestroyTensorDescriptor(miopenTensorDescriptor_t tensor);

miopenStatus_t miopenCreateConvolutionDescriptor(miopenConvolutionDescriptor_t *made);
miopenStatus_t miopenInitConvolutionDescriptor(miopenConvolutionDescriptor_t how, miopenConvolutionMode_t mode,
                                               int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h,
                                               int dilation_w);
miopenStatus_t miopenSetConvolutionGroupCount(miopenConvolutionDescriptor_t how, int groups);
miopenStatus_t miopenSetConvolutionAttribute(miopenConvolutionDescriptor_t how, const miopenConvolutionAttrib_t name,
                                             int value);
miopenStatus_t miopenDestroyConvolutionDescriptor(miopenConvolutionDescriptor_t how);

/* The three directions of a convolution, all called alike. */
#define MIOPEN_DIRECTION(name)                                                                                        \
    miopenStatus_t miopenConvolution##name##GetSolution(                                                              \
        miopenHandle_t handle, const miopenTensorDescriptor_t first, const miopenTensorDescriptor_t second,           \
        const miopenConvolutionDescriptor_t how, const miopenTensorDescriptor_t result, const size_t most, size_t *n, \
        miopenConvSolution_t *solutions);                                                                             \
    miopenStatus_t miopenConvolution##name##CompileSolution(                                                          \
        miopenHandle_t handle, const miopenTensorDescriptor_t first, const miopenTensorDescriptor_t second,           \
        const miopenConvolutionDescriptor_t how, const miopenTensorDescriptor_t result, const uint64_t solution);     \
    miopenStatus_t miopenConvolution##name##Immediate(                                                                \
        miopenHandle_t handle, const miopenTensorDescriptor_t first, const void *a,                                   \
        const miopenTensorDescriptor_t second, const void *b, const miopenConvolutionDescriptor_t how,                \
        const miopenTensorDescriptor_t result, void *c, void *workspace, size_t bytes, const uint64_t solution);
MIOPEN_DIRECTION(Forward)
MIOPEN_DIRECTION(BackwardData)
MIOPEN_DIRECTION(BackwardWeights)
#undef MIOPEN_DIRECTION

#endif
