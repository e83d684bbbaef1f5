/* SPDX-License-Identifier: Apache-2.0
 *
 * cat: each input is copied to its part of the output. */
#include "copy.h"

typedef struct part {
    dn_copy copy;
    int64_t offset; /* of the part in y, in bytes */
} part;

static tn_status run(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const part *parts = loop->extra;
    for (uint64_t i = 0; i < loop->desc.n_in; i++)
        if (parts[i].copy.nest.numel) dn_copy_run(&parts[i].copy, (char *)at->out[0] + parts[i].offset, at->in[i]);
    return TN_OK;
}

tn_status dn_cat_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                       tn_error *error)
{
    return dn_dtype_in(desc, desc->out[0]->dtype, DN_ANY, error);
}

tn_status dn_cat_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan, tn_error *error)
{
    const uint32_t dim = (uint32_t)((const tn_dim_attrs *)desc->attrs)->dim;
    const tn_tensor_desc *y = desc->out[0];
    int64_t offset = 0;
    dn_loop *loop;
    DN_TRY(dn_cat_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run, desc->n_in * sizeof(part), &loop, error));
    part *parts = loop->extra;
    for (uint64_t i = 0; i < desc->n_in; i++) {
        tn_tensor_desc place = *y; /* y's strides, the input's dims */
        place.dims[dim] = desc->in[i]->dims[dim];
        dn_copy_init(&parts[i].copy, &place, desc->in[i]);
        parts[i].offset = offset;
        offset += place.dims[dim] * y->strides[dim] * (int64_t)tn_dtype_size(y->dtype);
    }
    loop->plan.flops = 0;
    *plan = &loop->plan;
    return TN_OK;
}
