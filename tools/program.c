/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon program dump: what a program consists of, as recorded or as it runs. */
#include <stdlib.h>

#include "image.h"
#include "tool.h"

typedef struct program_options {
    tool_setup setup;
    const char *action, *file, *passes;
    int64_t batch_size; /* 0: as saved, or 64 */
    bool train, infer, before;
} program_options;

enum { TRAIN = 256, INFER, BEFORE, PASSES };

/* clang-format off */
static const struct argp_option options[] = {
    {"batch-size", 'B',    "N",    0, "images in a batch (default: what was saved, or 64)", 1},
    {"infer",      INFER,  NULL,   0, "the model's inference (default)", 1},
    {"train",      TRAIN,  NULL,   0, "a training step of the model, with Adam", 1},
    {"before",     BEFORE, NULL,   0, "as recorded, before anything is done to it", 1},
    {"passes",     PASSES, "LIST", 0, "what is done to it: all, none, or names, as in $TENON_PASSES", 1},
    {0},
};
/* clang-format on */

static const char *const actions[] = {"dump", NULL};

static error_t parse(int key, char *text, struct argp_state *state)
{
    program_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->setup; return 0;
    case 'B': o->batch_size = tool_integer(state, "--batch-size", text, 1, 1000000); return 0;
    case INFER: o->infer = true; return 0;
    case TRAIN: o->train = true; return 0;
    case BEFORE: o->before = true; return 0;
    case PASSES: o->passes = text; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            o->action = tool_choice(state, "the action", text, actions);
        else if (state->arg_num == 1)
            o->file = text;
        else
            argp_error(state, "one file at a time: \"%s\" is too much", text);
        return 0;
    case ARGP_KEY_END:
        if (!o->action) argp_error(state, "say what to do: dump");
        if (!o->file == !o->setup.model) argp_error(state, "name either a program, FILE.tnp, or a model: --model NAME");
        if (o->file && (o->train || o->infer)) argp_error(state, "--train and --infer belong to --model");
        if (o->train && o->infer) argp_error(state, "either --train or --infer");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&tool_setup_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "dump FILE.tnp\ndump --model NAME",
    .doc = "Prints the operators of a program: their results' types, the implementations that run them, and where in "
           "memory each result lies.\vA program is recorded when it first runs; this one runs on zeros.",
    .children = children,
};

/* ---- what can be dumped, each run once */

static tn_program *load(const program_options *o, tn_context *tn)
{
    tn_program *program = tn_program_load(tn, o->file);
    if (!program) return NULL;
    if (o->passes) tn_program_set_passes(program, o->passes);
    tn_program_stats stats = tn_program_look(program);
    tn_tensor **in = calloc((size_t)stats.inputs + 1, sizeof *in),
              **out = calloc((size_t)stats.results + 1, sizeof *out);
    if (!in || !out) error(TOOL_FAILED, errno, "cannot hold the inputs of %s", o->file);
    for (int i = 0; i < stats.inputs; i++) {
        tn_dtype dtype = TN_F32;
        int rank = 0;
        int64_t dims[TN_MAX_RANK] = {0};
        tn_program_input(program, i, &dtype, &rank, dims);
        if (rank > 0 && o->batch_size) dims[0] = o->batch_size;
        in[i] = tn_zeros(tn, dtype, rank, dims);
    }
    tn_set_grad_enabled(tn, false);
    tn_program_run(program, in, out);
    free(in);
    free(out);
    return program;
}

typedef struct trainer {
    tn_module *model;
    tn_optimizer *adam;
} trainer;

static void step(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    trainer *t = arg;
    tn_optim_zero_grad(t->adam);
    out[0] = tn_cross_entropy(tn_nn_forward(t->model, in[0]), in[1]);
    tn_backward(out[0]);
    tn_optim_step(t->adam);
}

static tn_program *train(const program_options *o, tn_module *model, int64_t batch)
{
    tn_context *tn = tn_nn_context(model);
    trainer t = {model, tn_optim_adam(model, NULL)};
    tn_program *program = tn_program_open(tn, "step", step, &t, 2, 1);
    if (o->passes) tn_program_set_passes(program, o->passes);
    tn_tensor *out, *in[] = {tn_zeros(tn, TN_F32, TN_SHAPE(batch, 1, IMAGE_SIDE, IMAGE_SIDE)),
                             tn_zeros(tn, TN_I64, TN_SHAPE(batch))};
    tn_program_run(program, in, &out);
    return program;
}

static tn_program *find(const program_options *o, tn_context *tn)
{
    if (o->file) return load(o, tn);
    int64_t batch = o->batch_size ? o->batch_size : 64;
    tn_module *model = tn_nn_model(tn, o->setup.model);
    if (!model) return NULL;
    return o->train ? train(o, model, batch) : tool_record(model, &o->setup, batch, o->passes);
}

static int run(int argc, char **argv)
{
    program_options o = {.setup = TOOL_SETUP};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    tn_context *tn = tool_open(&o.setup, o.setup.backend);
    tn_program *program = tn_check(tn) ? NULL : find(&o, tn);
    if (program && tn_check(tn) == TN_OK) tn_program_dump(program, stdout, o.before);
    return tool_close(tn);
}

const tool_command tool_program = {"program", "prints what a program consists of", run};
