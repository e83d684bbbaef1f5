/* SPDX-License-Identifier: Apache-2.0
 *
 * From doubles to tensors and back. */
#include "sample.h"

#include <stdlib.h>

tn_tensor *sample_tensor(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims, const double *values)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++) n *= dims[i];
    unsigned char *bytes = malloc(((size_t)n + 1) * tn_dtype_size(dtype));
    if (!bytes) abort();
    for (int64_t k = 0; k < n; k++) switch (dtype) {
        case TN_F32: ((float *)bytes)[k] = (float)values[k]; break;
        case TN_F64: ((double *)bytes)[k] = values[k]; break;
        case TN_I64: ((int64_t *)bytes)[k] = (int64_t)values[k]; break;
        case TN_I32: ((int32_t *)bytes)[k] = (int32_t)values[k]; break;
        default: bytes[k] = (uint8_t)(int64_t)values[k];
        }
    tn_tensor *x = tn_from(tn, bytes, dtype, rank, dims);
    free(bytes);
    return x;
}

double *sample_read(tn_tensor *x)
{
    int64_t n = tn_numel(x);
    double *values = malloc(((size_t)n + 1) * sizeof *values);
    if (values && !tn_is_nil(x) && tn_read_f64(x, values, n) == TN_OK) return values;
    free(values);
    return NULL;
}
