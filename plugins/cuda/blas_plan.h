/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of cuBLASLt. */
#ifndef TENON_CUDA_BLAS_PLAN_H
#define TENON_CUDA_BLAS_PLAN_H

#include "libraries.h"

#include "libraries/blas_shape.h"

/* A plan of desc, which `product` describes, or with GPU_BLAS_NO_BIAS of its product alone. position: which of the algorithms
 * that cuBLASLt proposes and that can be used, best first, from 0; TN_UNSUPPORTED if there are not so many. */
tn_status blas_plan_create(tn_device *device, const cu_blas *blas, const gpu_blas_product *product,
                           const tn_op_desc *desc, gpu_blas_bias bias, int position, tn_plan **plan, tn_error *error);

#endif
