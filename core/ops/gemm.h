/* SPDX-License-Identifier: Apache-2.0
 *
 * The one matrix product of the reference backend: C[m, n] += A[m, k] B[k, n] for f32 and f64, with any strides.
 * Each element of C is summed in one fixed order, whatever the number of threads. */
#ifndef TENON_GEMM_H
#define TENON_GEMM_H

#include "ops/op.h"

/* A matrix in memory: element (i, j) lies i * row + j * col elements after data. */
typedef struct tn_matrix {
    const void *data;
    int64_t row, col;
} tn_matrix;

typedef struct tn_gemm {
    tn_dtype dtype;
    int64_t m, n, k;
    tn_matrix a, b;
    void *c; /* fastest if c_col is 1 */
    int64_t c_row, c_col;
} tn_gemm;

/* Floating-point operations that are worth a thread. */
enum { TN_GEMM_GRAIN = 1 << 21 };
/* Kernels that run many products in parallel cut them into at most this many slots, each with scratch memory of its
 * own; a thread does neighbouring slots, all in the memory of the first of them. */
enum { TN_GEMM_SLOTS = 64 };
/* Runs body over n slots that do `flops` in all. */
static inline void tn__for_slots(int64_t n, uint64_t flops, void (*body)(void *arg, int64_t begin, int64_t end),
                                 const void *arg)
{
    tn__parallel_for(n, TN_GEMM_GRAIN * n / (int64_t)(flops + 1) + 1, body, (void *)arg);
}

/* The whole product: on several threads, or on the calling one. scratch: tn__gemm_scratch bytes, aligned to 64. */
void tn__gemm(const tn_gemm *g, void *scratch);
void tn__gemm_serial(const tn_gemm *g, void *scratch);
uint64_t tn__gemm_scratch(tn_dtype dtype, int64_t m, int64_t n, int64_t k);

/* ---- its parts, for kernels that make their own panels or are parallel already. The micro-kernel computes a tile of
 * C at a time; A is packed into panels of tile.rows rows, B into panels of tile.cols columns. A panel holds, for each
 * of the k steps, its `width` elements side by side; where the matrix ends, it is filled up with zeros. */
typedef struct tn_tile {
    int64_t rows, cols;
} tn_tile;
tn_tile tn__gemm_tile(tn_dtype dtype);
/* Bytes of the panels of `lines` rows of A, or columns of B, `depth` = k deep: a multiple of 64. */
uint64_t tn__panel_bytes(tn_dtype dtype, int64_t width, int64_t lines, int64_t depth);
/* Packs `lines` lines of which element (line, d) lies line * line_stride + d * depth_stride elements after from. */
void tn__pack(tn_dtype dtype, int64_t width, int64_t lines, int64_t depth, const void *from, int64_t line_stride,
              int64_t depth_stride, void *panels);
/* C += A B of packed A and B, on the calling thread. */
void tn__multiply_packed(tn_dtype dtype, int64_t m, int64_t n, int64_t k, const void *a, const void *b, void *c,
                         int64_t c_row, int64_t c_col);

#endif
