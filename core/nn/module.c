/* SPDX-License-Identifier: Apache-2.0
 *
 * The module tree: making modules, giving them parameters, buffers and children, running them. */
#include "nn/nn.h"

#include <stdlib.h>
#include <string.h>

static void release(void *object)
{
    tn_module *self = object;
    tn__nn_drop_state(self);
    for (int i = 0; i < self->n_slots; i++) {
        tn_release(self->slots[i].tensor);
        free(self->slots[i].name);
    }
    if (self->owns_data) free(self->data);
    free(self->slots);
    free(self->type);
    free(self);
}

static tn_module *make(tn_context *tn, const char *type, tn_forward_fn forward, void *data)
{
    if (tn_check(tn) != TN_OK) return NULL;
    tn_module *self = calloc(1, sizeof *self);
    if (self) self->type = strdup(type);
    if (!self || !self->type) {
        free(self);
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory for a module", type);
        return NULL;
    }
    self->tn = tn;
    self->forward = forward;
    self->data = data;
    self->training = true;
    self->state_changes = -1;
    tn_on_close(tn, release, self);
    return self;
}

tn_module *tn__nn_make(tn_context *tn, const tn_nn_kind *kind, const void *attributes, size_t bytes)
{
    tn_module *self = make(tn, kind->type, kind->forward, NULL);
    if (!self) return NULL;
    self->describe = kind->describe;
    if (bytes == 0) return self;
    self->data = malloc(bytes);
    self->owns_data = true;
    if (!self->data) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory for a module", kind->type);
        return NULL;
    }
    memcpy(self->data, attributes, bytes);
    return self;
}

tn_module *tn__nn_made(tn_module *self)
{
    return self && tn_check(self->tn) == TN_OK ? self : NULL;
}

tn_module *tn_nn_module(tn_context *tn, const char *type, tn_forward_fn forward, void *data)
{
    if (!type || !forward) {
        tn_raise(tn, TN_INVALID, "tn_nn_module: %s is NULL", type ? "forward" : "type");
        return NULL;
    }
    return make(tn, type, forward, data);
}

/* ---- slots */

static tn_nn_slot *find(const tn_module *self, const char *name)
{
    for (int i = 0; i < self->n_slots; i++)
        if (strcmp(self->slots[i].name, name) == 0) return &self->slots[i];
    return NULL;
}

static bool good_name(const tn_module *self, const char *name)
{
    if (!name || !*name || strchr(name, '.')) {
        tn_raise(self->tn, TN_INVALID, "%s: \"%s\" cannot be a name: it is empty or has a dot", self->type,
                 name ? name : "");
        return false;
    }
    if (find(self, name)) {
        tn_raise(self->tn, TN_INVALID, "%s has a \"%s\" already", self->type, name);
        return false;
    }
    return true;
}

/* A new slot at the end; NULL after raising. */
static tn_nn_slot *add_slot(tn_module *self, const char *name, int what)
{
    if (!good_name(self, name)) return NULL;
    tn_nn_slot *grown = realloc(self->slots, (size_t)(self->n_slots + 1) * sizeof *grown);
    if (grown) self->slots = grown;
    char *copy = strdup(name);
    if (!grown || !copy) {
        free(copy);
        tn_raise(self->tn, TN_OUT_OF_MEMORY, "%s: no memory for \"%s\"", self->type, name);
        return NULL;
    }
    tn_nn_slot *slot = &self->slots[self->n_slots++];
    *slot = (tn_nn_slot){.name = copy, .what = what};
    self->changes++;
    return slot;
}

static tn_tensor *add_tensor(tn_module *self, const char *name, int what, tn_tensor *value)
{
    if (!self) return value;
    if (!value || tn_context_of(value) != self->tn)
        return tn_raise(self->tn, TN_INVALID, "%s: the value of \"%s\" %s", self->type, name ? name : "",
                        value ? "belongs to another context" : "is NULL");
    if (what == TN_NN_PARAMETER) value = tn_requires_grad(value, true);
    tn_nn_slot *slot = tn_is_nil(value) ? NULL : add_slot(self, name, what);
    if (!slot) return tn_raise(self->tn, TN_INVALID, "%s: \"%s\" was not added", self->type, name ? name : "");
    slot->tensor = tn_retain(value);
    return value;
}

tn_tensor *tn_nn_add_parameter(tn_module *self, const char *name, tn_tensor *value)
{
    return add_tensor(self, name, TN_NN_PARAMETER, value);
}

tn_tensor *tn_nn_add_buffer(tn_module *self, const char *name, tn_tensor *value)
{
    return add_tensor(self, name, TN_NN_BUFFER, value);
}

void tn__nn_add_uniform(tn_module *self, const char *name, double bound, int rank, const int64_t *dims)
{
    tn_nn_add_parameter(self, name, tn_uniform(self->tn, TN_F32, -bound, bound, rank, dims));
}

static bool contains(const tn_module *tree, const tn_module *wanted)
{
    if (tree == wanted) return true;
    for (int i = 0; i < tree->n_slots; i++)
        if (tree->slots[i].child && contains(tree->slots[i].child, wanted)) return true;
    return false;
}

tn_module *tn_nn_add(tn_module *self, const char *name, tn_module *child)
{
    if (!self || !child) {
        if (self) tn_raise(self->tn, TN_INVALID, "%s: the child \"%s\" is NULL", self->type, name ? name : "");
        return NULL;
    }
    if (child->tn != self->tn || contains(child, self)) {
        tn_raise(self->tn, TN_INVALID, "%s cannot have the child \"%s\": %s", self->type, name ? name : "",
                 child->tn != self->tn ? "it belongs to another context" : "the module would contain itself");
        return NULL;
    }
    tn_nn_slot *slot = add_slot(self, name, TN_NN_CHILD);
    if (!slot) return NULL;
    slot->child = child;
    return child;
}

tn_module *tn_nn_child(tn_module *self, const char *name)
{
    tn_nn_slot *slot = self && name ? find(self, name) : NULL;
    return slot ? slot->child : NULL;
}

tn_tensor *tn__nn_tensor(const tn_module *self, int i)
{
    return i < self->n_slots ? self->slots[i].tensor : NULL;
}

tn_module *tn__nn_child(const tn_module *self, int i)
{
    return i < self->n_slots ? self->slots[i].child : NULL;
}

int64_t tn__nn_changes(const tn_module *self)
{
    int64_t changes = self->changes;
    for (int i = 0; i < self->n_slots; i++)
        if (self->slots[i].child) changes += tn__nn_changes(self->slots[i].child);
    return changes;
}

/* ---- use */

tn_tensor *tn_nn_forward(tn_module *self, tn_tensor *x)
{
    if (!self) return tn_raise(tn_context_of(x), TN_INVALID, "tn_nn_forward: the module is NULL");
    if (!x) return tn_raise(self->tn, TN_INVALID, "%s: the input is NULL", self->type);
    if (tn_is_nil(x)) return x;
    if (tn_context_of(x) != self->tn)
        return tn_raise(self->tn, TN_INVALID, "%s: the input belongs to another context", self->type);
    return self->forward(self, x);
}

void tn_nn_train(tn_module *self, bool training)
{
    if (!self) return;
    self->training = training;
    for (int i = 0; i < self->n_slots; i++) tn_nn_train(self->slots[i].child, training);
}

bool tn_nn_is_training(const tn_module *self)
{
    return self && self->training;
}

tn_context *tn_nn_context(const tn_module *self)
{
    return self ? self->tn : NULL;
}

const char *tn_nn_type(const tn_module *self)
{
    return self ? self->type : "";
}

void *tn_nn_data(tn_module *self)
{
    return self ? self->data : NULL;
}
