/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints a module tree as PyTorch does. */
#include "nn/nn.h"

static int count_children(const tn_module *self)
{
    int n = 0;
    for (int i = 0; i < self->n_slots; i++) n += self->slots[i].child != NULL;
    return n;
}

static void print(const tn_module *self, int indent, FILE *out)
{
    int children = count_children(self);
    fprintf(out, "%s(", self->type);
    if (self->describe) self->describe(self, out);
    for (int i = 0; i < self->n_slots; i++) {
        const tn_nn_slot *slot = &self->slots[i];
        if (!slot->child) continue;
        fprintf(out, "\n%*s(%s): ", indent + 2, "", slot->name);
        print(slot->child, indent + 2, out);
    }
    if (children > 0) fprintf(out, "\n%*s", indent, "");
    fputc(')', out);
}

void tn_nn_print(tn_module *self)
{
    if (!self) return;
    print(self, 0, stdout);
    putchar('\n');
}
