/* SPDX-License-Identifier: Apache-2.0
 *
 * Options. One table serves `tenon bench`, `tenon bench ops` and suites. */
#include "bench/plan.h"

#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- where reports go */

enum { CSV = 256, JSON, MARKDOWN, HTML, BASELINE };

/* clang-format off */
static const struct argp_option output_options[] = {
    {"json",     JSON,     "FILE",  0, "all that was measured; - is stdout, as with the next", 3},
    {"csv",      CSV,      "FILE",  0, "a line of figures for each row", 3},
    {"markdown", MARKDOWN, "FILE",  0, "the tables", 3},
    {"html",     HTML,     "FILE",  0, "one page with tables and charts", 3},
    {"baseline", BASELINE, "LABEL", 0, "the backend that others are compared with (default: reference)", 3},
    {"quiet",    'q',      NULL,    0, "neither tables nor progress on the terminal", 3},
    {0},
};
/* clang-format on */

/* Before hours of measuring, not after: can the file be made? */
static const char *output(const struct argp_state *state, const char *path)
{
    if (!strcmp(path, "-")) return path;
    char *copy = strdup(path);
    const char *folder = copy ? dirname(copy) : ".";
    bool exists = access(path, F_OK) == 0;
    if (access(exists ? path : folder, W_OK)) argp_failure(state, TOOL_FAILED, errno, "cannot write %s", path);
    free(copy);
    return path;
}

static error_t parse_output(int key, char *text, struct argp_state *state)
{
    bench_outputs *o = state->input;
    switch (key) {
    case JSON: o->json = output(state, text); return 0;
    case CSV: o->csv = output(state, text); return 0;
    case MARKDOWN: o->markdown = output(state, text); return 0;
    case HTML: o->html = output(state, text); return 0;
    case BASELINE: o->baseline = text; return 0;
    case 'q': o->quiet = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp bench_outputs_argp = {output_options, parse_output, NULL, NULL, NULL, NULL, NULL};

/* ---- what is measured */

enum {
    TASKS = 512,
    MODELS,
    OPS,
    SAMPLE,
    BACKENDS,
    DTYPES,
    MATH,
    BATCH_SIZES,
    PEERS,
    ROUNDS,
    ROUND_SECONDS,
    EPOCHS,
    TARGET,
    MAX_SECONDS,
    SET_UP_SECONDS,
    SUITE,
    QUICK,
    SEED,
    LABEL,
    EAGER
};

/* clang-format off */
static const struct argp_option options[] = {
    {"tasks",         TASKS,         "LIST", 0, "train, infer, op (default: train,infer)", 1},
    {"models",        MODELS,        "LIST", 0, "simplenet, convnet (default: both)", 1},
    {"ops",           OPS,           "LIST", 0, "for the task op: which operators (default: all that the models use)", 1},
    {"sample",        SAMPLE,        "TEXT", 0, "for the task op: an operator with its inputs, such as 'matmul x[1024,1024] y[1024,1024]', beside --ops; may be given several times", 1},
    {"backends",      BACKENDS,      "LIST", 0, "onednn, cuda:1, auto, onednn:eager, or a peer's name, pytorch or pytorch:dataloader (default: all there are, and the best one eager as well)", 1},
    {"eager",         EAGER,         NULL,   0, "Tenon's backends run operator by operator, not as recorded programs", 1},
    {"dtypes",        DTYPES,        "LIST", 0, "f32, f64 (default: f32)", 1},
    {"math",          MATH,          "LIST", 0, "what products in f32 are computed in: f32, tf32 (default: $TENON_MATH, or f32)", 1},
    {"batch-sizes",   BATCH_SIZES,   "LIST", 0, "numbers, and ranges such as 1-1024*4 or 16-64+16 (default: 64, and 1 for infer)", 1},
    {"peers",         PEERS,         "NAME=PROGRAM", 0, "another framework, by a program such as benchmarks/peers/pytorch.py", 1},
    {"suite",         SUITE,         "FILE", 0, "options from a JSON file; those of the command line come on top", 1},
    {"quick",         QUICK,         NULL,   0, "the least that tells something, within a minute", 1},
    {"rounds",        ROUNDS,        "N",    0, "measurements of each backend, in turns (default: 15)", 2},
    {"round-seconds", ROUND_SECONDS, "X",    0, "about how long each takes (default: 0.2)", 2},
    {"epochs",        EPOCHS,        "N",    0, "train that long, from fresh weights, for loss and accuracy (default: 1)", 2},
    {"target",        TARGET,        "X",    0, "also tell when the test accuracy reaches it, such as 0.97", 2},
    {"max-seconds",   MAX_SECONDS,   "X",    0, "stop after that time with what there is", 2},
    {"set-up-seconds", SET_UP_SECONDS, "X",  0, "how long a backend may take to be ready, which a peer that compiles may need (default: 300)", 2},
    {"seed",          SEED,          "N",    0, "of initial weights and shuffles (default: 42)", 2},
    {"threads",       't',           "N",    0, "CPU threads (default: $TENON_NUM_THREADS, or all CPUs)", 2},
    {"data",          'D',           "DIR",  0, "folder of the data (default: $TENON_DATA_DIR, or ~/.cache/tenon)", 2},
    {"label",         LABEL,         "TEXT", 0, "name of this machine in reports (default: its CPU)", 2},
    {0},
};
/* clang-format on */

static const char *const tasks[] = {"train", "infer", "op", NULL}, *const maths[] = {"f32", "tf32", NULL};

static void read_list(const struct argp_state *state, const char *option, bench_list *list, const char *text,
                      const char *const *choices)
{
    if (!bench_list_read(list, text))
        argp_error(state, "%s is a list of at most %d items such as a,b, not \"%s\"", option, BENCH_LIST, text);
    for (int i = 0; choices && i < list->n; i++) tool_choice(state, option, list->items[i], choices);
}

static void read_dtypes(const struct argp_state *state, bench_list *list, const char *text)
{
    const char *names[16] = {NULL};
    for (tn_dtype dtype = TN_F32; dtype <= TN_F16; dtype++) names[dtype - TN_F32] = tn_dtype_name(dtype);
    read_list(state, "--dtypes", list, text, names);
}

static void read_ops(const struct argp_state *state, bench_list *list, const char *text)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    read_list(state, "--ops", list, text, NULL);
    for (int i = 0; i < list->n; i++) {
        int k = 0;
        while (k < n && strcmp(ops[k].name, list->items[i]) != 0) k++;
        if (k == n) argp_error(state, "there is no operator \"%s\"; `tenon ops` lists them", list->items[i]);
        if (k < n && !(ops[k].shapes && ops[k].shapes[0]))
            argp_error(state, "neither model uses %s: it has no shapes to measure", list->items[i]);
    }
}

/* Of what is given twice one is kept. */
static void read_sample(const struct argp_state *state, bench_list *list, const char *text)
{
    int n, k = 0;
    size_t length = strcspn(text, " ");
    const tn_op_status *ops = tn_ops(&n);
    while (k < n && (strlen(ops[k].name) != length || strncmp(ops[k].name, text, length) != 0)) k++;
    if (k == n || !text[length])
        argp_error(state, "--sample is an operator and its inputs, such as 'relu x[64,128]', not \"%s\"", text);
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->items[i], text)) return;
    if (list->n == BENCH_LIST) argp_error(state, "there are more than %d samples", BENCH_LIST);
    list->items[list->n++] = strdup(text);
}

static void read_sizes(const struct argp_state *state, bench_plan *plan, const char *text)
{
    char why[200];
    if (!bench_numbers_read(text, 60000, plan->batch_sizes, &plan->n_batch_sizes, why))
        argp_error(state, "--batch-sizes %s", why);
    plan->single_images = false;
}

/* A later peer of the same name takes the place of an earlier one. */
static void read_peer(const struct argp_state *state, bench_plan *plan, const char *text)
{
    size_t length = strcspn(text, "=");
    int i = 0;
    if (length == 0 || !text[length] || !text[length + 1])
        argp_error(state, "--peers is NAME=PROGRAM, such as pytorch=benchmarks/peers/pytorch.py, not \"%s\"", text);
    while (i < plan->n_peers && (strlen(plan->peers[i].name) != length || strncmp(plan->peers[i].name, text, length)))
        i++;
    if (i == BENCH_LIST) argp_error(state, "there are more than %d peers", BENCH_LIST);
    bench_peer *peer = &plan->peers[i];
    free(peer->name);
    free(peer->command);
    *peer = (bench_peer){strndup(text, length), strdup(text + length + 1)};
    if (i == plan->n_peers) plan->n_peers++;
}

static void be_quick(bench_plan *plan)
{
    plan->rounds = 10;
    plan->round_seconds = 0.1;
    plan->epochs = 1;
    plan->max_seconds = 56;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    bench_plan *p = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &p->outputs; return 0;
    case TASKS: read_list(state, "--tasks", &p->tasks, text, tasks); return 0;
    case MODELS: read_list(state, "--models", &p->models, text, tool_models); return 0;
    case OPS: read_ops(state, &p->ops, text); return 0;
    case SAMPLE: read_sample(state, &p->samples, text); return 0;
    case BACKENDS: read_list(state, "--backends", &p->backends, text, NULL); return 0;
    case DTYPES: read_dtypes(state, &p->dtypes, text); return 0;
    case MATH: read_list(state, "--math", &p->maths, text, maths); return 0;
    case BATCH_SIZES: read_sizes(state, p, text); return 0;
    case PEERS: read_peer(state, p, text); return 0;
    case SUITE: p->suite = text; return 0;
    case QUICK:
        if (!p->again) be_quick(p);
        return 0;
    case ROUNDS: p->rounds = tool_integer(state, "--rounds", text, 1, 10000); return 0;
    case ROUND_SECONDS: p->round_seconds = tool_number(state, "--round-seconds", text, 3600, true); return 0;
    case EPOCHS: p->epochs = tool_integer(state, "--epochs", text, 0, 1000); return 0;
    case TARGET: p->target = tool_number(state, "--target", text, 1, true); return 0;
    case MAX_SECONDS: p->max_seconds = tool_number(state, "--max-seconds", text, 1e6, true); return 0;
    case SET_UP_SECONDS: p->set_up_seconds = tool_number(state, "--set-up-seconds", text, 1e6, true); return 0;
    case SEED: p->seed = tool_integer(state, "--seed", text, 0, INT64_MAX); return 0;
    case 't': p->setup.threads = (int)tool_integer(state, "--threads", text, 1, 1024); return 0;
    case 'D': p->setup.data = text; return 0;
    case LABEL: p->label = text; return 0;
    case EAGER: p->eager = true; return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is no option; backends are named by --backends %s", text, text);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&bench_outputs_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .doc =
        "Measures how fast backends, and peers, train and run both models, and where the time goes. Backends take "
        "turns, each in a process of its own.\v`tenon bench ops` measures operators at the models' shapes, `merge` "
        "puts results of several machines in one report, `compare` tells what is faster or slower since.\n\nExample: "
        "tenon bench --batch-sizes 1,64,1024 --json new.json --html new.html",
    .children = children,
};

/* ---- the plan */

static char *eager_name(const char *backend)
{
    char *name = NULL;
    return asprintf(&name, "%s:eager", backend) < 0 ? NULL : name;
}

/* "auto" is a name for the best one. */
static void resolve_auto(bench_plan *plan)
{
    int n, best = -1;
    const tn_backend_status *backends = tn_backends(&n);
    for (int k = 0; k < n; k++)
        if (backends[k].chosen) best = k;
    for (int i = 0; i < plan->backends.n && best >= 0; i++) {
        char *spec = plan->backends.items[i];
        bool eager = !strcmp(spec, "auto:eager");
        if (!eager && strcmp(spec, "auto") != 0) continue;
        plan->backends.items[i] = eager ? eager_name(backends[best].name) : strdup(backends[best].name);
        free(spec);
    }
}

static bool is_peer(const bench_plan *plan, const char *spec)
{
    size_t length = strcspn(spec, ":");
    for (int i = 0; i < plan->n_peers; i++)
        if (strlen(plan->peers[i].name) == length && !strncmp(plan->peers[i].name, spec, length)) return true;
    return false;
}

static void be_eager(bench_plan *plan)
{
    for (int i = 0; plan->eager && i < plan->backends.n; i++) {
        char *spec = plan->backends.items[i];
        if (is_peer(plan, spec) || strstr(spec, ":eager")) continue;
        plan->backends.items[i] = eager_name(spec);
        free(spec);
    }
}

/* All usable devices, the best one twice (as programs, and eagerly), and all peers. Operators have but one way. */
static void choose_backends(bench_plan *plan)
{
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    bool models = false;
    for (int i = 0; i < plan->tasks.n; i++) models |= strcmp(plan->tasks.items[i], "op") != 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < backends[i].n_devices && plan->backends.n < BENCH_LIST; k++) {
            const char *name = backends[i].n_devices == 1 ? backends[i].name : backends[i].devices[k].name;
            plan->backends.items[plan->backends.n++] = strdup(name);
            if (models && !plan->eager && backends[i].chosen && k == 0 && plan->backends.n < BENCH_LIST)
                plan->backends.items[plan->backends.n++] = eager_name(name);
        }
    for (int i = 0; i < plan->n_peers && plan->backends.n < BENCH_LIST; i++)
        plan->backends.items[plan->backends.n++] = strdup(plan->peers[i].name);
}

static void set_defaults(bench_plan *plan, bool ops)
{
    *plan = (bench_plan){
        .setup = TOOL_SETUP,
        .batch_sizes = {64},
        .n_batch_sizes = 1,
        .single_images = true,
        .rounds = 15,
        .round_seconds = ops ? 0.02 : 0.2,
        .epochs = 1,
        .seed = 42,
        .set_up_seconds = 300,
        .target = NAN,
        .outputs = {.baseline = "reference"},
    };
    bench_list_read(&plan->tasks, ops ? "op" : "train,infer");
    bench_list_read(&plan->models, "simplenet,convnet");
    bench_list_read(&plan->dtypes, "f32");
    const char *math = getenv("TENON_MATH");
    bench_list_read(&plan->maths, math && *math ? math : "f32");
}

/* Twice, since --quick is a set of options that any other of the same line comes on top of. */
static void read_line(bench_plan *plan, int argc, char **argv, unsigned flags)
{
    plan->again = false;
    argp_parse(&parser, argc, argv, flags, NULL, plan);
    plan->again = true;
    argp_parse(&parser, argc, argv, flags, NULL, plan);
}

/* The suite's options first, then once more those of the command line. */
static void read_suite(bench_plan *plan, int argc, char **argv, bool ops)
{
    static const struct argp_option *const known[] = {options, output_options, NULL};
    const char *path = plan->suite;
    int n;
    bench_plan_release(plan);
    set_defaults(plan, ops);
    plan->suite = path;
    static char **arguments; /* the plan keeps pointing into it */
    arguments = bench_suite_arguments(path, known, &n);
    read_line(plan, n, arguments, ARGP_NO_HELP);
    read_line(plan, argc, argv, 0);
}

void bench_plan_read(bench_plan *plan, int argc, char **argv, bool ops)
{
    set_defaults(plan, ops);
    read_line(plan, argc, argv, 0);
    if (plan->suite) read_suite(plan, argc, argv, ops);
    if (plan->backends.n == 0) choose_backends(plan);
    resolve_auto(plan);
    be_eager(plan);
    if (plan->setup.threads == 0) plan->setup.threads = tn_get_num_threads();
}

void bench_plan_release(bench_plan *plan)
{
    bench_list *const lists[] = {&plan->tasks, &plan->models, &plan->backends, &plan->dtypes,
                                 &plan->maths, &plan->ops,    &plan->samples};
    for (int i = 0; i < 7; i++) bench_list_release(lists[i]);
    for (int i = 0; i < plan->n_peers; i++) {
        free(plan->peers[i].name);
        free(plan->peers[i].command);
    }
    plan->n_peers = 0;
}
