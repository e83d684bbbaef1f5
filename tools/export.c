/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon export: a model with its weights as a program, to be run without the code that made it. */
#include "tool.h"

typedef struct export_options {
    tool_setup setup;
    const char *load, *file;
    int64_t batch_size;
} export_options;

enum { LOAD = 256 };

/* clang-format off */
static const struct argp_option options[] = {
    {"load",       LOAD, "FILE", 0, "weights: a checkpoint, or a PyTorch state_dict as safetensors", 1},
    {"batch-size", 'B',  "N",    0, "images in the batch that is recorded; the program takes any number (default: 64)", 1},
    {0},
};
/* clang-format on */

static error_t parse(int key, char *text, struct argp_state *state)
{
    export_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->setup; return 0;
    case LOAD: o->load = text; return 0;
    case 'B': o->batch_size = tool_integer(state, "--batch-size", text, 1, 1000000); return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) argp_error(state, "one file at a time: \"%s\" is too much", text);
        o->file = text;
        return 0;
    case ARGP_KEY_END:
        tool_need_model(state, &o->setup);
        if (!o->load) argp_error(state, "name the weights: --load FILE");
        if (!o->file) argp_error(state, "name the file to write: FILE.tnp");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&tool_setup_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE.tnp",
    .doc =
        "Saves a model and its weights as a program, which `tenon run` and tn_program_load run on any backend and at "
        "any batch size.",
    .children = children,
};

static void export(const export_options *o, tn_context *tn)
{
    tn_module *model = tn_check(tn) ? NULL : tool_load_model(tn, &o->setup, o->load);
    tn_program *program = tool_record(model, &o->setup, o->batch_size, NULL);
    if (!program || tn_program_save(program, o->file, model) != TN_OK) return;
    printf("%s is in %s: %d operators, recorded with %s images\n", o->setup.model, o->file,
           tn_program_look(program).recorded_ops, TOOL_COUNT((double)o->batch_size));
}

static int run(int argc, char **argv)
{
    export_options o = {.setup = TOOL_SETUP, .batch_size = 64};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    tn_context *tn = tool_open(&o.setup, o.setup.backend);
    export(&o, tn);
    return tool_close(tn);
}

const tool_command tool_export = {"export", "saves a model as a program, to be run anywhere", run};
