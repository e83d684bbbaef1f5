/* SPDX-License-Identifier: Apache-2.0
 *
 * A librocblas that multiplies on the CPU, for the plugin tests/gpu_host with libraries. It is strict: what the real one
 * need not forgive is an error here, and that atomic sums are allowed, that memory of its own is left to it, or that it
 * is left with a stream that may be gone. TENON_FAKE_ROCBLAS=none: it has no algorithm; failing: asking for one fails;
 * greedy: it wants a gigabyte, and makes do with less. */
#include "../gpu_host/fake.h"

#include <rocblas/rocblas.h>

enum { WORKSPACE = 512 };

struct _rocblas_handle {
    rocblas_atomics_mode atomics;
    hipStream_t stream;
    char *workspace;
    size_t bytes, wanted;
    int owns_memory, querying;
};

rocblas_status rocblas_create_handle(rocblas_handle *handle)
{
    *handle = calloc(1, sizeof **handle);
    (*handle)->atomics = rocblas_atomics_allowed;
    (*handle)->owns_memory = 1;
    return rocblas_status_success;
}

rocblas_status rocblas_destroy_handle(rocblas_handle handle)
{
    free(handle);
    return rocblas_status_success;
}

rocblas_status rocblas_get_version_string(char *text, size_t size)
{
    snprintf(text, size, "4.0.0.fake");
    return rocblas_status_success;
}

const char *rocblas_status_to_string(rocblas_status status)
{
    switch (status) {
    case rocblas_status_not_implemented: return "rocblas_status_not_implemented";
    case rocblas_status_internal_error: return "rocblas_status_internal_error";
    default: return "rocblas_status_...";
    }
}

rocblas_status rocblas_set_atomics_mode(rocblas_handle handle, rocblas_atomics_mode mode)
{
    handle->atomics = mode;
    return rocblas_status_success;
}

rocblas_status rocblas_set_stream(rocblas_handle handle, hipStream_t stream)
{
    if (stream && handle->stream) return rocblas_status_invalid_value;
    handle->stream = stream;
    return rocblas_status_success;
}

rocblas_status rocblas_set_workspace(rocblas_handle handle, void *memory, size_t bytes)
{
    handle->owns_memory = 0;
    handle->workspace = memory;
    handle->bytes = memory ? bytes : 0;
    return rocblas_status_success;
}

rocblas_status rocblas_start_device_memory_size_query(rocblas_handle handle)
{
    if (handle->querying) return rocblas_status_size_query_mismatch;
    handle->querying = 1;
    handle->wanted = 0;
    return rocblas_status_success;
}

rocblas_status rocblas_stop_device_memory_size_query(rocblas_handle handle, size_t *bytes)
{
    if (!handle->querying) return rocblas_status_size_query_mismatch;
    handle->querying = 0;
    *bytes = handle->wanted;
    return rocblas_status_success;
}

static rocblas_status answer(rocblas_handle handle)
{
    if (fake_is("TENON_FAKE_ROCBLAS", "failing")) return rocblas_status_internal_error;
    if (fake_is("TENON_FAKE_ROCBLAS", "none")) return rocblas_status_not_implemented;
    handle->wanted = fake_is("TENON_FAKE_ROCBLAS", "greedy") ? 1 << 30 : WORKSPACE;
    return rocblas_status_size_increased;
}

static double at(const void *memory, rocblas_datatype type, int64_t i)
{
    return type == rocblas_datatype_f32_r ? (double)((const float *)memory)[i] : ((const double *)memory)[i];
}

static void put(void *memory, rocblas_datatype type, int64_t i, double value)
{
    if (type == rocblas_datatype_f32_r)
        ((float *)memory)[i] = (float)value;
    else
        ((double *)memory)[i] = value;
}

/* A factor: element (row, column) of op(m), which is stored by columns. */
typedef struct factor {
    const void *memory;
    rocblas_datatype type;
    rocblas_operation op;
    int64_t leading, stride;
} factor;

static double element(const factor *m, int64_t image, int64_t row, int64_t column)
{
    const int64_t i = m->op == rocblas_operation_none ? row + column * m->leading : column + row * m->leading;
    return at(m->memory, m->type, image * m->stride + i);
}

rocblas_status rocblas_gemm_strided_batched_ex(
    rocblas_handle handle, rocblas_operation op_a, rocblas_operation op_b, rocblas_int m, rocblas_int n, rocblas_int k,
    const void *alpha, const void *a, rocblas_datatype a_type, rocblas_int lda, rocblas_stride stride_a, const void *b,
    rocblas_datatype b_type, rocblas_int ldb, rocblas_stride stride_b, const void *beta, const void *c,
    rocblas_datatype c_type, rocblas_int ldc, rocblas_stride stride_c, void *d, rocblas_datatype d_type,
    rocblas_int ldd, rocblas_stride stride_d, rocblas_int batch, rocblas_datatype computes, rocblas_gemm_algo algo,
    int32_t solution, uint32_t flags)
{
    const factor fa = {a, a_type, op_a, lda, stride_a}, fb = {b, b_type, op_b, ldb, stride_b};
    const int plain = op_a == rocblas_operation_none && op_b == rocblas_operation_none;
    if (m <= 0 || n <= 0 || k <= 0 || batch <= 0 || ldc < m || ldd < m ||
        lda < (op_a == rocblas_operation_none ? m : k) || ldb < (op_b == rocblas_operation_none ? k : n))
        return rocblas_status_invalid_size;
    if (a_type != computes || b_type != computes || c_type != computes || d_type != computes || algo || solution ||
        flags)
        return rocblas_status_invalid_value;
    if (handle->querying) return answer(handle);
    if (!a || !b || !d || c != d || ldc != ldd || stride_c != stride_d) return rocblas_status_invalid_pointer;
    if (at(alpha, computes, 0) != 1 || at(beta, computes, 0) != 0) return rocblas_status_invalid_value;
    if (handle->atomics || handle->owns_memory || !handle->stream) return rocblas_status_internal_error;
    if (handle->bytes < WORKSPACE || !handle->workspace) return rocblas_status_memory_error;
    memset(handle->workspace, 0xa5, handle->bytes);
    fake_trace("product", batch > 1 ? 2 : plain);
    for (int64_t image = 0; image < batch; image++)
        for (int64_t column = 0; column < n; column++)
            for (int64_t row = 0; row < m; row++) {
                double sum = 0;
                for (int64_t i = 0; i < k; i++) sum += element(&fa, image, row, i) * element(&fb, image, i, column);
                put(d, d_type, image * stride_d + row + column * ldd, sum);
            }
    return rocblas_status_success;
}
