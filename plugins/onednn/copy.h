/* SPDX-License-Identifier: Apache-2.0
 *
 * Copying a tensor to another of the same shape and dtype, with any strides: an operator, and how other kernels bring
 * operands into an order that oneDNN is fast with. */
#ifndef DN_COPY_H
#define DN_COPY_H

#include "nest.h"

typedef struct dn_copy {
    dn_nest nest; /* operands: to, from */
    dn_row_fn row;
    /* A transposition: matrices of `across` times `along` elements, copied tile by tile, within `outer`. */
    int tiled;
    int64_t across, along, across_step[2], along_step[2];
    dn_nest outer;
} dn_copy;

void dn_copy_init(dn_copy *copy, const tn_tensor_desc *to, const tn_tensor_desc *from);
void dn_copy_run(const dn_copy *copy, void *to, const void *from);

/* Copies operand 1 to operand 0. */
dn_row_fn dn_same_row(tn_dtype dtype);

#endif
