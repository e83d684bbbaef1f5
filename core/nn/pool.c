/* SPDX-License-Identifier: Apache-2.0
 *
 * MaxPool2d and AvgPool2d over square windows that do not overlap. */
#include "nn/nn.h"

#include <inttypes.h>

static tn_tensor *max_forward(tn_module *self, tn_tensor *x)
{
    return tn_max_pool2d(x, self->data);
}

static tn_tensor *avg_forward(tn_module *self, tn_tensor *x)
{
    return tn_avg_pool2d(x, self->data);
}

static void max_describe(const tn_module *self, FILE *out)
{
    const tn_max_pool2d_attrs *how = self->data;
    fprintf(out, "kernel_size=%" PRId64 ", stride=%" PRId64 ", padding=0, dilation=1, ceil_mode=False", how->kernel[0],
            how->stride[0]);
}

static void avg_describe(const tn_module *self, FILE *out)
{
    const tn_avg_pool2d_attrs *how = self->data;
    fprintf(out, "kernel_size=%" PRId64 ", stride=%" PRId64 ", padding=0", how->kernel[0], how->stride[0]);
}

static const tn_nn_kind max_kind = {"MaxPool2d", max_forward, max_describe};
static const tn_nn_kind avg_kind = {"AvgPool2d", avg_forward, avg_describe};

static bool check(tn_context *tn, const char *type, int64_t kernel)
{
    if (kernel >= 1) return true;
    tn_raise(tn, TN_INVALID, "%s: the kernel is %" PRId64 ", it must be at least 1", type, kernel);
    return false;
}

tn_module *tn_nn_max_pool2d(tn_context *tn, int64_t kernel)
{
    const tn_max_pool2d_attrs *how =
        TN_MAX_POOL2D(.kernel = {kernel, kernel}, .stride = {kernel, kernel}, .dilation = {1, 1});
    return check(tn, max_kind.type, kernel) ? tn__nn_make(tn, &max_kind, how, sizeof *how) : NULL;
}

tn_module *tn_nn_avg_pool2d(tn_context *tn, int64_t kernel)
{
    const tn_avg_pool2d_attrs *how =
        TN_AVG_POOL2D(.kernel = {kernel, kernel}, .stride = {kernel, kernel}, .count_include_pad = 1);
    return check(tn, avg_kind.type, kernel) ? tn__nn_make(tn, &avg_kind, how, sizeof *how) : NULL;
}
