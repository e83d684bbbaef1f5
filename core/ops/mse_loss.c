/* SPDX-License-Identifier: Apache-2.0
 *
 * mse_loss: the mean squared difference, made of operators. */
#include "ops/op.h"

#include <string.h>

tn_tensor *tn_mse_loss(tn_tensor *x, tn_tensor *target)
{
    if (tn_is_nil(x) || tn_is_nil(target)) return tn__nil(x->ctx);
    const int rank = tn_rank(x);
    if (rank != tn_rank(target) || memcmp(tn_dims(x), tn_dims(target), (size_t)rank * sizeof *tn_dims(x)) != 0)
        return tn_raise(x->ctx, TN_INVALID, "mse_loss: x and target must have the same shape (x: %s, target: %s)",
                        TN_SHAPE_OF(x), TN_SHAPE_OF(target));
    return tn_mean(tn_square(tn_sub(x, target)), TN_ALL, false);
}
