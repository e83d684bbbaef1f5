/* SPDX-License-Identifier: Apache-2.0
 *
 * The two MNIST models. x: N C H W, f32[N,1,28,28]; result: f32[N,10], logits. */
#include "nn/nn.h"

#include <string.h>

static tn_tensor *simplenet_forward(tn_module *self, tn_tensor *x)
{
    tn_module *fc1 = tn__nn_child(self, 0), *fc2 = tn__nn_child(self, 1);
    return tn_nn_forward(fc2, tn__nn_linear_relu(fc1, tn_flatten(x, 1, -1)));
}

static const tn_nn_kind simplenet = {"SimpleNet", simplenet_forward, NULL};

static void simplenet_fill(tn_module *self)
{
    tn_nn_add(self, "fc1", tn_nn_linear(self->tn, 784, 128, true));
    tn_nn_add(self, "fc2", tn_nn_linear(self->tn, 128, 10, true));
}

static tn_tensor *convnet_forward(tn_module *self, tn_tensor *x)
{
    tn_module *conv1 = tn__nn_child(self, 0), *conv2 = tn__nn_child(self, 1);
    tn_module *fc1 = tn__nn_child(self, 2), *fc2 = tn__nn_child(self, 3);
    x = tn__nn_conv2d_max_pool2d_relu(conv1, x, 2);
    x = tn__nn_conv2d_max_pool2d_relu(conv2, x, 2);
    return tn_nn_forward(fc2, tn__nn_linear_relu(fc1, tn_flatten(x, 1, -1)));
}

static const tn_nn_kind convnet = {"ConvNet", convnet_forward, NULL};

static void convnet_fill(tn_module *self)
{
    tn_nn_add(self, "conv1", tn_nn_conv2d(self->tn, 1, 32, 3, true, NULL));
    tn_nn_add(self, "conv2", tn_nn_conv2d(self->tn, 32, 64, 3, true, NULL));
    tn_nn_add(self, "fc1", tn_nn_linear(self->tn, 1600, 128, true));
    tn_nn_add(self, "fc2", tn_nn_linear(self->tn, 128, 10, true));
}

static const struct {
    const char *name;
    const tn_nn_kind *kind;
    void (*fill)(tn_module *self);
} models[] = {
    {"simplenet", &simplenet, simplenet_fill},
    {"convnet", &convnet, convnet_fill},
};

tn_module *tn_nn_model(tn_context *tn, const char *name)
{
    enum { COUNT = sizeof models / sizeof *models };
    char known[200] = "";
    for (int i = 0; i < COUNT; i++) {
        if (name && strcmp(models[i].name, name) == 0) {
            tn_module *self = tn__nn_make(tn, models[i].kind, NULL, 0);
            if (self) models[i].fill(self);
            return tn__nn_made(self);
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", models[i].name);
    }
    tn_raise(tn, TN_NOT_FOUND, "there is no model \"%s\"; there are: %s", name ? name : "", known);
    return NULL;
}
