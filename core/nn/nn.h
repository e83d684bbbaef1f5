/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to core/nn: what a module is. A module holds its parameters, buffers and children in slots, in the order in
 * which they were added; a layer finds its own by that order. */
#ifndef TENON_NN_H
#define TENON_NN_H

#include "tenon.h"

/* What a layer does. */
typedef struct tn_nn_kind {
    const char *type; /* "Linear" */
    tn_forward_fn forward;
    void (*describe)(const tn_module *self, FILE *out); /* what PyTorch prints in the parentheses; NULL: nothing */
} tn_nn_kind;

enum { TN_NN_PARAMETER, TN_NN_BUFFER, TN_NN_CHILD };

typedef struct tn_nn_slot {
    char *name;
    int what;          /* TN_NN_PARAMETER ... */
    tn_tensor *tensor; /* retained */
    tn_module *child;
} tn_nn_slot;

/* One entry of the flattened state. */
typedef struct tn_nn_entry {
    char *name; /* "features.0.weight" */
    tn_tensor *tensor;
    bool is_parameter;
} tn_nn_entry;

struct tn_module {
    tn_context *tn;
    char *type;
    tn_forward_fn forward;
    void (*describe)(const tn_module *self, FILE *out);
    void *data; /* of a layer: its attributes, owned; of a user-defined module: the user's */
    bool owns_data;
    bool training;
    tn_nn_slot *slots;
    int n_slots;
    int64_t changes; /* of slots: each adding, each replacing */
    /* The flattened state, kept for as long as no module below changes. */
    tn_nn_entry *state;
    int n_state;
    int64_t state_changes; /* tn__nn_changes when it was flattened; -1: it is not */
};

/* A layer without slots. `bytes` of attributes are copied to its data. NULL, after raising, if there is no memory or
 * an error is pending. */
tn_module *tn__nn_make(tn_context *tn, const tn_nn_kind *kind, const void *attributes, size_t bytes);
/* self, or NULL if an error is pending: the last line of a constructor that has added slots. */
tn_module *tn__nn_made(tn_module *self);
/* A parameter from U(-bound, bound). */
void tn__nn_add_uniform(tn_module *self, const char *name, double bound, int rank, const int64_t *dims);
/* The tensor or the child in slot i; NULL if there is no such slot. */
tn_tensor *tn__nn_tensor(const tn_module *self, int i);
tn_module *tn__nn_child(const tn_module *self, int i);
/* Changes of the module and all its descendants: grows with each. */
int64_t tn__nn_changes(const tn_module *self);
/* Forgets the flattened state. */
void tn__nn_drop_state(tn_module *self);

/* relu(linear(x)), and relu(max_pool2d(conv(x))) with windows of kernel x kernel, by the fused operators; for layers made
 * by tn_nn_linear and tn_nn_conv2d. */
tn_tensor *tn__nn_linear_relu(tn_module *linear, tn_tensor *x);
tn_tensor *tn__nn_conv2d_max_pool2d_relu(tn_module *conv, tn_tensor *x, int64_t kernel);

#endif
