/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon compare: training speed of every usable backend on both models. Backends take turns, round by round, so that
 * what else the machine does hits all of them; the median round counts. */
#include <stdlib.h>
#include <string.h>

#include "training.h"

enum { MAX_LANES = 8, MAX_ROUNDS = 100, WARM_UP = 20 };

typedef struct compare_options {
    tool_recipe recipe;
    int64_t rounds, steps;
} compare_options;

enum { ROUNDS = 256, STEPS };

/* clang-format off */
static const struct argp_option options[] = {
    {"batch-size", 'n',    "N", 0, "images in a step (default: 64)", 1},
    {"rounds",     ROUNDS, "N", 0, "measurements of each backend (default: 5)", 1},
    {"steps",      STEPS,  "N", 0, "training steps in a round (default: 60)", 1},
    {0},
};
/* clang-format on */

static error_t parse(int key, char *text, struct argp_state *state)
{
    compare_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->recipe.setup; return 0;
    case 'n': o->recipe.batch_size = tool_integer(state, "--batch-size", text, 1, 60000); return 0;
    case ROUNDS: o->rounds = tool_integer(state, "--rounds", text, 1, MAX_ROUNDS); return 0;
    case STEPS: o->steps = tool_integer(state, "--steps", text, 1, 1000000); return 0;
    case ARGP_KEY_ARG: argp_error(state, "\"%s\" is no option; a single backend is --backend %s", text, text); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&tool_setup_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .doc = "Compares the training speed of all usable backends (or of one) on both models (or on one).",
    .children = children,
};

/* ---- one backend on one model ------------------------------------------------------------------------------- */

typedef struct lane {
    const char *backend;
    tn_context *tn;
    tool_training training;
    double rates[MAX_ROUNDS]; /* images per second of each round */
} lane;

/* Images per second of some steps, the device's queue empty before and after. */
static double measure(lane *l, int64_t steps)
{
    int64_t images = 0;
    tn_synchronize(l->tn);
    double start = tool_now();
    for (int64_t done = 0; done < steps && !tn_check(l->tn);) done += tool_training_step(&l->training);
    tool_training_read_loss(&l->training, &images);
    tn_synchronize(l->tn);
    return (double)images / (tool_now() - start);
}

static void lane_open(lane *l, const tool_recipe *recipe, const char *backend)
{
    l->backend = backend;
    l->tn = tool_open(&recipe->setup, backend);
    tool_training_init(&l->training, l->tn, recipe);
    if (!tn_check(l->tn)) measure(l, WARM_UP);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const lane *l, int64_t rounds)
{
    double sorted[MAX_ROUNDS];
    memcpy(sorted, l->rates, (size_t)rounds * sizeof *sorted);
    qsort(sorted, (size_t)rounds, sizeof *sorted, by_value);
    return (sorted[rounds / 2] + sorted[(rounds - 1) / 2]) / 2;
}

/* ---- one model on all backends ------------------------------------------------------------------------------ */

/* A backend that did not do all of the work itself gets no figure. Returns whether it has one. */
static bool print_lane(lane *l, int64_t rounds, double reference)
{
    printf("  %-12s", l->backend);
    if (tn_check(l->tn)) {
        printf("   no figure: %s\n", tn_message(l->tn));
    } else if (tn_fell_back(l->tn)) {
        printf("   no figure: ");
        tool_report_fallback(l->tn, stdout);
    } else {
        double rate = median(l, rounds);
        printf(" %12s", TOOL_COUNT(rate));
        if (reference > 0) printf(" %11.2f x", rate / reference);
        putchar('\n');
        return true;
    }
    return false;
}

/* Every lane's own error is told in its row; true if all have a figure. */
static bool print_lanes(lane *lanes, int n, const compare_options *o)
{
    printf("%s\n  %-12s %12s%s\n", o->recipe.setup.model, "backend", "images/s", n > 1 ? "  vs reference" : "");
    double reference = 0;
    for (int i = 0; i < n; i++)
        if (!strcmp(lanes[i].backend, "reference") && !tn_check(lanes[i].tn)) reference = median(&lanes[i], o->rounds);
    bool all = true;
    for (int i = 0; i < n; i++) all &= print_lane(&lanes[i], o->rounds, n > 1 ? reference : 0);
    fflush(stdout);
    return all;
}

static void run_rounds(lane *lanes, int n, const compare_options *o)
{
    tool_meter meter;
    tool_meter_init(&meter, o->recipe.setup.model, false);
    for (int64_t round = 0; round < o->rounds; round++)
        for (int i = 0; i < n; i++) {
            double done = ((double)round * n + i) / ((double)o->rounds * n);
            if (tool_meter_due(&meter)) tool_meter_draw(&meter, done, lanes[i].backend);
            if (!tn_check(lanes[i].tn)) lanes[i].rates[round] = measure(&lanes[i], o->steps);
        }
    tool_meter_clear(&meter);
}

static bool compare(compare_options *o, const char *model, const char *const *backends, int n)
{
    lane *lanes = calloc((size_t)n, sizeof *lanes);
    if (!lanes) error(TOOL_FAILED, errno, "cannot compare %d backends", n);
    o->recipe.setup.model = model;
    for (int i = 0; i < n; i++) lane_open(&lanes[i], &o->recipe, backends[i]);
    run_rounds(lanes, n, o);
    bool all = print_lanes(lanes, n, o);
    for (int i = 0; i < n; i++) {
        tn_clear(lanes[i].tn);
        tn_close(lanes[i].tn);
    }
    free(lanes);
    return all;
}

static int usable(const char **names)
{
    int n, found = 0;
    const tn_backend_status *backends = tn_backends(&n);
    for (int i = 0; i < n && found < MAX_LANES; i++)
        if (!backends[i].refused) names[found++] = backends[i].name;
    return found;
}

static int run(int argc, char **argv)
{
    compare_options o = {.recipe = tool_default_recipe, .rounds = 5, .steps = 60};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    const tool_setup *setup = &o.recipe.setup;
    const char *backends[MAX_LANES] = {setup->backend}, *only = setup->model;
    int n = setup->backend ? 1 : usable(backends);

    printf("training, batch size %lld: median of %lld rounds of %lld steps\n", (long long)o.recipe.batch_size,
           (long long)o.rounds, (long long)o.steps);
    bool all = n > 0;
    for (int i = 0; tool_models[i]; i++)
        if (!only || only == tool_models[i]) all &= compare(&o, tool_models[i], backends, n);
    return all ? TOOL_OK : TOOL_FAILED;
}

const tool_command tool_compare = {"compare", "compares the speed of the backends on both models", run};
