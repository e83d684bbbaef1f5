/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of f32 matrices that need no packing: c (m n) = a (m k) times b, where
 *   dn_gemm_dot    has b (n k) dense along k, as a is: each element of c is a dot product of two rows;
 *   dn_gemm_outer  has b (k n) dense along n, and a of any order: rows of b times elements of a.
 * A piece of the work is a tile of c. All sums run in an order that depends on nothing but k, so that neither the
 * number of threads nor the place in c shows in the result. */
#ifndef DN_SIMD_GEMM_H
#define DN_SIMD_GEMM_H

#include <stdint.h>

enum {
    DN_DOT_ROWS = 96, /* of c in a piece of dn_gemm_dot, and its columns */
    DN_DOT_COLUMNS = 8,
    DN_DOT_K = 896,    /* at most in one go: so many columns of b stay in the L1 cache */
    DN_OUTER_ROWS = 8, /* of c in a piece of dn_gemm_outer; its columns: at most 3 groups */
    DN_OUTER_GROUP = 16
};

typedef struct dn_gemm_job {
    int64_t m, n, k; /* all > 0; dn_gemm_dot: k >= 16; dn_gemm_outer: n >= 16 */
    const float *a, *b;
    float *c;                      /* dense along n */
    int64_t a_row, a_k;            /* steps of a in elements; dn_gemm_dot: a_k is 1 */
    int64_t b_row, c_row;          /* steps between the rows of b and of c as they lie */
    const float *bias;             /* n of them, dense, or NULL; dn_gemm_dot only, as is relu */
    int64_t relu;                  /* not 0: max(c, 0), NaN stays NaN */
    int64_t rows, columns;         /* pieces of c along m and n */
    int64_t row_step, column_step; /* piece (row, column) is number row * row_step + column * column_step */
} dn_gemm_job;

DN_DECLARE(void, dn_gemm_dot, (void *job, int64_t begin, int64_t end));
DN_DECLARE(void, dn_gemm_outer, (void *job, int64_t begin, int64_t end));

#endif
