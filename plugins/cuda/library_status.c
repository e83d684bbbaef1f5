/* SPDX-License-Identifier: Apache-2.0
 *
 * What a library's failed call says. */
#include "libraries.h"

tn_status cu_blas_status(const cu_blas_calls *call, cublasStatus_t result, const char *doing, tn_error *error)
{
    if (result == CUBLAS_STATUS_SUCCESS) return TN_OK;
    tn_status status = result == CUBLAS_STATUS_NOT_SUPPORTED ? TN_UNSUPPORTED : TN_INTERNAL;
    return tn_fail(error, status, (int64_t)result, "%s: %s (%d)", doing, call->cublasLtGetStatusName(result),
                   (int)result);
}

tn_status cu_dnn_status(const cu_dnn_calls *call, cudnnStatus_t result, const char *doing, tn_error *error)
{
    char last[500] = "";
    if (result == CUDNN_STATUS_SUCCESS) return TN_OK;
    call->cudnnGetLastErrorString(last, sizeof last);
    tn_status status = CUDNN_STATUS_CATEGORY(result) == CUDNN_STATUS_NOT_SUPPORTED ? TN_UNSUPPORTED : TN_INTERNAL;
    return tn_fail(error, status, (int64_t)result, "%s: %s (%d)%s%.480s", doing, call->cudnnGetErrorString(result),
                   (int)result, last[0] ? ": " : "", last);
}
