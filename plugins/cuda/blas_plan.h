/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of cuBLASLt. */
#ifndef TENON_CUDA_BLAS_PLAN_H
#define TENON_CUDA_BLAS_PLAN_H

#include "blas_shape.h"
#include "libraries.h"

/* The vector that goes with a product: none, input 2, which is added, or output 1, which becomes the sums of input 0. */
typedef enum blas_bias { BLAS_NO_BIAS, BLAS_ADDED, BLAS_SUMMED } blas_bias;

/* A plan of desc, which `product` describes, or with BLAS_NO_BIAS of its product alone. position: which of the algorithms
 * that cuBLASLt proposes and that can be used, best first, from 0; TN_UNSUPPORTED if there are not so many. */
tn_status blas_plan_create(tn_device *device, const cu_blas *blas, const cu_product *product, const tn_op_desc *desc,
                           blas_bias bias, int position, tn_plan **plan, tn_error *error);
/* Of the textbook formula, for all of desc. */
uint64_t blas_operations(const cu_product *product, const tn_op_desc *desc);

#endif
