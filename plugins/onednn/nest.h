/* SPDX-License-Identifier: Apache-2.0
 *
 * A loop nest over strided operands. Dims of one are dropped, the rest sorted by the strides of operand 0 (the
 * output) and merged where all operands allow it, so that dense operands of one memory order become a single run.
 * Steps are in bytes. */
#ifndef DN_NEST_H
#define DN_NEST_H

#include "common.h"

enum { DN_OPERANDS = 5 };

typedef struct dn_nest {
    int64_t numel;
    int32_t operands;
    int32_t rank; /* >= 1 once ended */
    int64_t dims[TN_MAX_RANK];
    int64_t steps[TN_MAX_RANK][DN_OPERANDS];
} dn_nest;

/* One innermost run of n elements: at[k] is operand k's first address, step[k] its distance to the next. */
typedef void (*dn_row_fn)(int64_t n, char *const *at, const int64_t *step, const void *arg);

/* By hand: begin, a dim at a time, end. */
void dn_nest_begin(dn_nest *nest, int operands);
void dn_nest_dim(dn_nest *nest, int64_t size, const int64_t *steps);
void dn_nest_end(dn_nest *nest);

/* Over all elements of xs[0]; the others have its shape or broadcast to it. */
void dn_nest_over(dn_nest *nest, int operands, const tn_tensor_desc *const *xs);
/* The same in row-major order of xs[0], whatever the strides. */
void dn_nest_in_order(dn_nest *nest, int operands, const tn_tensor_desc *const *xs);

/* Calls row on the elements [begin, end) of the nest, base[k] being operand k's address. */
void dn_nest_range(const dn_nest *nest, int64_t begin, int64_t end, char *const *base, dn_row_fn row, const void *arg);
/* The same on all elements, by several threads if there are more than `grain`. */
void dn_nest_run(const dn_nest *nest, int64_t grain, void *const *base, dn_row_fn row, const void *arg);

/* Where element `i` of operand k lies, in bytes; elements are counted in the order of the nest. */
int64_t dn_nest_offset(const dn_nest *nest, int k, int64_t i);

#endif
