/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of a module tree, flattened as PyTorch's state_dict does: a module's parameters, then its buffers, then
 * its children, each in the order of their adding. */
#include "nn/nn.h"

#include <stdlib.h>
#include <string.h>

void tn__nn_drop_state(tn_module *self)
{
    for (int i = 0; i < self->n_state; i++) free(self->state[i].name);
    free(self->state);
    self->state = NULL;
    self->n_state = 0;
    self->state_changes = -1;
}

static bool flatten(tn_module *into, const tn_module *self, const char *prefix);

static bool add_entry(tn_module *into, const tn_nn_slot *slot, const char *prefix)
{
    char *name;
    if (asprintf(&name, "%s%s", prefix, slot->name) < 0) return false;
    into->state[into->n_state++] = (tn_nn_entry){name, slot->tensor, slot->what == TN_NN_PARAMETER};
    return true;
}

static bool add_child(tn_module *into, const tn_nn_slot *slot, const char *prefix)
{
    char *name;
    if (asprintf(&name, "%s%s.", prefix, slot->name) < 0) return false;
    bool done = flatten(into, slot->child, name);
    free(name);
    return done;
}

static bool flatten(tn_module *into, const tn_module *self, const char *prefix)
{
    static const int order[] = {TN_NN_PARAMETER, TN_NN_BUFFER, TN_NN_CHILD};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < self->n_slots; i++) {
            const tn_nn_slot *slot = &self->slots[i];
            if (slot->what != order[k]) continue;
            if (!(slot->child ? add_child(into, slot, prefix) : add_entry(into, slot, prefix))) return false;
        }
    return true;
}

static bool refresh(tn_module *self)
{
    int64_t changes = tn__nn_changes(self);
    if (self->state_changes == changes) return true;
    tn__nn_drop_state(self);
    self->state = calloc((size_t)changes + 1, sizeof *self->state); /* at most: each slot was added by one */
    if (!self->state || !flatten(self, self, "")) {
        tn__nn_drop_state(self);
        tn_raise(self->tn, TN_OUT_OF_MEMORY, "%s: no memory for the names of its state", self->type);
        return false;
    }
    self->state_changes = changes;
    return true;
}

int tn_nn_state_count(tn_module *self)
{
    return self && refresh(self) ? self->n_state : 0;
}

tn_tensor *tn_nn_state(tn_module *self, int i, const char **name, bool *is_parameter)
{
    int count = tn_nn_state_count(self);
    if (name) *name = "";
    if (is_parameter) *is_parameter = false;
    if (!self) return NULL;
    if (i < 0 || i >= count)
        return tn_raise(self->tn, TN_INVALID, "%s: there is no state %d, it has %d", self->type, i, count);
    if (name) *name = self->state[i].name;
    if (is_parameter) *is_parameter = self->state[i].is_parameter;
    return self->state[i].tensor;
}

tn_tensor *tn_nn_get(tn_module *self, const char *name)
{
    int count = tn_nn_state_count(self);
    for (int i = 0; i < count && name; i++)
        if (strcmp(self->state[i].name, name) == 0) return self->state[i].tensor;
    return NULL;
}
