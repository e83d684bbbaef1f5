/* SPDX-License-Identifier: Apache-2.0
 *
 * A stand-in for AMD's header, for tests alone: the few names of rocBLAS 4 that the HIP plugin uses, with the numbers that
 * they have there, so that the plugin's code is compiled where there is no ROCm. */
#ifndef TENON_TEST_ROCBLAS_H
#define TENON_TEST_ROCBLAS_H

#include <hip/hip_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

typedef struct _rocblas_handle *rocblas_handle;
typedef int32_t rocblas_int;
typedef int64_t rocblas_stride;

typedef enum rocblas_status {
    rocblas_status_success = 0,
    rocblas_status_not_implemented = 2,
    rocblas_status_invalid_pointer = 3,
    rocblas_status_invalid_size = 4,
    rocblas_status_memory_error = 5,
    rocblas_status_internal_error = 6,
    rocblas_status_size_query_mismatch = 8,
    rocblas_status_size_increased = 9,
    rocblas_status_size_unchanged = 10,
    rocblas_status_invalid_value = 11,
} rocblas_status;

typedef enum rocblas_operation {
    rocblas_operation_none = 111,
    rocblas_operation_transpose = 112,
} rocblas_operation;

typedef enum rocblas_datatype {
    rocblas_datatype_f32_r = 151,
    rocblas_datatype_f64_r = 152,
} rocblas_datatype;

typedef enum rocblas_atomics_mode {
    rocblas_atomics_not_allowed = 0,
    rocblas_atomics_allowed = 1,
} rocblas_atomics_mode;

typedef enum rocblas_gemm_algo { rocblas_gemm_algo_standard = 0 } rocblas_gemm_algo;
typedef enum rocblas_gemm_flags { rocblas_gemm_flags_none = 0 } rocblas_gemm_flags;

rocblas_status rocblas_create_handle(rocblas_handle *handle);
rocblas_status rocblas_destroy_handle(rocblas_handle handle);
rocblas_status rocblas_get_version_string(char *text, size_t size);
const char *rocblas_status_to_string(rocblas_status status);
rocblas_status rocblas_set_atomics_mode(rocblas_handle handle, rocblas_atomics_mode mode);
rocblas_status rocblas_set_stream(rocblas_handle handle, hipStream_t stream);
rocblas_status rocblas_set_workspace(rocblas_handle handle, void *memory, size_t bytes);
rocblas_status rocblas_start_device_memory_size_query(rocblas_handle handle);
rocblas_status rocblas_stop_device_memory_size_query(rocblas_handle handle, size_t *bytes);
rocblas_status rocblas_gemm_strided_batched_ex(
    rocblas_handle handle, rocblas_operation op_a, rocblas_operation op_b, rocblas_int m, rocblas_int n, rocblas_int k,
    const void *alpha, const void *a, rocblas_datatype a_type, rocblas_int lda, rocblas_stride stride_a, const void *b,
    rocblas_datatype b_type, rocblas_int ldb, rocblas_stride stride_b, const void *beta, const void *c,
    rocblas_datatype c_type, rocblas_int ldc, rocblas_stride stride_c, void *d, rocblas_datatype d_type,
    rocblas_int ldd, rocblas_stride stride_d, rocblas_int batch, rocblas_datatype computes, rocblas_gemm_algo algo,
    int32_t solution, uint32_t flags);

#endif
