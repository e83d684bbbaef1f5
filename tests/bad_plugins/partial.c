/* SPDX-License-Identifier: Apache-2.0
 *
 * One operator as the catalogue has it, one with another schema, one that no catalogue knows, one without functions.
 * The first is to be used, the others are to be left out. What add computes is 42, so that one sees who did it. */
#include "base.h"

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    (void)plan, (void)stream, (void)error;
    *(float *)bindings->out[0] = 42;
    return TN_OK;
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    if (base_scalar_check(self, device, desc, error) != TN_OK) return TN_UNSUPPORTED;
    *plan = calloc(1, sizeof **plan);
    if (!*plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a plan");
    **plan = (tn_plan){
        .struct_size = sizeof **plan, .execute = execute, .destroy = base_plan_destroy, .implementation = "42"};
    return TN_OK;
}

static const tn_kernel kernels[] = {
    {TN_SCHEMA(add), base_scalar_check, plan_create, NULL},
    {"mul/1(x:T[...], y:T[...]) -> z:T[...]", base_scalar_check, plan_create, NULL},
    {"frobnicate/1(x:T[...]) -> y:T[...]", base_scalar_check, plan_create, NULL},
    {TN_SCHEMA(sub), NULL, NULL, NULL},
    {NULL, base_scalar_check, plan_create, NULL},
};

QUERY
{
    base.name = "partial";
    base.kernels = kernels;
    base.n_kernels = sizeof kernels / sizeof *kernels;
    *plugin = &base;
    return TN_OK;
}
