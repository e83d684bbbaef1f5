/* SPDX-License-Identifier: Apache-2.0
 *
 * BatchNorm2d. Parameters and buffers: C each, and the number of batches seen, a scalar. */
#include "nn/nn.h"

#include <inttypes.h>

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, NUM_BATCHES_TRACKED };

static const double momentum = 0.1, eps = 1e-5;

static void count_batch(tn_tensor *count)
{
    tn_copy_(count, tn_add_scalar(count, 1));
}

static tn_tensor *forward(tn_module *self, tn_tensor *x)
{
    if (self->training) count_batch(tn__nn_tensor(self, NUM_BATCHES_TRACKED));
    return tn_batch_norm2d(x, tn__nn_tensor(self, WEIGHT), tn__nn_tensor(self, BIAS), tn__nn_tensor(self, RUNNING_MEAN),
                           tn__nn_tensor(self, RUNNING_VAR), self->training, momentum, eps);
}

static void describe(const tn_module *self, FILE *out)
{
    fprintf(out, "%" PRId64 ", eps=1e-05, momentum=0.1, affine=True, track_running_stats=True",
            tn_numel(tn__nn_tensor(self, WEIGHT)));
}

static const tn_nn_kind kind = {"BatchNorm2d", forward, describe};

tn_module *tn_nn_batch_norm2d(tn_context *tn, int64_t channels)
{
    if (channels < 1) {
        tn_raise(tn, TN_INVALID, "BatchNorm2d: %" PRId64 " channels, there must be at least 1", channels);
        return NULL;
    }
    tn_module *self = tn__nn_make(tn, &kind, NULL, 0);
    if (!self) return NULL;
    tn_nn_add_parameter(self, "weight", tn_ones(tn, TN_F32, TN_SHAPE(channels)));
    tn_nn_add_parameter(self, "bias", tn_zeros(tn, TN_F32, TN_SHAPE(channels)));
    tn_nn_add_buffer(self, "running_mean", tn_zeros(tn, TN_F32, TN_SHAPE(channels)));
    tn_nn_add_buffer(self, "running_var", tn_ones(tn, TN_F32, TN_SHAPE(channels)));
    tn_nn_add_buffer(self, "num_batches_tracked", tn_zeros(tn, TN_I64, TN_SCALAR));
    return tn__nn_made(self);
}
