/* SPDX-License-Identifier: Apache-2.0
 *
 * rocBLAS, by which the plugin makes products where it is there and takes them (plugins/gpu/libraries). */
#ifndef TENON_ROCM_ROCBLAS_H
#define TENON_ROCM_ROCBLAS_H

#include "libraries/blas_shape.h"
#include "libraries/library.h"
#include "runtime/runtime.h"

#define ROCBLAS_NO_DEPRECATED_WARNINGS
#include <rocblas/rocblas.h>

/* Scratch memory that an algorithm may want, at most: what rocBLAS takes by itself on most GPUs. */
enum { ROCM_BLAS_MOST_WORKSPACE = 32 << 20 };

#define ROCM_BLAS_CALLS(CALL)                    \
    CALL(rocblas_create_handle)                  \
    CALL(rocblas_destroy_handle)                 \
    CALL(rocblas_get_version_string)             \
    CALL(rocblas_status_to_string)               \
    CALL(rocblas_set_atomics_mode)               \
    CALL(rocblas_set_stream)                     \
    CALL(rocblas_set_workspace)                  \
    CALL(rocblas_start_device_memory_size_query) \
    CALL(rocblas_stop_device_memory_size_query)  \
    CALL(rocblas_gemm_strided_batched_ex)

#define ROCM_POINTER(name) __typeof__(name) *name;
typedef struct rocm_blas_calls {
    ROCM_BLAS_CALLS(ROCM_POINTER)
} rocm_blas_calls;
#undef ROCM_POINTER

/* As one device uses it. */
typedef struct rocm_blas {
    const rocm_blas_calls *call;
    rocblas_handle handle; /* one user at a time: gpu_library_lock */
} rocm_blas;

extern const gpu_library rocm_blas_row;
/* NULL if it is not used here: missing, or turned off. Why is logged once. */
const rocm_blas *rocm_blas_of(tn_device *device);
/* TN_OK, or what a failed call says. doing: in a few words. */
tn_status rocm_blas_status(const rocm_blas_calls *call, rocblas_status result, const char *doing, tn_error *error);

/* A plan of the product alone that `product` describes, of desc. */
tn_status rocm_blas_plan(tn_device *device, const rocm_blas *blas, const gpu_blas_product *product,
                         const tn_op_desc *desc, tn_plan **plan, tn_error *error);

/* What gpu_library_rows has of it. */
tn_status rocm_product_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                            tn_error *error);

#endif
