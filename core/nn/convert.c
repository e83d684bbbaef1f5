/* SPDX-License-Identifier: Apache-2.0
 *
 * module.to(dtype): everything is converted first, and only then put in place, so that a failure changes nothing. */
#include "nn/nn.h"

#include <stdlib.h>

/* The tensors to be replaced, and by what. */
typedef struct exchange {
    tn_tensor **old, **new;
    int n;
} exchange;

static bool may_be(tn_context *tn, tn_dtype dtype)
{
    if (dtype == TN_F32 || dtype == TN_F64) return true;
    if (dtype == TN_BF16 || dtype == TN_F16)
        tn_raise(tn, TN_UNSUPPORTED, "tn_nn_to: %s is reserved, no operator takes it yet; there are f32 and f64",
                 tn_dtype_name(dtype));
    else
        tn_raise(tn, TN_INVALID, "tn_nn_to: parameters can be f32 or f64, not %s", tn_dtype_name(dtype));
    return false;
}

static tn_tensor *replacement(const exchange *pairs, const tn_tensor *old)
{
    for (int i = 0; i < pairs->n; i++)
        if (pairs->old[i] == old) return pairs->new[i];
    return NULL;
}

/* Fills the pairs, in the present scope; without recording. */
static bool convert(tn_module *self, tn_dtype dtype, exchange *pairs)
{
    int count = tn_nn_state_count(self);
    for (int i = 0; i < count; i++) {
        tn_tensor *old = tn_nn_state(self, i, NULL, NULL);
        bool real = tn_dtype_of(old) == TN_F32 || tn_dtype_of(old) == TN_F64;
        if (!real || tn_dtype_of(old) == dtype || replacement(pairs, old)) continue;
        pairs->old[pairs->n] = old;
        pairs->new[pairs->n++] = tn_requires_grad(tn_cast(old, dtype), tn_has_requires_grad(old));
    }
    return tn_check(self->tn) == TN_OK;
}

static void put(tn_module *self, const exchange *pairs)
{
    for (int i = 0; i < self->n_slots; i++) {
        tn_nn_slot *slot = &self->slots[i];
        tn_tensor *new = slot->tensor ? replacement(pairs, slot->tensor) : NULL;
        if (slot->child) put(slot->child, pairs);
        if (!new) continue;
        tn_retain(new);
        tn_release(slot->tensor);
        slot->tensor = new;
        self->changes++;
        tn__nn_drop_state(self);
    }
}

tn_status tn_nn_to(tn_module *self, tn_dtype dtype)
{
    if (!self) return TN_INVALID;
    tn_context *tn = self->tn;
    if (tn_check(tn) != TN_OK || !may_be(tn, dtype)) return tn_check(tn);
    size_t count = (size_t)tn_nn_state_count(self) + 1;
    exchange pairs = {calloc(count, sizeof *pairs.old), calloc(count, sizeof *pairs.new), 0};
    tn_mark mark = tn_begin(tn);
    bool was = tn_set_grad_enabled(tn, false);
    if (!pairs.old || !pairs.new)
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory to convert it", self->type);
    else if (convert(self, dtype, &pairs))
        put(self, &pairs);
    tn_set_grad_enabled(tn, was);
    tn_end(tn, mark, NULL);
    free(pairs.old);
    free(pairs.new);
    return tn_check(tn);
}
