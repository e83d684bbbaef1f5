/* SPDX-License-Identifier: Apache-2.0
 *
 * Reverse-mode differentiation: the walk back. Nodes are visited from the newest to the oldest, so a node's gradient is
 * complete when its turn comes. */
#include "engine/autograd.h"
#include "engine/recorder.h"

#include <stdlib.h>
#include <string.h>

typedef struct walk {
    tn_context *tn;
    tn_node **nodes;
    size_t n, room;
    bool retain_graph, create_graph;
    bool by_request; /* tn_grad_for: leaves accumulate nothing */
    bool held;       /* the nodes' owners */
} walk;

static bool push(walk *w, tn_node *node)
{
    if (node->pass == w->tn->pass) return true;
    if (w->n == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        tn_node **nodes = realloc(w->nodes, room * sizeof *nodes);
        if (!nodes) return false;
        w->nodes = nodes;
        w->room = room;
    }
    node->pass = w->tn->pass;
    node->needed = false;
    node->captured = false;
    w->nodes[w->n++] = node;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = (*(tn_node *const *)a)->sequence, y = (*(tn_node *const *)b)->sequence;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* All nodes that y depends on, newest first. The list is its own queue. */
static bool collect(walk *w, tn_tensor *y)
{
    w->tn->pass++;
    bool ok = push(w, y->node);
    for (size_t i = 0; ok && i < w->n; i++) {
        tn_node *node = w->nodes[i];
        if (node->freed) {
            tn_raise(w->tn, TN_INVALID,
                     "backward through %s, whose graph was freed by an earlier backward; ask that one to retain_graph",
                     node->op->name);
            return false;
        }
        for (int k = 0; ok && k < node->n_in; k++)
            if (tn__tracks(node->in[k])) ok = push(w, node->in[k]->node);
    }
    if (!ok)
        tn_raise(w->tn, TN_OUT_OF_MEMORY, "backward: no host memory for a list of %zu nodes", w->n);
    else
        qsort(w->nodes, w->n, sizeof *w->nodes, newest_first);
    return ok;
}

static bool unchanged(walk *w, const tn_node *node)
{
    for (int i = 0; i < node->n_in; i++)
        if (node->versions[i] != TN_WRITTEN && node->in[i]->storage->version != node->versions[i]) {
            tn_raise(w->tn, TN_INVALID,
                     "backward: input %d of %s (%s) was changed in place after it was used; clone it before writing", i,
                     node->op->name, TN_SHAPE_OF(node->in[i]));
            return false;
        }
    if (node->out[0]->storage->version == node->out_version) return true;
    tn_raise(w->tn, TN_INVALID, "backward: the result of %s (%s) was changed in place; clone it before writing",
             node->op->name, TN_SHAPE_OF(node->out[0]));
    return false;
}

/* *sum += dx, by making a new tensor: a gradient may be shared. */
static void add_to(tn_tensor **sum, tn_tensor *dx)
{
    tn_tensor *total = *sum ? tn_add(*sum, dx) : dx;
    if (tn_is_nil(total)) return;
    tn_retain(total);
    tn_release(*sum);
    *sum = total;
}

static void accumulate(walk *w, tn_node *leaf)
{
    tn_tensor *x = leaf->out[0];
    if (w->by_request) return;
    if (w->tn->recorder) tn__note_grad_used(x);
    if (tn__accumulates_in_place(x)) {
        tn_copy_(x->grad, tn_add(x->grad, leaf->dy));
        return;
    }
    /* What somebody else holds may be written in place later; expanded views have no memory of their own. */
    bool own = leaf->dy->refs == 1 && leaf->dy->storage->refs == 1 && tn__is_dense(&leaf->dy->desc);
    add_to(&x->grad, own || x->grad ? leaf->dy : tn_clone(leaf->dy));
}

/* Runs one operator's gradient and hands the results to its inputs' nodes. */
static bool step(walk *w, tn_node *node)
{
    enum { FEW = 16 };
    tn_tensor *few_results[FEW] = {0};
    bool few_wanted[FEW];
    bool many = node->n_in > FEW;
    tn_tensor **results = many ? calloc((size_t)node->n_in, sizeof *results) : few_results;
    bool *wanted = many ? calloc((size_t)node->n_in, sizeof *wanted) : few_wanted;
    bool ok = results && wanted;
    if (!ok) tn_raise(w->tn, TN_OUT_OF_MEMORY, "backward: no host memory for %d gradients", node->n_in);
    for (int i = 0; ok && i < node->n_in; i++) wanted[i] = tn__tracks(node->in[i]) && node->in[i]->node->needed;
    if (ok) {
        tn_grad g = {.ctx = w->tn,
                     .attrs = node->attrs,
                     .dy = node->dy,
                     .in = node->in,
                     .out = node->out,
                     .n_in = node->n_in,
                     .create_graph = w->create_graph,
                     .result = results,
                     .wanted = wanted};
        node->op->grad(&g);
        ok = tn_check(w->tn) == TN_OK;
    }
    for (int i = 0; ok && i < node->n_in; i++)
        if (wanted[i] && results[i]) add_to(&node->in[i]->node->dy, results[i]);
    if (many) {
        free(results);
        free(wanted);
    }
    return ok && tn_check(w->tn) == TN_OK;
}

static void free_graph(tn_node *node)
{
    for (int i = 0; i < node->n_in; i++) {
        tn_tensor *x = node->in[i];
        node->in[i] = NULL;
        tn_release(x);
    }
    for (int i = 1; i < node->n_out; i++) tn_release(node->out[i]);
    node->n_in = 0;
    node->n_out = 1;
    node->freed = true;
}

static bool visit(walk *w, tn_node *node)
{
    if (!node->dy || !node->needed) return true;
    if (!node->op) {
        accumulate(w, node);
        return tn_check(w->tn) == TN_OK;
    }
    if (!unchanged(w, node)) return false;
    tn_mark mark = tn_begin(w->tn);
    bool ok = step(w, node);
    tn_end(w->tn, mark, NULL);
    return ok;
}

/* A node is needed if it is wanted itself or one of its inputs' nodes is; inputs are older. */
static void mark_needed(walk *w)
{
    for (size_t i = w->n; i-- > 0;) {
        tn_node *node = w->nodes[i];
        node->needed = w->by_request ? node->captured : !node->op;
        for (int k = 0; k < node->n_in; k++)
            if (tn__tracks(node->in[k])) node->needed |= node->in[k]->node->needed;
    }
}

/* Walks the collected nodes. Their owners are held, since freeing a newer node may free an older one's tensor. */
static bool walk_back(walk *w, tn_tensor *y, tn_tensor *dy)
{
    tn_context *tn = w->tn;
    bool recording = tn_set_grad_enabled(tn, w->create_graph);
    for (size_t i = 0; i < w->n; i++) tn_retain(w->nodes[i]->out[0]);
    w->held = true;
    mark_needed(w);
    y->node->dy = tn_retain(dy);
    bool ok = true;
    for (size_t i = 0; i < w->n; i++) {
        tn_node *node = w->nodes[i];
        ok = ok && visit(w, node);
        if (!node->captured) {
            tn_release(node->dy);
            node->dy = NULL;
        }
        if (ok && node->op && !w->retain_graph) free_graph(node);
    }
    tn_set_grad_enabled(tn, recording);
    return ok;
}

static void walk_end(walk *w)
{
    for (size_t i = 0; w->held && i < w->n; i++) {
        tn_node *node = w->nodes[i];
        tn_release(node->dy);
        node->dy = NULL;
        tn_release(node->out[0]);
    }
    free(w->nodes);
}

/* The gradient to start from: dy, or 1 for a scalar; nil after raising. */
static tn_tensor *start(tn_tensor *y, tn_tensor *dy)
{
    tn_context *tn = y->ctx;
    if (!y->requires_grad)
        return tn_raise(tn, TN_INVALID,
                        "backward: y (%s) depends on no tensor that requires a gradient, or was computed while "
                        "gradients were disabled",
                        TN_SHAPE_OF(y));
    if (!dy && tn_numel(y) != 1)
        return tn_raise(tn, TN_INVALID, "backward: y must have one element, but has shape %s; reduce it, or give dy",
                        TN_SHAPE_OF(y));
    if (!dy) return tn_ones_like(y);
    if (tn_is_nil(dy)) return dy;
    if (dy->desc.rank != y->desc.rank || memcmp(dy->desc.dims, y->desc.dims, sizeof y->desc.dims) != 0)
        return tn_raise(tn, TN_INVALID, "backward: dy has shape %s, y has %s", TN_SHAPE_OF(dy), TN_SHAPE_OF(y));
    return dy;
}

tn_status tn_backward(tn_tensor *y)
{
    tn_context *tn = y->ctx;
    if (tn_is_nil(y)) return tn_check(tn);
    tn_mark mark = tn_begin(tn);
    tn_tensor *dy = start(y, NULL);
    walk w = {.tn = tn};
    if (!tn_is_nil(dy)) {
        if (collect(&w, y)) walk_back(&w, y, dy);
        walk_end(&w);
    }
    tn_end(tn, mark, NULL);
    return tn_check(tn);
}

/* Marks the wanted nodes; false after raising. */
static bool capture(walk *w, int n, tn_tensor *const *xs)
{
    for (int i = 0; i < n; i++) {
        if (tn_is_nil(xs[i])) return false;
        if (!xs[i]->requires_grad || xs[i]->node->pass != w->tn->pass) {
            tn_raise(w->tn, TN_INVALID, "gradient by request: y does not depend on x[%d] (%s)", i, TN_SHAPE_OF(xs[i]));
            return false;
        }
        xs[i]->node->captured = true;
    }
    return true;
}

/* A gradient is made in a scope that has ended: the caller's takes it over. */
static tn_tensor *adopt(tn_tensor *dx)
{
    if (!dx->scope) tn__scope_add(dx->ctx, tn_retain(dx));
    return dx;
}

tn_status tn_grad_for(tn_tensor *y, tn_tensor *dy, int n, tn_tensor *const *xs, tn_tensor **grads, bool retain_graph,
                      bool create_graph)
{
    tn_context *tn = y->ctx;
    for (int i = 0; i < n; i++) grads[i] = tn__nil(tn);
    if (tn_is_nil(y)) return tn_check(tn);
    dy = start(y, dy);
    if (tn_is_nil(dy)) return tn_check(tn);
    walk w = {.tn = tn, .by_request = true, .create_graph = create_graph, .retain_graph = retain_graph || create_graph};
    if (collect(&w, y) && capture(&w, n, xs) && walk_back(&w, y, dy))
        for (int i = 0; i < n; i++) {
            tn_tensor *dx = xs[i]->node->dy;
            grads[i] = dx ? adopt(dx) : tn_zeros_like(xs[i]);
        }
    walk_end(&w);
    return tn_check(tn);
}
