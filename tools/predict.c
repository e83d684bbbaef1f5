/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon predict: which digit is in an image. */
#include <stdlib.h>

#include "image.h"
#include "tool.h"

enum { CLASSES = 10 };

typedef struct predict_options {
    tool_setup setup;
    const char *load;
    char **images;
    int n;
    bool invert;
} predict_options;

enum { LOAD = 256, INVERT };

/* clang-format off */
static const struct argp_option options[] = {
    {"load",   LOAD,   "FILE", 0, "weights: a checkpoint, or a PyTorch state_dict as safetensors", 1},
    {"invert", INVERT, NULL,   0, "for dark digits on a light ground; the models know light on dark", 1},
    {0},
};
/* clang-format on */

static error_t parse(int key, char *text, struct argp_state *state)
{
    (void)text;
    predict_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->setup; return 0;
    case LOAD: o->load = text; return 0;
    case INVERT: o->invert = true; return 0;
    case ARGP_KEY_ARGS:
        o->images = state->argv + state->next;
        o->n = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        tool_need_model(state, &o->setup);
        if (!o->load) argp_error(state, "name the weights: --load FILE");
        if (!o->n) argp_error(state, "name the images: PNG of 28 x 28 pixels, or files of 784 bytes");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&tool_setup_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "IMAGE...",
    .doc = "Tells which digit is in each image: a PNG of 28 x 28 pixels, or a file of 784 bytes, one for each pixel.",
    .children = children,
};

/* Probabilities of each class for one image; false on error. */
static bool classify(tn_module *model, const uint8_t pixels[IMAGE_BYTES], float p[CLASSES])
{
    float x[IMAGE_BYTES];
    for (int i = 0; i < IMAGE_BYTES; i++) x[i] = (float)pixels[i] / 255;
    tn_context *tn = tn_nn_context(model);
    tn_mark mark = tn_begin(tn);
    tn_tensor *input = tn_from(tn, x, TN_F32, TN_SHAPE(1, 1, IMAGE_SIDE, IMAGE_SIDE));
    tn_read(tn_softmax(tn_nn_forward(model, input), 1), p, CLASSES * sizeof *p);
    tn_end(tn, mark, NULL);
    return tn_check(tn) == TN_OK;
}

static bool predict(const predict_options *o, const uint8_t *pixels, tn_context *tn)
{
    tn_module *model = tn_check(tn) ? NULL : tool_load_model(tn, &o->setup, o->load);
    if (!model) return false;
    tn_nn_train(model, false);
    tn_set_grad_enabled(tn, false);
    for (int i = 0; i < o->n; i++) {
        const uint8_t *image = pixels + (size_t)i * IMAGE_BYTES;
        float p[CLASSES];
        if (!classify(model, image, p)) return false;
        tool_image_answer(o->images[i], image, CLASSES, p);
    }
    return true;
}

static int run(int argc, char **argv)
{
    predict_options o = {.setup = TOOL_SETUP};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    uint8_t *pixels = malloc((size_t)o.n * IMAGE_BYTES);
    if (!pixels) error(TOOL_FAILED, errno, "cannot hold %d images", o.n);
    bool ok = tool_images_read(o.n, o.images, o.invert, pixels);
    if (ok) {
        tn_context *tn = tool_open(&o.setup, o.setup.backend);
        ok = predict(&o, pixels, tn);
        ok = tool_close(tn) == TOOL_OK && ok;
    }
    free(pixels);
    return ok ? TOOL_OK : TOOL_FAILED;
}

const tool_command tool_predict = {"predict", "tells which digit is in an image", run};
