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

static void destroy(tn_plan *plan)
{
    free(plan);
}

/* Scalars of f32 only. */
static tn_status check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    if (desc->out[0]->dtype == TN_F32 && desc->out[0]->rank == 0) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "it adds scalars of f32 alone");
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    if (check(self, device, desc, error) != TN_OK) return TN_UNSUPPORTED;
    *plan = calloc(1, sizeof **plan);
    if (!*plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a plan");
    **plan = (tn_plan){.struct_size = sizeof **plan, .execute = execute, .destroy = destroy, .implementation = "42"};
    return TN_OK;
}

static const tn_kernel kernels[] = {
    {TN_SCHEMA(add), check, plan_create, NULL},
    {"mul/1(x:T[...], y:T[...]) -> z:T[...]", check, plan_create, NULL},
    {"frobnicate/1(x:T[...]) -> y:T[...]", check, plan_create, NULL},
    {TN_SCHEMA(sub), NULL, NULL, NULL},
    {NULL, check, plan_create, NULL},
};

QUERY
{
    base.name = "partial";
    base.kernels = kernels;
    base.n_kernels = sizeof kernels / sizeof *kernels;
    *plugin = &base;
    return TN_OK;
}
