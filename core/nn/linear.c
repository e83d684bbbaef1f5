/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear. weight: out, in; bias: out. Both start from U(-1/sqrt(in), 1/sqrt(in)). */
#include "nn/nn.h"

#include <inttypes.h>
#include <math.h>

enum { WEIGHT, BIAS };

static tn_tensor *forward(tn_module *self, tn_tensor *x)
{
    return tn_linear(x, tn__nn_tensor(self, WEIGHT), tn__nn_tensor(self, BIAS));
}

tn_tensor *tn__nn_linear_relu(tn_module *self, tn_tensor *x)
{
    return tn_linear_relu(x, tn__nn_tensor(self, WEIGHT), tn__nn_tensor(self, BIAS));
}

static void describe(const tn_module *self, FILE *out)
{
    const tn_tensor *weight = tn__nn_tensor(self, WEIGHT);
    fprintf(out, "in_features=%" PRId64 ", out_features=%" PRId64 ", bias=%s", tn_dim(weight, 1), tn_dim(weight, 0),
            tn__nn_tensor(self, BIAS) ? "True" : "False");
}

static const tn_nn_kind kind = {"Linear", forward, describe};

tn_module *tn_nn_linear(tn_context *tn, int64_t in, int64_t out, bool bias)
{
    if (in < 1 || out < 1) {
        tn_raise(tn, TN_INVALID, "Linear: %" PRId64 " features in and %" PRId64 " out, both must be at least 1", in,
                 out);
        return NULL;
    }
    tn_module *self = tn__nn_make(tn, &kind, NULL, 0);
    if (!self) return NULL;
    double bound = 1 / sqrt((double)in);
    tn__nn_add_uniform(self, "weight", bound, TN_SHAPE(out, in));
    if (bias) tn__nn_add_uniform(self, "bias", bound, TN_SHAPE(out));
    return tn__nn_made(self);
}
