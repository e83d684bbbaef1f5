/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout: in training, elements are zeroed with probability p and the others scaled by 1 / (1 - p). */
#include "nn/nn.h"

static tn_tensor *forward(tn_module *self, tn_tensor *x)
{
    const double *p = self->data;
    return tn_dropout(x, *p, self->training);
}

static void describe(const tn_module *self, FILE *out)
{
    const double *p = self->data;
    fprintf(out, "p=%g, inplace=False", *p);
}

static const tn_nn_kind kind = {"Dropout", forward, describe};

tn_module *tn_nn_dropout(tn_context *tn, double p)
{
    if (!(p >= 0 && p < 1)) {
        tn_raise(tn, TN_INVALID, "Dropout: p is %g, it must be at least 0 and below 1", p);
        return NULL;
    }
    return tn__nn_make(tn, &kind, &p, sizeof p);
}
