/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon train: trains a model, with an evaluation after each epoch, checkpoints, and exact resumption. */
#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "training.h"

typedef struct train_options {
    tool_recipe recipe;
    const char *save, *resume, *json;
    bool quiet;
} train_options;

/* ---- options ------------------------------------------------------------------------------------------------ */

enum { OPTIMIZER = 256, LR, MOMENTUM, DECAY, SCHEDULE, SEED, SAVE, RESUME, JSON, ALLOW_NAN, EAGER };

/* clang-format off */
static const struct argp_option options[] = {
    {"epochs",       'e',       "N",    0, "train until N epochs are done (default: 3)", 1},
    {"batch-size",   'n',       "N",    0, "images in a step (default: 64)", 1},
    {"optimizer",    OPTIMIZER, "NAME", 0, "adam, adamw or sgd (default: adam)", 1},
    {"lr",           LR,        "X",    0, "learning rate (default: 0.001)", 1},
    {"momentum",     MOMENTUM,  "X",    0, "of sgd (default: 0)", 1},
    {"weight-decay", DECAY,     "X",    0, "default: 0.01 for adamw, else 0", 1},
    {"schedule",     SCHEDULE,  "HOW",  0, "none, cosine, or step:30:0.1, which multiplies the rate by 0.1 every 30 epochs (default: none)", 1},
    {"seed",         SEED,      "N",    0, "of initial weights and shuffles (default: 42)", 1},
    {"save",         SAVE,      "FILE", 0, "keep a checkpoint of each epoch, and of Ctrl-C", 2},
    {"resume",       RESUME,    "FILE", 0, "go on exactly where that checkpoint stands", 2},
    {"json",         JSON,      "FILE", 0, "write a line of JSON for each epoch; - is stdout", 2},
    {"quiet",        'q',       NULL,   0, "print nothing but errors", 2},
    {"allow-nan",    ALLOW_NAN, NULL,   0, "go on when the loss is not a number", 2},
    {"eager",        EAGER,     NULL,   0, "run operator by operator, not as a recorded program", 2},
    {0},
};
/* clang-format on */

static const char *const optimizers[] = {"adam", "adamw", "sgd", NULL};

/* "none", "cosine" or "step:SIZE:GAMMA". */
static void parse_schedule(const struct argp_state *state, tool_recipe *recipe, const char *text)
{
    long long size = 0;
    double gamma = 0;
    int end = 0;
    if (!strcmp(text, "none"))
        recipe->schedule = TOOL_SCHEDULE_NONE;
    else if (!strcmp(text, "cosine"))
        recipe->schedule = TOOL_SCHEDULE_COSINE;
    else if (sscanf(text, "step:%9lld:%lf%n", &size, &gamma, &end) == 2 && !text[end] && size > 0 && gamma > 0 &&
             isfinite(gamma))
        recipe->schedule = TOOL_SCHEDULE_STEP;
    else
        argp_error(state, "--schedule is none, cosine or step:EPOCHS:FACTOR, such as step:30:0.1, not \"%s\"", text);
    recipe->step_size = size;
    recipe->gamma = gamma;
}

/* What no single option can tell. */
static void check_together(const struct argp_state *state, train_options *o)
{
    tool_need_model(state, &o->recipe.setup);
    if (o->recipe.momentum != 0 && strcmp(o->recipe.optimizer, "sgd") != 0)
        argp_error(state, "--momentum belongs to --optimizer sgd; %s has its own", o->recipe.optimizer);
    if (!o->save) return;
    char *path = strdup(o->save);
    const char *folder = path ? dirname(path) : ".";
    if (access(folder, W_OK)) argp_failure(state, TOOL_FAILED, errno, "cannot save to the folder %s", folder);
    free(path);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    train_options *o = state->input;
    tool_recipe *r = &o->recipe;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &r->setup; return 0;
    case 'e': r->epochs = tool_integer(state, "--epochs", text, 1, 1000000); return 0;
    case 'n': r->batch_size = tool_integer(state, "--batch-size", text, 1, 1000000); return 0;
    case OPTIMIZER: r->optimizer = tool_choice(state, "--optimizer", text, optimizers); return 0;
    case LR: r->lr = tool_number(state, "--lr", text, 1e6, true); return 0;
    case MOMENTUM: r->momentum = tool_number(state, "--momentum", text, 1, false); return 0;
    case DECAY: r->weight_decay = tool_number(state, "--weight-decay", text, 1e6, false); return 0;
    case SCHEDULE: parse_schedule(state, r, text); return 0;
    case SEED: r->seed = (uint64_t)tool_integer(state, "--seed", text, 0, INT64_MAX); return 0;
    case SAVE: o->save = text; return 0;
    case RESUME: o->resume = text; return 0;
    case JSON: o->json = text; return 0;
    case 'q': o->quiet = true; return 0;
    case ALLOW_NAN: r->allow_nan = true; return 0;
    case EAGER: r->eager = true; return 0;
    case ARGP_KEY_ARG: argp_error(state, "\"%s\" is no option; data is chosen by --data and --dataset", text); return 0;
    case ARGP_KEY_END: check_together(state, o); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&tool_setup_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .doc = "Trains a model and tests it after each epoch.\vExample: tenon train --model convnet --epochs 1 --save "
           "convnet.safetensors",
    .children = children,
};

/* ---- Ctrl-C ------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

/* The first signal asks for an orderly stop; a second one ends the process at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- what is printed ---------------------------------------------------------------------------------------- */

/* Where lines for people go: away from JSON on stdout. */
static FILE *people(const train_options *o)
{
    return o->json && !strcmp(o->json, "-") ? stderr : stdout;
}

static void print_start(const train_options *o, const tool_training *t)
{
    int64_t parameters = 0;
    for (int i = 0, n = tn_nn_state_count(t->state.model); i < n; i++) {
        bool is_parameter;
        tn_tensor *x = tn_nn_state(t->state.model, i, NULL, &is_parameter);
        if (is_parameter) parameters += tn_numel(x);
    }
    fprintf(people(o), "%s: %s parameters, on %s, %s, batch size %lld, learning rate %g\n", o->recipe.setup.model,
            TOOL_COUNT((double)parameters), tn_default_device(t->tn), tn_optim_type(t->state.optimizer),
            (long long)o->recipe.batch_size, tn_optim_get_lr(t->state.optimizer));
    if (o->resume)
        fprintf(people(o), "going on in epoch %lld after %lld of %lld steps\n",
                (long long)tn_loader_epoch(t->state.loader) + 1, (long long)tn_loader_position(t->state.loader),
                (long long)tn_loader_batches(t->state.loader));
}

static void print_epoch(const train_options *o, const tool_epoch *epoch, const tool_score *test)
{
    fprintf(people(o), "epoch %lld/%lld  loss %#.4g  test loss %#.4g  test accuracy %.2f %%  %.2f s  %s images/s\n",
            (long long)epoch->number, (long long)o->recipe.epochs, epoch->loss, test->loss, 100 * test->accuracy,
            epoch->seconds, TOOL_COUNT((double)epoch->images / epoch->seconds));
    fflush(people(o));
}

/* loss and accuracy are those of the test images. */
static bool write_json(FILE *json, const tool_training *t, const tool_epoch *epoch, const tool_score *test)
{
    const char *device = tn_default_device(t->tn);
    return tool_json_line(json, json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:I}", "model",
                                          t->recipe->setup.model, "epoch", (json_int_t)epoch->number, "loss",
                                          tool_json_number(test->loss), "accuracy", tool_json_number(test->accuracy),
                                          "train_loss", tool_json_number(epoch->loss), "seconds",
                                          tool_json_number(epoch->seconds), "images_per_second",
                                          tool_json_number((double)epoch->images / epoch->seconds), "backend",
                                          json_stringn(device, strcspn(device, ":")), "device", device,
                                          "peak_memory_bytes", (json_int_t)tn_memory_stats(t->tn, device).peak));
}

/* ---- the run ------------------------------------------------------------------------------------------------ */

static bool save(const train_options *o, tool_training *t)
{
    return !o->save || tn_save(t->tn, o->save, &t->state) == TN_OK;
}

/* Stopped by a signal: keeps what there is, and says so. Always a failure. */
static int interrupted(const train_options *o, tool_training *t)
{
    long long epoch = tn_loader_epoch(t->state.loader) + 1, position = tn_loader_position(t->state.loader);
    fprintf(stderr, "stopped in epoch %lld after %lld of %lld steps", epoch, position,
            (long long)tn_loader_batches(t->state.loader));
    if (!o->save)
        fputs("; nothing is saved: there was no --save FILE\n", stderr);
    else if (save(o, t))
        fprintf(stderr, "; saved: go on with --resume %s\n", o->save);
    else
        fputc('\n', stderr);
    return TOOL_FAILED;
}

static int run_epochs(const train_options *o, tool_training *t, tn_loader *test, FILE *json)
{
    tn_loader *loader = t->state.loader;
    while (tn_loader_epoch(loader) < o->recipe.epochs) {
        tool_epoch epoch = tool_training_epoch(t, o->quiet, &stopped);
        if (!epoch.finished) return stopped && !tn_check(t->tn) ? interrupted(o, t) : TOOL_FAILED;
        if (t->state.scheduler) tn_lr_advance(t->state.scheduler);
        tool_score score = tool_evaluate(t->state.model, test, &stopped);
        if (stopped) return interrupted(o, t);
        if (tn_check(t->tn)) return TOOL_FAILED;
        if (!o->quiet) print_epoch(o, &epoch, &score);
        if (json && !write_json(json, t, &epoch, &score)) return TOOL_FAILED;
        if (!save(o, t)) return TOOL_FAILED;
    }
    return TOOL_OK;
}

static int train(const train_options *o, tn_context *tn, FILE *json)
{
    tool_training t;
    tool_training_init(&t, tn, &o->recipe);
    tn_loader *test = tool_test_loader(tn_check(tn) ? NULL : tool_dataset(tn, &o->recipe.setup, false));
    if (o->resume && !tn_check(tn)) tn_load(tn, o->resume, &t.state);
    if (tn_check(tn) || !test) return TOOL_FAILED;

    long long done = tn_loader_epoch(t.state.loader);
    if (done >= o->recipe.epochs) {
        fprintf(stderr, "%s has %lld epochs behind it: nothing to do for --epochs %lld\n", o->resume, done,
                (long long)o->recipe.epochs);
        return TOOL_OK;
    }
    if (!o->quiet) print_start(o, &t);
    int code = run_epochs(o, &t, test, json);
    if (!tn_check(tn)) tool_report_fallback(tn, stderr);
    return code;
}

/* The file for --json: appended to when an earlier run goes on. NULL after a message. */
static FILE *open_json(const train_options *o)
{
    if (!strcmp(o->json, "-")) return stdout;
    FILE *file = fopen(o->json, o->resume ? "ae" : "we");
    if (!file) error(0, errno, "cannot write %s", o->json);
    return file;
}

static int run(int argc, char **argv)
{
    train_options o = {.recipe = tool_default_recipe};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    FILE *json = o.json ? open_json(&o) : NULL;
    if (o.json && !json) return TOOL_FAILED;
    catch_signals();
    tn_context *tn = tool_open(&o.recipe.setup, o.recipe.setup.backend);
    int code = train(&o, tn, json);
    if (json && json != stdout && fclose(json)) {
        error(0, errno, "cannot write %s", o.json);
        code = TOOL_FAILED;
    }
    return tool_close(tn) ? TOOL_FAILED : code;
}

const tool_command tool_train = {"train", "trains simplenet or convnet", run};
