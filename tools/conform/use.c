/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators straight from the plugin's table. */
#include "use.h"

#include <stdlib.h>
#include <string.h>

#define WHY ((tn_error){.struct_size = sizeof(tn_error)})

/* ---- opening */

bool use_open(use *u, conform_run *run)
{
    *u = (use){.run = run};
    if (!conform_device_open(run, &u->device) || !(u->reference = conform_open_reference(run))) return false;
    u->kernel = conform_find_kernel(u->device.plugin, run->op);
    return u->kernel || conform_fail(run, "its table has no row for %s", run->op);
}

void use_close(use *u)
{
    conform_close(u->run, u->reference);
    conform_device_close(&u->device);
}

/* ---- describing */

static void row_major(tn_tensor_desc *desc)
{
    int64_t stride = 1;
    for (uint32_t d = desc->rank; d-- > 0; stride *= desc->dims[d] ? desc->dims[d] : 1) desc->strides[d] = stride;
}

static void describe_tensor(use *u, use_tensor *t, tn_tensor *x, bool draw)
{
    t->present = x != NULL;
    if (!x) return;
    t->desc = (tn_tensor_desc){.struct_size = sizeof t->desc,
                               .dtype = tn_dtype_of(x),
                               .rank = (uint32_t)tn_rank(x),
                               .alignment = u->device.info.alignment};
    memcpy(t->desc.dims, tn_dims(x), (size_t)tn_rank(x) * sizeof(int64_t));
    row_major(&t->desc);
    t->bytes = (uint64_t)tn_numel(x) * tn_dtype_size(t->desc.dtype);
    if (!draw) return;
    t->drawn = malloc((size_t)t->bytes + 1);
    if (!t->drawn) error(TOOL_FAILED, errno, "no memory for an operator's inputs");
    tn_read(x, t->drawn, (size_t)t->bytes);
}

/* Inputs are read before the reference runs, which updates some of them. */
static void describe_tensors(use *u)
{
    int n;
    const tn_op_operand *in = tn_op_call_inputs(u->call, &u->n_in);
    for (int i = 0; i < u->n_in; i++) {
        describe_tensor(u, &u->in[i], in[i].tensor, true);
        u->in_desc[i] = u->in[i].present ? &u->in[i].desc : NULL;
    }
    tn_mark mark = tn_begin(u->reference);
    tn_reset_placements(u->reference);
    const tn_op_operand *out = tn_op_call_results(u->call, &n);
    for (int i = 0; i < n; i++) {
        bool updated = false;
        for (int k = 0; k < u->n_in; k++) updated |= out[i].tensor == in[k].tensor;
        if (updated) continue;
        describe_tensor(u, &u->out[u->n_out], out[i].tensor, false);
        u->out_desc[u->n_out] = &u->out[u->n_out].desc;
        u->n_out++;
    }
    tn_end(u->reference, mark, NULL);
}

static void read_costs(use *u)
{
    int n;
    const tn_placement *rows = tn_placements(u->reference, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].op, u->run->op) == 0) {
            u->flops = rows[i].flops;
            u->bytes = rows[i].bytes;
        }
}

bool use_describe(use *u, const char *sample, tn_dtype dtype)
{
    const tn_op_call_options how = {.dtype = dtype, .seed = u->run->options->seed, .layout = TN_OP_LAYOUT_ROW_MAJOR};
    u->n_in = u->n_out = 0;
    u->flops = u->bytes = 0;
    snprintf(u->what, sizeof u->what, "%s on \"%s\", %s", u->run->op, sample, tn_dtype_name(dtype));
    if ((u->call = tn_op_call_open(u->reference, u->run->op, sample, &how))) {
        describe_tensors(u);
        read_costs(u);
    }
    u->desc = (tn_op_desc){.struct_size = sizeof u->desc,
                           .name = u->run->op,
                           .attrs = u->call ? tn_op_call_attrs(u->call) : NULL,
                           .in = u->in_desc,
                           .out = u->out_desc,
                           .n_in = (uint64_t)u->n_in,
                           .n_out = (uint64_t)u->n_out};
    if (tn_check(u->reference) == TN_OK) return true;
    tn_clear(u->reference);
    use_release(u);
    return false;
}

static void tensors_release(use *u, use_tensor *tensors, int n)
{
    for (int i = 0; i < n; i++) {
        free(tensors[i].drawn);
        if (tensors[i].memory) u->device.plugin->memory_free(u->device.handle, TN_MEMORY_DEVICE, tensors[i].memory);
        tensors[i] = (use_tensor){.memory = NULL};
    }
}

void use_release(use *u)
{
    tensors_release(u, u->in, u->n_in);
    tensors_release(u, u->out, u->n_out);
    tn_op_call_close(u->call);
    u->call = NULL;
}

void use_for_each(use *u, void (*body)(use *u))
{
    const tn_op_status *op = conform_find_op(u->run->op);
    char text[TRIAL_TEXT];
    for (const char *const *sample = op->samples; *sample; sample++)
        for (tn_dtype dtype = TN_F32; dtype <= TN_BOOL; dtype++) {
            if (!use_describe(u, trial_free_dtype(*sample, text), dtype)) continue;
            body(u);
            use_release(u);
            if (u->run->outcome == CONFORM_FAIL) return;
        }
}

/* ---- running */

tn_plan *use_plan(use *u, uint64_t flags)
{
    tn_plan *plan = NULL;
    tn_error why = WHY;
    u->desc.flags = flags;
    tn_status status = u->kernel->plan_create(u->kernel, u->device.handle, &u->desc, &plan, &why);
    if (status == TN_OK) return conform_plan_usable(u->run, plan, u->what) ? plan : NULL;
    if (status != TN_UNSUPPORTED)
        conform_fail(u->run, "%s: plan_create answers %s: \"%s\"; what a backend does not do is TN_UNSUPPORTED",
                     u->what, tn_status_name(status), why.message);
    return NULL;
}

static bool allocate(use *u, use_tensor *tensors, int n)
{
    tn_error why = WHY;
    for (int i = 0; i < n; i++) {
        if (!tensors[i].present || tensors[i].memory) continue;
        uint64_t bytes = tensors[i].bytes ? tensors[i].bytes : 1;
        if (u->device.plugin->memory_alloc(u->device.handle, TN_MEMORY_DEVICE, bytes, &tensors[i].memory, &why) !=
            TN_OK)
            return conform_fail(u->run, "%s: memory_alloc of %llu bytes failed: %s", u->what, (unsigned long long)bytes,
                                why.message);
    }
    return true;
}

bool use_allocate(use *u)
{
    return allocate(u, u->in, u->n_in) && allocate(u, u->out, u->n_out);
}

static bool queue_copy(use *u, void *to, const void *from, uint64_t bytes, uint32_t direction)
{
    tn_error why = WHY;
    if (bytes == 0 ||
        u->device.plugin->memory_copy(u->device.handle, u->device.stream, to, from, bytes, direction, &why) == TN_OK)
        return true;
    return conform_fail(u->run, "%s: memory_copy of %llu bytes failed: %s", u->what, (unsigned long long)bytes,
                        why.message);
}

static bool prepare(use *u)
{
    tn_error why = WHY;
    for (int i = 0; i < u->n_in; i++)
        if (u->in[i].present && !queue_copy(u, u->in[i].memory, u->in[i].drawn, u->in[i].bytes, TN_COPY_TO_DEVICE))
            return false;
    for (int i = 0; i < u->n_out; i++)
        if (u->out[i].bytes && u->device.plugin->memory_fill(u->device.handle, u->device.stream, u->out[i].memory, 0xff,
                                                             u->out[i].bytes, &why) != TN_OK)
            return conform_fail(u->run, "%s: memory_fill failed: %s", u->what, why.message);
    return true;
}

static bool execute(use *u, const tn_plan *plan, int alias_out, int alias_in, void *workspace)
{
    void *in[USE_TENSORS], *out[USE_TENSORS];
    tn_error why = WHY;
    for (int i = 0; i < u->n_in; i++) in[i] = u->in[i].memory;
    for (int i = 0; i < u->n_out; i++) out[i] = i == alias_out ? in[alias_in] : u->out[i].memory;
    const tn_bindings bindings = {sizeof bindings, in, out, workspace};
    tn_status status = plan->execute(plan, u->device.stream, &bindings, &why);
    if (status == TN_OK) status = u->device.plugin->stream_sync(u->device.handle, u->device.stream, &why);
    return status == TN_OK || conform_fail(u->run, "%s: execute failed: %s", u->what, why.message);
}

/* All outputs, and all inputs but the one that an output lies on. */
static unsigned char *fetch(use *u, int alias_out, int alias_in, uint64_t *size)
{
    *size = 0;
    for (int i = 0; i < u->n_in; i++) *size += u->in[i].bytes;
    for (int i = 0; i < u->n_out; i++) *size += u->out[i].bytes;
    unsigned char *bytes = calloc(1, (size_t)*size + 1), *at = bytes;
    tn_error why = WHY;
    if (!bytes) error(TOOL_FAILED, errno, "no memory for an operator's results");
    bool ok = true;
    for (int i = 0; ok && i < u->n_out; at += u->out[i++].bytes)
        ok = queue_copy(u, at, i == alias_out ? u->in[alias_in].memory : u->out[i].memory, u->out[i].bytes,
                        TN_COPY_TO_HOST);
    for (int i = 0; ok && i < u->n_in; at += u->in[i++].bytes)
        ok = i == alias_in || queue_copy(u, at, u->in[i].memory, u->in[i].bytes, TN_COPY_TO_HOST);
    if (u->device.plugin->stream_sync(u->device.handle, u->device.stream, &why) != TN_OK)
        ok = conform_fail(u->run, "%s: stream_sync failed: %s", u->what, why.message);
    if (ok) return bytes;
    free(bytes);
    return NULL;
}

unsigned char *use_execute(use *u, const tn_plan *plan, int alias_out, int alias_in, uint64_t *size)
{
    const tn_plugin *plugin = u->device.plugin;
    void *workspace = NULL;
    tn_error why = WHY;
    if (plan->workspace_bytes &&
        plugin->memory_alloc(u->device.handle, TN_MEMORY_DEVICE, plan->workspace_bytes, &workspace, &why) != TN_OK) {
        conform_fail(u->run, "%s: no workspace of %llu bytes: %s", u->what, (unsigned long long)plan->workspace_bytes,
                     why.message);
        return NULL;
    }
    bool ok = use_allocate(u) && prepare(u) && execute(u, plan, alias_out, alias_in, workspace);
    unsigned char *bytes = ok ? fetch(u, alias_out, alias_in, size) : NULL;
    if (workspace) plugin->memory_free(u->device.handle, TN_MEMORY_DEVICE, workspace);
    return bytes;
}
