/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows what it is asked for: add gives the flags of the operator that its plan was made for. The plans of sub never
 * promise the same bits. */
#include "base.h"

typedef struct flags_plan {
    tn_plan head;
    float flags;
} flags_plan;

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    (void)stream, (void)error;
    *(float *)bindings->out[0] = ((const flags_plan *)plan)->flags;
    return TN_OK;
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    if (base_scalar_check(self, device, desc, error) != TN_OK) return TN_UNSUPPORTED;
    flags_plan *made = calloc(1, sizeof *made);
    if (!made) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a plan");
    *made = (flags_plan){.head = {.struct_size = sizeof made->head,
                                  .execute = execute,
                                  .destroy = base_plan_destroy,
                                  .implementation = "what was asked",
                                  .flags = self->data ? 0 : TN_PLAN_DETERMINISTIC},
                         .flags = (float)desc->flags};
    *plan = &made->head;
    return TN_OK;
}

static const tn_kernel kernels[] = {
    {TN_SCHEMA(add), base_scalar_check, plan_create, NULL},
    {TN_SCHEMA(sub), base_scalar_check, plan_create, "promises nothing"},
};

QUERY
{
    base.name = "modes";
    base.kernels = kernels;
    base.n_kernels = sizeof kernels / sizeof *kernels;
    *plugin = &base;
    return TN_OK;
}
