/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies between memory orders, on the host. */
#ifndef TENON_COPY_H
#define TENON_COPY_H

#include "ops/op.h"

/* to = from, broadcast to `to`'s shape. Equal dtypes, any strides, no overlap. */
void tn__copy(const tn_tensor_desc *to_desc, void *to, const tn_tensor_desc *from_desc, const void *from);

#endif
