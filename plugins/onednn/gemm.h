/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of f32 matrices by the plugin's own kernels (simd/gemm.h), where they are faster than oneDNN's. */
#ifndef DN_GEMM_H
#define DN_GEMM_H

#include "common.h"
#include "isa.h"

#include "simd/gemm.h"

/* c = a b: c is m n, dense along n. Steps are in elements; those along dims of one do not matter. */
typedef struct dn_product {
    int64_t m, n, k;
    int64_t a_m, a_k;
    int64_t b_k, b_n;
    int64_t c_m;
    int has_bias, relu;
} dn_product;

/* Is this a product that the plugin's own kernels are made for, and faster at? */
int dn_gemm_takes(const dn_product *product);
/* A plan of it: a, b and a dense bias are inputs 0, 1, 2; c is output 0. */
tn_status dn_gemm_plan(const tn_op_desc *desc, const dn_product *product, tn_plan **plan, tn_error *error);

#endif
