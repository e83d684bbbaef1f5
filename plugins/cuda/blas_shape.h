/* SPDX-License-Identifier: Apache-2.0
 *
 * A product as BLAS sees it: matrices that are stored by columns, each a leading dimension apart. */
#ifndef TENON_CUDA_BLAS_SHAPE_H
#define TENON_CUDA_BLAS_SHAPE_H

#include "gpu.h"

/* As stored; transposed: the operand is the transpose of what is stored. */
typedef struct cu_matrix {
    uint64_t input; /* which of the operator's inputs it is */
    int transposed;
    int64_t rows, columns, leading, batch_stride;
} cu_matrix;

/* d = a b, `batch` times. d is the operator's output, or its transpose, which is never stored transposed. */
typedef struct cu_product {
    cu_matrix a, b, d;
    int64_t inner, batch;
} cu_product;

/* Describes matmul, linear, linear_relu or linear_grad_weight; 0 if strides say what BLAS has no words for, or there are no
 * elements. A bias runs along the rows of d. Of linear_grad_weight, dy is a or b. */
int cu_product_of(const tn_op_desc *desc, cu_product *product);

#endif
