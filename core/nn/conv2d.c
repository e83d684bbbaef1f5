/* SPDX-License-Identifier: Apache-2.0
 *
 * Conv2d. weight: out, in / groups, kernel, kernel; bias: out. Both start from U(-1/sqrt(n), 1/sqrt(n)), where n is
 * the number of inputs of one output. */
#include "nn/nn.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { WEIGHT, BIAS };

static tn_tensor *forward(tn_module *self, tn_tensor *x)
{
    return tn_conv2d(x, tn__nn_tensor(self, WEIGHT), tn__nn_tensor(self, BIAS), self->data);
}

tn_tensor *tn__nn_conv2d_max_pool2d_relu(tn_module *self, tn_tensor *x, int64_t kernel)
{
    const tn_conv2d_attrs *how = self->data;
    return tn_conv2d_max_pool2d_relu(x, tn__nn_tensor(self, WEIGHT), tn__nn_tensor(self, BIAS),
                                     TN_CONV2D_MAX_POOL2D_RELU(.stride = {how->stride[0], how->stride[1]},
                                                               .padding = {how->padding[0], how->padding[1]},
                                                               .dilation = {how->dilation[0], how->dilation[1]},
                                                               .groups = how->groups, .pool_kernel = {kernel, kernel}));
}

static void describe_pair(FILE *out, const char *name, const int64_t pair[2])
{
    fprintf(out, ", %s=(%" PRId64 ", %" PRId64 ")", name, pair[0], pair[1]);
}

static bool is(const int64_t pair[2], int64_t value)
{
    return pair[0] == value && pair[1] == value;
}

static void describe(const tn_module *self, FILE *out)
{
    const tn_conv2d_attrs *how = self->data;
    const tn_tensor *weight = tn__nn_tensor(self, WEIGHT);
    fprintf(out, "%" PRId64 ", %" PRId64, tn_dim(weight, 1) * how->groups, tn_dim(weight, 0));
    describe_pair(out, "kernel_size", tn_dims(weight) + 2);
    describe_pair(out, "stride", how->stride);
    if (!is(how->padding, 0)) describe_pair(out, "padding", how->padding);
    if (!is(how->dilation, 1)) describe_pair(out, "dilation", how->dilation);
    if (how->groups != 1) fprintf(out, ", groups=%" PRId64, how->groups);
    if (!tn__nn_tensor(self, BIAS)) fputs(", bias=False", out);
}

static const tn_nn_kind kind = {"Conv2d", forward, describe};

/* The caller's attributes with PyTorch's defaults where they are 0. */
static tn_conv2d_attrs with_defaults(const tn_conv2d_attrs *given)
{
    tn_conv2d_attrs how = {0};
    if (given) memcpy(&how, given, given->struct_size < sizeof how ? given->struct_size : sizeof how);
    how.struct_size = sizeof how;
    for (int i = 0; i < 2; i++) {
        if (how.stride[i] == 0) how.stride[i] = 1;
        if (how.dilation[i] == 0) how.dilation[i] = 1;
    }
    if (how.groups == 0) how.groups = 1;
    return how;
}

static bool check(tn_context *tn, int64_t in, int64_t out, int64_t kernel, const tn_conv2d_attrs *how)
{
    if (in < 1 || out < 1 || kernel < 1)
        tn_raise(tn, TN_INVALID,
                 "Conv2d: %" PRId64 " channels in, %" PRId64 " out and a kernel of %" PRId64 ", all must be at least 1",
                 in, out, kernel);
    else if (how->groups < 1 || in % how->groups || out % how->groups)
        tn_raise(tn, TN_INVALID,
                 "Conv2d: groups is %" PRId64 ", it must divide the channels in (%" PRId64 ") and out (%" PRId64 ")",
                 how->groups, in, out);
    else
        return true;
    return false;
}

tn_module *tn_nn_conv2d(tn_context *tn, int64_t in, int64_t out, int64_t kernel, bool bias,
                        const tn_conv2d_attrs *attrs)
{
    tn_conv2d_attrs how = with_defaults(attrs);
    if (!check(tn, in, out, kernel, &how)) return NULL;
    tn_module *self = tn__nn_make(tn, &kind, &how, sizeof how);
    if (!self) return NULL;
    int64_t channels = in / how.groups;
    double bound = 1 / sqrt((double)channels * (double)kernel * (double)kernel);
    tn__nn_add_uniform(self, "weight", bound, TN_SHAPE(out, channels, kernel, kernel));
    if (bias) tn__nn_add_uniform(self, "bias", bound, TN_SHAPE(out));
    return tn__nn_made(self);
}
