/* SPDX-License-Identifier: Apache-2.0
 *
 * cuBLASLt and cuDNN, by which the plugin makes products and convolutions where they are there and take them
 * (plugins/gpu/libraries). */
#ifndef TENON_CUDA_LIBRARIES_H
#define TENON_CUDA_LIBRARIES_H

#include "libraries/library.h"
#include "runtime/runtime.h"

#include <cublasLt.h>
#include <cudnn_graph.h>

/* Scratch memory that a library's algorithm may want, at most. */
enum { CU_BLAS_MOST_WORKSPACE = 4 << 20, CU_DNN_MOST_WORKSPACE = 64 << 20 };

#define CU_BLAS_CALLS(CALL)                    \
    CALL(cublasLtCreate)                       \
    CALL(cublasLtDestroy)                      \
    CALL(cublasLtGetVersion)                   \
    CALL(cublasLtGetStatusName)                \
    CALL(cublasLtMatmul)                       \
    CALL(cublasLtMatmulDescCreate)             \
    CALL(cublasLtMatmulDescDestroy)            \
    CALL(cublasLtMatmulDescSetAttribute)       \
    CALL(cublasLtMatrixLayoutCreate)           \
    CALL(cublasLtMatrixLayoutDestroy)          \
    CALL(cublasLtMatrixLayoutSetAttribute)     \
    CALL(cublasLtMatmulPreferenceCreate)       \
    CALL(cublasLtMatmulPreferenceDestroy)      \
    CALL(cublasLtMatmulPreferenceSetAttribute) \
    CALL(cublasLtMatmulAlgoGetHeuristic)

#define CU_DNN_CALLS(CALL)              \
    CALL(cudnnCreate)                   \
    CALL(cudnnDestroy)                  \
    CALL(cudnnSetStream)                \
    CALL(cudnnGetVersion)               \
    CALL(cudnnGetErrorString)           \
    CALL(cudnnGetLastErrorString)       \
    CALL(cudnnBackendCreateDescriptor)  \
    CALL(cudnnBackendDestroyDescriptor) \
    CALL(cudnnBackendFinalize)          \
    CALL(cudnnBackendSetAttribute)      \
    CALL(cudnnBackendGetAttribute)      \
    CALL(cudnnBackendExecute)

#define CU_POINTER(name) __typeof__(name) *name;
typedef struct cu_blas_calls {
    CU_BLAS_CALLS(CU_POINTER)
} cu_blas_calls;
typedef struct cu_dnn_calls {
    CU_DNN_CALLS(CU_POINTER)
} cu_dnn_calls;
#undef CU_POINTER

/* A library as one device uses it. */
typedef struct cu_blas {
    const cu_blas_calls *call;
    cublasLtHandle_t handle; /* which any number of threads may use */
} cu_blas;

typedef struct cu_dnn {
    const cu_dnn_calls *call;
    cudnnHandle_t handle; /* one user at a time: gpu_library_lock */
    cudnnBackendDescriptor_t
        described; /* instead of a handle, in tests: a GPU that plans can be made for but not run on */
} cu_dnn;

/* NULL if the library is not used here: missing, of another version, or turned off. Why is logged once. */
const cu_blas *cu_blas_of(tn_device *device);
const cu_dnn *cu_dnn_of(tn_device *device);
/* Is its plan chosen by timing? TENON_CUDA_TUNE=on; never where the same bits are asked for, since times differ. */
int cu_wants_tuning(const tn_op_desc *desc);

/* TN_OK, or what a failed call says. doing: in a few words. */
tn_status cu_blas_status(const cu_blas_calls *call, cublasStatus_t result, const char *doing, tn_error *error);
tn_status cu_dnn_status(const cu_dnn_calls *call, cudnnStatus_t result, const char *doing, tn_error *error);

/* What gpu_library_rows is made of. */
tn_status cu_product_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                          tn_error *error);
tn_status cu_convolution_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                              tn_error *error);

#endif
