/* SPDX-License-Identifier: Apache-2.0
 *
 * Sequential: its children, named "0", "1", ..., one after the other. */
#include "nn/nn.h"

#include <stdarg.h>

static tn_tensor *forward(tn_module *self, tn_tensor *x)
{
    for (int i = 0; i < self->n_slots; i++)
        if (self->slots[i].child) x = tn_nn_forward(self->slots[i].child, x);
    return x;
}

static const tn_nn_kind kind = {"Sequential", forward, NULL};

tn_module *tn_nn_sequential(tn_context *tn, ...)
{
    tn_module *self = tn__nn_make(tn, &kind, NULL, 0), *child;
    if (!self) return NULL;
    va_list children;
    va_start(children, tn);
    for (int i = 0; (child = va_arg(children, tn_module *)); i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        tn_nn_add(self, name, child);
    }
    va_end(children);
    return tn__nn_made(self);
}
