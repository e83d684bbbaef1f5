/* SPDX-License-Identifier: Apache-2.0
 *
 * Recording: the nodes of the graph, leaves and their gradients. */
#include "engine/autograd.h"

#include "engine/recorder.h"
#include "ops/schema.h"

#include <stdlib.h>
#include <string.h>

void tn__node_free(tn_node *node)
{
    if (!node) return;
    for (int i = 0; node->in && i < node->n_in; i++) tn_release(node->in[i]);
    for (int i = 1; i < node->n_out; i++) tn_release(node->out[i]);
    tn_release(node->dy);
    free(node->in);
    free(node->versions);
    free(node->attrs);
    free(node);
}

static tn_node *node_new(const tn_op *op, const void *attrs, size_t attrs_size, int n_in)
{
    tn_node *node = calloc(1, sizeof *node);
    if (!node) return NULL;
    node->op = op;
    node->in = calloc((size_t)n_in, sizeof *node->in);
    node->versions = calloc((size_t)n_in, sizeof *node->versions);
    node->attrs = attrs_size ? malloc(attrs_size) : NULL;
    if (!node->in || !node->versions || (attrs_size && !node->attrs)) {
        tn__node_free(node);
        return NULL;
    }
    if (attrs_size) memcpy(node->attrs, attrs, attrs_size);
    return node;
}

static bool is_real(const tn_tensor *x)
{
    return x->desc.dtype == TN_F32 || x->desc.dtype == TN_F64;
}

static bool writes(const tn_schema *schema, int n_in, int i)
{
    return schema && schema->in[tn__schema_arg_index(schema, n_in, i)].in_place;
}

bool tn__record(tn_context *tn, const tn_op *op, const void *attrs, size_t attrs_size, int n_in, tn_tensor *const *in,
                int n_out, tn_tensor **out)
{
    bool tracked = false;
    for (int i = 0; i < n_in; i++) tracked |= tn__tracks(in[i]);
    if (!tracked || !tn->grad_enabled || !op->grad || n_out == 0 || !is_real(out[0])) return true;

    tn_node *node = node_new(op, attrs, attrs_size, n_in);
    if (!node) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no host memory to record it", op->name);
        return false;
    }
    const tn_schema *schema = tn__op_schema(op);
    node->sequence = ++tn->sequence;
    node->n_in = n_in;
    node->n_out = n_out;
    for (int i = 0; i < n_in; i++) {
        node->in[i] = tn_retain(in[i]);
        node->versions[i] = in[i] && !writes(schema, n_in, i) ? in[i]->storage->version : TN_WRITTEN;
    }
    for (int i = 0; i < n_out; i++) node->out[i] = i ? tn_retain(out[i]) : out[i];
    node->out_version = out[0]->storage->version;
    out[0]->node = node;
    out[0]->requires_grad = true;
    return true;
}

bool tn__may_write(tn_tensor *x, const char *what)
{
    tn_context *tn = x->ctx;
    if (!x->requires_grad || !tn->grad_enabled) return true; /* backward notices a change by the version */
    tn_raise(tn, TN_INVALID,
             !x->node->op
                 ? "%s: x is a leaf that requires a gradient (x: %s); write to it with gradients disabled "
                   "(tn_set_grad_enabled) or to tn_detach(x)"
                 : "%s: x is part of a recorded graph (x: %s), so writing to it would falsify its gradient; write to "
                   "tn_clone(x) or tn_detach(x)",
             what, TN_SHAPE_OF(x));
    return false;
}

tn_tensor *tn_requires_grad(tn_tensor *x, bool on)
{
    if (tn_is_nil(x)) return x;
    if (x->node && x->node->op)
        return tn_raise(x->ctx, TN_INVALID, "requires_grad can be set on leaves only; x (%s) was made by %s",
                        TN_SHAPE_OF(x), x->node->op->name);
    if (on && !is_real(x))
        return tn_raise(x->ctx, TN_INVALID, "only f32 and f64 tensors can require a gradient; x is %s",
                        tn_dtype_name(x->desc.dtype));
    if (on && !x->node && !(x->node = calloc(1, sizeof *x->node)))
        return tn_raise(x->ctx, TN_OUT_OF_MEMORY, "no host memory for a leaf");
    if (on) x->node->out[0] = x;
    x->requires_grad = on;
    return x;
}

bool tn_has_requires_grad(const tn_tensor *x)
{
    return x->requires_grad;
}

bool tn_has_grad(const tn_tensor *x)
{
    if (x->ctx->recorder) tn__note_grad_used((tn_tensor *)x);
    return x->grad != NULL;
}

tn_tensor *tn_grad_of(tn_tensor *x)
{
    if (x->ctx->recorder) tn__note_grad_used(x);
    return x->grad ? x->grad : tn__nil(x->ctx);
}

void tn_set_grad(tn_tensor *x, tn_tensor *grad)
{
    if (tn_is_nil(x) || (grad && tn_is_nil(grad))) return;
    if (grad && (grad->desc.dtype != x->desc.dtype || grad->desc.rank != x->desc.rank ||
                 memcmp(grad->desc.dims, x->desc.dims, sizeof x->desc.dims) != 0)) {
        tn_raise(x->ctx, TN_INVALID, "the gradient of a tensor of shape %s cannot have shape %s", TN_SHAPE_OF(x),
                 TN_SHAPE_OF(grad));
        return;
    }
    if (x->ctx->recorder) tn__note_grad_set(x);
    tn_retain(grad);
    tn_release(x->grad);
    x->grad = grad;
}

bool tn_set_grad_enabled(tn_context *tn, bool on)
{
    bool was = tn->grad_enabled;
    tn->grad_enabled = on;
    return was;
}
