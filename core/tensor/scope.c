/* SPDX-License-Identifier: Apache-2.0
 *
 * Scopes own the tensors made inside them; references keep a tensor beyond its scope. */
#include "tensor/tensor.h"

#include <stdlib.h>

void tn__scope_add(tn_context *tn, tn_tensor *x)
{
    tn_scope *scope = tn->scope;
    x->scope = scope;
    x->prev = NULL;
    x->next = scope->first;
    if (scope->first) scope->first->prev = x;
    scope->first = x;
}

static void scope_remove(tn_tensor *x)
{
    if (x->prev)
        x->prev->next = x->next;
    else
        x->scope->first = x->next;
    if (x->next) x->next->prev = x->prev;
    x->scope = NULL;
    x->prev = x->next = NULL;
}

tn_tensor *tn_retain(tn_tensor *x)
{
    if (x && !tn_is_nil(x)) x->refs++;
    return x;
}

/* Freeing a tensor may drop the last reference to others, along a graph of any length: so no recursion. */
void tn_release(tn_tensor *x)
{
    if (!x || tn_is_nil(x) || --x->refs > 0) return;
    tn_context *tn = x->ctx;
    x->next = tn->dying;
    tn->dying = x;
    if (tn->reaping) return;
    tn->reaping = true;
    while ((x = tn->dying)) {
        tn->dying = x->next;
        tn__free(x);
    }
    tn->reaping = false;
}

tn_mark tn_begin(tn_context *tn)
{
    tn_scope *scope = malloc(sizeof *scope);
    if (!scope) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "tn_begin: no memory for a scope");
        return (tn_mark){0};
    }
    *scope = (tn_scope){.parent = tn->scope, .depth = tn->scope->depth + 1};
    tn->scope = scope;
    return (tn_mark){scope->depth};
}

static void pop(tn_context *tn)
{
    tn_scope *scope = tn->scope;
    while (scope->first) {
        tn_tensor *x = scope->first;
        scope_remove(x);
        tn_release(x);
    }
    if (scope == &tn->outermost) return;
    tn->scope = scope->parent;
    free(scope);
}

/* Inner scopes that were left open (a return in the middle) end with the one marked. */
void tn_end(tn_context *tn, tn_mark mark, ...)
{
    if (mark.scope <= 1 || mark.scope > tn->scope->depth) return;
    tn_scope *marked = tn->scope;
    while (marked->depth > mark.scope) marked = marked->parent;

    tn_scope *inner = tn->scope;
    va_list args;
    va_start(args, mark);
    for (tn_tensor *x; (x = va_arg(args, tn_tensor *));) {
        if (!x->scope || x->scope->depth < mark.scope) continue;
        scope_remove(x);
        tn->scope = marked->parent;
        tn__scope_add(tn, x);
        tn->scope = inner;
    }
    va_end(args);
    while (tn->scope->depth >= mark.scope) pop(tn);
}

void tn__scopes_close(tn_context *tn)
{
    while (tn->scope != &tn->outermost) pop(tn);
    pop(tn);
}
