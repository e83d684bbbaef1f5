/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of elementwise operators, and the kernels of all that need nothing else: one or more inputs, no attributes. */
#include "map.h"

#include <string.h>

typedef struct map_extra {
    dn_nest nest;
    dn_row_fn row;
    int64_t grain;
    int fixed;
    double value[2];
} map_extra;

static tn_status run(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const map_extra *map = loop->extra;
    void *base[DN_OPERANDS] = {at->out[0]};
    double value[2] = {map->value[0], map->value[1]};
    int next = 0;
    for (int k = 1; k < map->nest.operands; k++) base[k] = k == map->fixed ? (void *)value : at->in[next++];
    dn_nest_run(&map->nest, map->grain, base, map->row, map->value);
    return TN_OK;
}

/* May an output lie on an input? Only if one of them has its very elements in its very places. */
static int may_alias(const tn_op_desc *desc)
{
    const tn_tensor_desc *y = desc->out[0];
    for (uint64_t i = 0; i < desc->n_in; i++)
        if (tn_dtype_size(desc->in[i]->dtype) == tn_dtype_size(y->dtype) && desc->in[i]->rank == y->rank &&
            !memcmp(desc->in[i]->dims, y->dims, sizeof y->dims) &&
            !memcmp(desc->in[i]->strides, y->strides, sizeof y->strides))
            return 1;
    return 0;
}

tn_status dn_map_create(const tn_op_desc *desc, dn_row_fn row, int64_t grain, const void *value, int fixed,
                        tn_plan **plan, tn_error *error)
{
    static const tn_tensor_desc scalar = {.struct_size = sizeof scalar, .dtype = TN_F64};
    const tn_tensor_desc *xs[DN_OPERANDS] = {desc->out[0]};
    int operands = 1 + (int)desc->n_in + (fixed > 0), next = 0;
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run, sizeof(map_extra), &loop, error));
    map_extra *map = loop->extra;
    for (int k = 1; k < operands; k++) xs[k] = k == fixed ? &scalar : desc->in[next++];
    dn_nest_over(&map->nest, operands, xs);
    map->row = row;
    map->grain = grain;
    map->fixed = fixed;
    if (value) memcpy(map->value, value, sizeof map->value);
    if (may_alias(desc)) loop->plan.flags |= TN_PLAN_ALIAS;
    *plan = &loop->plan;
    return TN_OK;
}

tn_status dn_map_takes(const dn_map *map, const tn_op_desc *desc, tn_dtype dtype, tn_error *error)
{
    uint32_t allowed = 0;
    for (tn_dtype d = TN_F32; d <= TN_BOOL; d++)
        if (map->row[d]) allowed |= DN_BIT(d);
    return dn_dtype_in(desc, dtype, allowed, error);
}

tn_status dn_map_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)device;
    return dn_map_takes(self->data, desc, desc->in[desc->n_in - 1]->dtype, error);
}

tn_status dn_map_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan, tn_error *error)
{
    const dn_map *map = self->data;
    DN_TRY(dn_map_check(self, device, desc, error));
    return dn_map_create(desc, map->row[desc->in[desc->n_in - 1]->dtype], map->grain, NULL, 0, plan, error);
}
