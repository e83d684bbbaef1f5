/* SPDX-License-Identifier: Apache-2.0
 *
 * A product as BLAS sees it: matrices that are stored by columns, each a leading dimension apart. */
#ifndef GPU_BLAS_SHAPE_H
#define GPU_BLAS_SHAPE_H

#include "gpu.h"

/* As stored; transposed: the operand is the transpose of what is stored. */
typedef struct gpu_blas_matrix {
    uint64_t input; /* which of the operator's inputs it is */
    int transposed;
    int64_t rows, columns, leading, batch_stride;
} gpu_blas_matrix;

/* d = a b, `batch` times. d is the operator's output, or its transpose, which is never stored transposed. */
typedef struct gpu_blas_product {
    gpu_blas_matrix a, b, d;
    int64_t inner, batch;
} gpu_blas_product;

/* Describes matmul, linear, linear_relu or linear_grad_weight; 0 if strides say what BLAS has no words for, or there are no
 * elements. A bias runs along the rows of d. Of linear_grad_weight, dy is a or b. */
int gpu_blas_product_of(const tn_op_desc *desc, gpu_blas_product *product);

/* The vector that goes with a product: none, input 2, which is added, or output 1, which becomes the sums of input 0. */
typedef enum gpu_blas_bias { GPU_BLAS_NO_BIAS, GPU_BLAS_ADDED, GPU_BLAS_SUMMED } gpu_blas_bias;
gpu_blas_bias gpu_blas_bias_of(const tn_op_desc *desc);
/* Of the textbook formula, for all of desc. */
uint64_t gpu_blas_operations(const gpu_blas_product *product, const tn_op_desc *desc);

#endif
