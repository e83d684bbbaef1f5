/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon eval: loss and accuracy of saved weights on the 10,000 test images. */
#include "tool.h"

typedef struct eval_options {
    tool_setup setup;
    const char *load;
    bool json;
} eval_options;

enum { LOAD = 256, JSON };

/* clang-format off */
static const struct argp_option options[] = {
    {"load", LOAD, "FILE", 0, "weights: a checkpoint, or a PyTorch state_dict as safetensors", 1},
    {"json", JSON, NULL,   0, "print an object of JSON", 1},
    {0},
};
/* clang-format on */

static error_t parse(int key, char *text, struct argp_state *state)
{
    eval_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->setup; return 0;
    case LOAD: o->load = text; return 0;
    case JSON: o->json = true; return 0;
    case ARGP_KEY_ARG: argp_error(state, "\"%s\" is no option; give the weights by --load FILE", text); return 0;
    case ARGP_KEY_END:
        tool_need_model(state, &o->setup);
        if (!o->load) argp_error(state, "name the weights: --load FILE");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&tool_setup_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options, .parser = parse, .doc = "Tests saved weights on the test images.", .children = children};

static bool print_score(const eval_options *o, tn_context *tn, const tool_score *score, double images, double seconds)
{
    if (o->json)
        return tool_json_line(stdout,
                              json_pack("{s:s, s:o, s:o, s:o, s:o, s:s}", "model", o->setup.model, "loss",
                                        tool_json_number(score->loss), "accuracy", tool_json_number(score->accuracy),
                                        "seconds", tool_json_number(seconds), "images_per_second",
                                        tool_json_number(images / seconds), "device", tn_default_device(tn)));
    printf("%s on %s: test loss %#.4g, test accuracy %.2f %% of %s images, %s images/s\n", o->setup.model,
           tn_default_device(tn), score->loss, 100 * score->accuracy, TOOL_COUNT(images), TOOL_COUNT(images / seconds));
    return true;
}

static bool evaluate(const eval_options *o, tn_context *tn)
{
    static const volatile sig_atomic_t never_stop = 0;
    tn_dataset *data = tn_check(tn) ? NULL : tool_dataset(tn, &o->setup, false);
    tn_loader *loader = tool_test_loader(data);
    tn_module *model = loader ? tool_load_model(tn, &o->setup, o->load) : NULL;
    if (!model) return false;
    double start = tool_now();
    tool_score score = tool_evaluate(model, loader, &never_stop);
    if (tn_check(tn)) return false;
    return print_score(o, tn, &score, (double)tn_dataset_count(data), tool_now() - start);
}

static int run(int argc, char **argv)
{
    eval_options o = {.setup = TOOL_SETUP};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    tn_context *tn = tool_open(&o.setup, o.setup.backend);
    bool ok = evaluate(&o, tn);
    if (!tn_check(tn)) tool_report_fallback(tn, stderr);
    return tool_close(tn) || !ok ? TOOL_FAILED : TOOL_OK;
}

const tool_command tool_eval = {"eval", "tests saved weights on the test images", run};
