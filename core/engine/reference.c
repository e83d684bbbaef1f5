/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference backend: the plugin table over the operators' own portable kernels, linked into the core. Arrays that
 * a kernel cannot take as they lie are packed into the workspace first, and unpacked after. */
#include "engine/backend.h"
#include "ops/schema.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* ---- plans */

typedef struct reference_plan {
    tn_plan head;
    const tn_op *op;
    void *attrs;
    int n_in, n_out;
    bool packs;                     /* some array must be packed */
    const tn_tensor_desc **desc;    /* n_in + n_out: as the kernel sees them; NULL where absent */
    tn_tensor_desc *given, *packed; /* as bound, and their row-major twins */
    uint64_t *offset;               /* in the workspace; UINT64_MAX: used as bound */
    bool *writes;                   /* an output or an in-place input */
    uint64_t scratch_offset;
} reference_plan;

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint64_t desc_bytes(const tn_tensor_desc *desc)
{
    return (uint64_t)tn_desc_numel(desc) * tn_dtype_size(desc->dtype);
}

/* Copies between two descriptors of the same shape, with the copy operator's own kernel. */
static tn_status convey(const tn_tensor_desc *from, void *source, const tn_tensor_desc *to, void *target,
                        tn_error *error)
{
    tn_run run = {.n_in = 1, .n_out = 1, .in_desc = &from, .out_desc = &to, .in = &source, .out = &target};
    return tn__op_copy.run(&run, error);
}

static tn_status run_packed(const reference_plan *plan, tn_run *run, const tn_bindings *bindings, tn_error *error)
{
    void **data = bindings->workspace; /* the addresses that the kernel sees come first in it */
    int n = plan->n_in + plan->n_out;
    tn_status status = TN_OK;
    for (int i = 0; status == TN_OK && i < n; i++) {
        void *bound = i < plan->n_in ? bindings->in[i] : bindings->out[i - plan->n_in];
        data[i] = bound;
        if (plan->offset[i] == UINT64_MAX) continue;
        data[i] = (char *)bindings->workspace + plan->offset[i];
        if (i < plan->n_in) status = convey(&plan->given[i], bound, &plan->packed[i], data[i], error);
    }
    run->in = data;
    run->out = data + plan->n_in;
    if (status == TN_OK) status = plan->op->run(run, error);
    for (int i = 0; status == TN_OK && i < n; i++) {
        if (plan->offset[i] == UINT64_MAX || !plan->writes[i]) continue;
        void *bound = i < plan->n_in ? bindings->in[i] : bindings->out[i - plan->n_in];
        status = convey(&plan->packed[i], data[i], &plan->given[i], bound, error);
    }
    return status;
}

static tn_run describe(const reference_plan *plan)
{
    return (tn_run){.attrs = plan->attrs,
                    .n_in = plan->n_in,
                    .n_out = plan->n_out,
                    .in_desc = plan->desc,
                    .out_desc = plan->desc + plan->n_in};
}

static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    const reference_plan *plan = (const reference_plan *)head;
    tn_run run = describe(plan);
    (void)stream;
    run.in = bindings->in;
    run.out = bindings->out;
    run.scratch = bindings->workspace ? (char *)bindings->workspace + plan->scratch_offset : NULL;
    return plan->packs ? run_packed(plan, &run, bindings, error) : plan->op->run(&run, error);
}

static void destroy(tn_plan *head)
{
    reference_plan *plan = (reference_plan *)head;
    free(plan->attrs);
    free(plan->desc);
    free(plan->given);
    free(plan->packed);
    free(plan->offset);
    free(plan->writes);
    free(plan);
}

static reference_plan *plan_new(const tn_op *op, const tn_op_desc *desc)
{
    const tn_schema *schema = tn__op_schema(op);
    size_t n = (size_t)(desc->n_in + desc->n_out) + 1;
    reference_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    plan->op = op;
    plan->n_in = (int)desc->n_in;
    plan->n_out = (int)desc->n_out;
    plan->desc = calloc(n, sizeof *plan->desc);
    plan->given = calloc(n, sizeof *plan->given);
    plan->packed = calloc(n, sizeof *plan->packed);
    plan->offset = calloc(n, sizeof *plan->offset);
    plan->writes = calloc(n, sizeof *plan->writes);
    plan->attrs = schema->attrs_size ? malloc(schema->attrs_size) : NULL;
    if (!plan->desc || !plan->given || !plan->packed || !plan->offset || !plan->writes ||
        (schema->attrs_size && !plan->attrs)) {
        destroy(&plan->head);
        return NULL;
    }
    if (schema->attrs_size) memcpy(plan->attrs, desc->attrs, schema->attrs_size);
    return plan;
}

/* Takes over one descriptor; returns the workspace it needs. */
static uint64_t place(reference_plan *plan, int i, const tn_tensor_desc *desc, bool writes, uint64_t workspace)
{
    plan->offset[i] = UINT64_MAX;
    plan->writes[i] = writes;
    if (!desc) return 0;
    plan->given[i] = *desc;
    plan->desc[i] = &plan->given[i];
    if (plan->op->flags & TN_OP_STRIDED || tn_desc_contiguous(desc)) return 0;
    plan->packed[i] = *desc;
    plan->packed[i].alignment = ALIGNMENT;
    tn__row_major(&plan->packed[i]);
    plan->desc[i] = &plan->packed[i];
    plan->offset[i] = workspace;
    plan->packs = true;
    return round_up(desc_bytes(desc));
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                             tn_error *error)
{
    const tn_op *op = self->data;
    const tn_schema *schema = tn__op_schema(op);
    reference_plan *plan = plan_new(op, desc);
    (void)device;
    if (!plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for a plan");

    int n = plan->n_in + plan->n_out;
    uint64_t bytes = 0, workspace = round_up((uint64_t)n * sizeof(void *));
    for (int i = 0; i < n; i++) {
        bool is_in = i < plan->n_in;
        const tn_tensor_desc *d = is_in ? desc->in[i] : desc->out[i - plan->n_in];
        bool writes = !is_in || schema->in[tn__schema_arg_index(schema, plan->n_in, i)].in_place;
        workspace += place(plan, i, d, writes, workspace);
        bytes += d ? desc_bytes(d) << (is_in && writes) : 0;
    }
    if (!plan->packs) workspace = 0;
    tn_run run = describe(plan);
    plan->scratch_offset = workspace;
    uint64_t flops = op->flops ? op->flops(&run)
                     : n       ? (uint64_t)tn_desc_numel(plan->desc[plan->n_out ? plan->n_in : 0])
                               : 0;
    plan->head = (tn_plan){
        .struct_size = sizeof plan->head,
        .execute = execute,
        .destroy = destroy,
        .implementation = plan->packs ? "reference (packed)" : "reference",
        .workspace_bytes = workspace + (op->scratch ? op->scratch(&run) : 0),
        .flops = flops,
        .bytes_moved = op->bytes ? op->bytes(&run) : bytes,
        .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CONCURRENT | (op->flags & TN_OP_ELEMENTWISE ? TN_PLAN_ALIAS : 0),
    };
    *out = &plan->head;
    return TN_OK;
}

static tn_status check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const tn_op *op = self->data;
    (void)device;
    (void)desc;
    if (op->run) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s is fused: the reference backend runs its parts", op->name);
}

/* ---- the table */

static const tn_kernel kernels[] = {
#define TN_OP(op, schema, bound, meaning) {schema, check, plan_create, &tn__op_##op},
#include "tenon_ops.h"
#undef TN_OP
};

tn_status tn_reference_query(const tn_host_api *host, const tn_plugin **plugin, tn_error *error)
{
    static tn_plugin table;
    if (host->abi_major != TN_ABI_MAJOR)
        return tn_fail(error, TN_UNSUPPORTED, 0, "the reference backend speaks ABI %d, its host %u.%u", TN_ABI_MAJOR,
                       host->abi_major, host->abi_minor);
    table = tn__host_device;
    table.struct_size = sizeof table;
    table.abi_major = TN_ABI_MAJOR;
    table.abi_minor = TN_ABI_MINOR;
    table.name = "reference";
    table.version = TN_VERSION;
    table.vendor = "Tenon";
    table.library = "portable C";
    table.kernels = kernels;
    table.n_kernels = sizeof kernels / sizeof *kernels;
    *plugin = &table;
    return TN_OK;
}
