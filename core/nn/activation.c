/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers without state: ReLU and Flatten. */
#include "nn/nn.h"

static tn_tensor *relu(tn_module *self, tn_tensor *x)
{
    (void)self;
    return tn_relu(x);
}

static tn_tensor *flatten(tn_module *self, tn_tensor *x)
{
    (void)self;
    return tn_flatten(x, 1, -1);
}

static void describe_flatten(const tn_module *self, FILE *out)
{
    (void)self;
    fputs("start_dim=1, end_dim=-1", out);
}

static const tn_nn_kind relu_kind = {"ReLU", relu, NULL};
static const tn_nn_kind flatten_kind = {"Flatten", flatten, describe_flatten};

tn_module *tn_nn_relu(tn_context *tn)
{
    return tn__nn_make(tn, &relu_kind, NULL, 0);
}

tn_module *tn_nn_flatten(tn_context *tn)
{
    return tn__nn_make(tn, &flatten_kind, NULL, 0);
}
