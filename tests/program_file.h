/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of programs in files share: a folder for the file, and functions to save. */
#ifndef TENON_PROGRAM_FILE_H
#define TENON_PROGRAM_FILE_H

#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static char directory[] = "/tmp/tenon-program-XXXXXX";
static char path[64];

TN_UNUSED static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/file.tnp", directory);
    return 0;
}

/* Removing fails, and with it the test, if a temporary file was left behind. */
TN_UNUSED static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

TN_UNUSED static char *read_text(size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = malloc(1 << 24);
    assert_non_null(text);
    *size = fread(text, 1, 1 << 24, file);
    fclose(file);
    return text;
}

/* ---- functions to save */

typedef tn_module *(*make_model)(tn_context *tn);

TN_UNUSED static tn_module *simplenet(tn_context *tn)
{
    return tn_nn_model(tn, "simplenet");
}

TN_UNUSED static tn_module *convnet(tn_context *tn)
{
    return tn_nn_model(tn, "convnet");
}

/* Views in front and behind: a picture in quarters, a frame around it, a bias stretched to all pixels. */
TN_UNUSED static tn_tensor *rearrange(tn_module *self, tn_tensor *x)
{
    tn_context *tn = tn_nn_context(self);
    tn_tensor *flipped = tn_permute(x, 4, (const int64_t[]){0, 1, 3, 2});
    tn_tensor *quarter = tn_slice(tn_slice(x, 2, 0, 28, 2), 3, 1, 28, 2), *rest = tn_narrow(flipped, 3, 14, 14);
    tn_tensor *joined = tn_cat(2, (tn_tensor *[]){quarter, tn_narrow(rest, 2, 3, 14)}, 1);
    tn_tensor *ramp = tn_mul_scalar(tn_arange(tn, TN_F32, 0, 14, 1), 0.1);
    tn_tensor *stretched = tn_expand(tn_reshape(ramp, TN_SHAPE(1, 1, 1, 14)), TN_SHAPE(1, 2, 14, 14));
    return tn_add(joined, stretched);
}

TN_UNUSED static tn_tensor *probabilities(tn_module *self, tn_tensor *x)
{
    (void)self;
    return tn_softmax(x, -1);
}

TN_UNUSED static tn_module *mixture(tn_context *tn)
{
    tn_module *model = tn_nn_sequential(
        tn, tn_nn_module(tn, "Rearrange", rearrange, NULL), tn_nn_conv2d(tn, 2, 6, 3, true, NULL),
        tn_nn_batch_norm2d(tn, 6), tn_nn_relu(tn), tn_nn_dropout(tn, 0.25), tn_nn_avg_pool2d(tn, 2), tn_nn_flatten(tn),
        tn_nn_linear(tn, 216, 10, true), tn_nn_module(tn, "Softmax", probabilities, NULL), NULL);
    /* Statistics as after some training. */
    bool was = tn_set_grad_enabled(tn, false);
    tn_uniform_(tn_nn_get(model, "2.running_mean"), -0.5, 0.5);
    tn_uniform_(tn_nn_get(model, "2.running_var"), 0.5, 2);
    tn_set_grad_enabled(tn, was);
    return model;
}

TN_UNUSED static const struct {
    const char *name;
    make_model make;
} models[] = {{"simplenet", simplenet}, {"convnet", convnet}, {"mixture", mixture}};
enum { MODELS = sizeof models / sizeof *models };

TN_UNUSED static void forward(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    out[0] = tn_nn_forward(arg, in[0]);
}

TN_UNUSED static tn_tensor *images(tn_context *tn, int64_t n)
{
    tn_manual_seed(tn, 3);
    return tn_uniform(tn, TN_F32, 0, 1, TN_SHAPE(n, 1, 28, 28));
}

TN_UNUSED static tn_module *evaluated(tn_context *tn, int which)
{
    tn_manual_seed(tn, 1);
    tn_module *model = models[which].make(tn);
    tn_nn_train(model, false);
    assert_good(tn);
    return model;
}

/* Runs fn once, so that it is recorded. */
TN_UNUSED static tn_program *recorded(tn_context *tn, const char *name, tn_program_fn fn, void *arg, int n,
                                      tn_tensor *const *in)
{
    tn_tensor *out[4];
    tn_program *program = tn_program_open(tn, name, fn, arg, n, 1);
    bool was = tn_set_grad_enabled(tn, false);
    tn_program_run(program, in, out);
    tn_set_grad_enabled(tn, was);
    return program;
}

TN_UNUSED static tn_program *recorded_model(tn_context *tn, int which, tn_module *model, int64_t batch)
{
    return recorded(tn, models[which].name, forward, model, 1, (tn_tensor *[]){images(tn, batch)});
}

TN_UNUSED static void read_all(tn_tensor *x, float *values, size_t room)
{
    assert_int_equal(tn_dtype_of(x), TN_F32);
    assert_true((size_t)tn_numel(x) <= room);
    assert_int_equal(tn_read(x, values, (size_t)tn_numel(x) * sizeof *values), TN_OK);
}

#endif
