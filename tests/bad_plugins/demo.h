/* SPDX-License-Identifier: Apache-2.0
 *
 * A vendor that is compiled twice, under two names: both have the same functions and the same state by the same names.
 * neg of contiguous f32 is its one operator; it counts its executions, which its `library` tells. */
#include "base.h"

#include <stdio.h>

static int counted;         /* is the file's own */
extern int demo_executions; /* is the library's own: hidden, but global */
int demo_executions;

static char library[64] = DEMO ": 0 and 0 executions";

typedef struct neg_plan {
    tn_plan head;
    int64_t n;
} neg_plan;

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    const float *x = bindings->in[0];
    float *y = bindings->out[0];
    (void)stream, (void)error;
    for (int64_t i = 0; i < ((const neg_plan *)plan)->n; i++) y[i] = -x[i];
    snprintf(library, sizeof library, DEMO ": %d and %d executions", ++counted, ++demo_executions);
    return TN_OK;
}

static void destroy(tn_plan *plan)
{
    free(plan);
}

static tn_status check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    if (desc->in[0]->dtype == TN_F32 && tn_desc_contiguous(desc->in[0]) && tn_desc_contiguous(desc->out[0]))
        return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "it negates contiguous f32 alone");
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                             tn_error *error)
{
    if (check(self, device, desc, error) != TN_OK) return TN_UNSUPPORTED;
    neg_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a plan");
    plan->head = (tn_plan){
        .struct_size = sizeof plan->head, .execute = execute, .destroy = destroy, .implementation = DEMO ":loop"};
    plan->n = tn_desc_numel(desc->in[0]);
    *out = &plan->head;
    return TN_OK;
}

static const tn_kernel kernels[] = {{TN_SCHEMA(neg), check, plan_create, NULL}};

TN_PLUGIN_NOTE(DEMO, "1.0", "Tenon's tests", "", "");

QUERY
{
    base.name = DEMO;
    base.library = library;
    base.kernels = kernels;
    base.n_kernels = 1;
    *plugin = &base;
    return TN_OK;
}
