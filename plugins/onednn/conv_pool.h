/* SPDX-License-Identifier: Apache-2.0
 *
 * What conv2d_max_pool2d_relu (conv_pool.c) and its gradients (conv_pool_grad.c) share: they run the kernels in simd/, on
 * images that are channels-last. */
#ifndef DN_CONV_POOL_PLAN_H
#define DN_CONV_POOL_PLAN_H

#include "image.h"
#include "isa.h"
#include "simd/pooled.h"

typedef void (*dn_body_fn)(void *job, int64_t begin, int64_t end);

enum { DN_ENOUGH_TO_COPY = 8192 }; /* elements for a thread */

/* Pieces of work so that each thread has enough. */
static inline int64_t dn_grain_of(uint64_t flops, int64_t pieces)
{
    enum { WORTH_A_THREAD = 1000000 }; /* operations */
    return dn_max(1, (int64_t)WORTH_A_THREAD * pieces / (int64_t)(flops + 1));
}

static inline int dn_both_are(const int64_t pair[2], int64_t value)
{
    return pair[0] == value && pair[1] == value;
}

/* x: what is convolved; y: the pooling's result; all but the steps. */
static inline dn_conv_pool dn_conv_pool_sizes(const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    return (dn_conv_pool){.images = x->dims[0],
                          .in = x->dims[1],
                          .out = y->dims[1],
                          .height = x->dims[2],
                          .width = x->dims[3],
                          .rows = y->dims[2],
                          .columns = y->dims[3]};
}

static inline tn_status dn_refuse_hollow(const tn_op_desc *desc, const tn_tensor_desc *x, tn_error *error)
{
    if (tn_desc_numel(x) > 0) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: there are no input channels", desc->name);
}

static inline const char *dn_direct_name(dn_isa isa)
{
    static const char *const names[DN_ISAS] = {"direct:portable", "direct:avx2", "direct:avx512"};
    return names[isa];
}

#endif
