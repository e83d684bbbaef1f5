/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon bench compare: what is faster, slower, or the same within noise, since an older run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/report/format.h"

enum { REGRESSION = 3 }; /* exit code */
enum { TOLERANCE = 256, CONTROL };

typedef struct compare_options {
    double tolerance;
    const char *control; /* label; NULL: none */
    char **files;
} compare_options;

static const struct argp_option options[] = {
    {"tolerance", TOLERANCE, "X", 0, "a loss of speed that is allowed, as a share (default: 0.05)", 0},
    {"control", CONTROL, "LABEL", 0, "a backend that did not change: rates count relative to it, round by round", 0},
    {0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    compare_options *o = state->input;
    switch (key) {
    case TOLERANCE: o->tolerance = tool_number(state, "--tolerance", text, 1, false); return 0;
    case CONTROL: o->control = text; return 0;
    case ARGP_KEY_ARGS:
        o->files = state->argv + state->next;
        if (state->argc - state->next != 2) argp_error(state, "name two results: the old and the new one");
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "name two results: the old and the new one"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "OLD NEW",
    .doc = "Compares two results of tenon bench row by row: the ratio of their rates with its 95 % interval.\vThe exit "
           "code is 3 if a row is slower for certain, and by more than the tolerance.\n\nAn interval knows the noise "
           "within a run. A machine may also drift from one run to the next: --control cancels what hits all backends, "
           "and two builds measured in one run need no comparison of runs: tenon bench --peers old=OLD/bin/tenon "
           "--backends onednn,old:onednn --baseline 'old onednn'",
};

static const bench_row *find(const bench_results *old, const bench_row *row)
{
    for (int i = 0; i < old->n_rows; i++)
        if (!strcmp(old->rows[i]->work, row->work) && !strcmp(old->rows[i]->label, row->label)) return old->rows[i];
    return NULL;
}

/* What cannot be compared is said; it is no regression unless a figure is gone. */
static bool print_without_figure(const bench_row *old, const bench_row *new)
{
    printf("  %-44s %-12s %s\n", new->work, new->label,
           !old ? "new: not in the old results"
           : !bench_row_counts(new)
               ? (bench_row_counts(old) ? "LOST: it has no figure any more" : "no figure in either")
               : "no figure in the old results");
    return old && bench_row_counts(old) && !bench_row_counts(new);
}

/* The rates of a row as multiples of the control's in the same rounds; the caller frees. NULL without a control. */
static double *relative_rates(const bench_row *row)
{
    const bench_row *control = bench_baseline_of(row);
    if (!control || control->n_rounds != row->n_rounds) return NULL;
    double *rates = calloc(row->n_rounds + 1, sizeof *rates);
    for (size_t i = 0; rates && i < row->n_rounds; i++) rates[i] = row->rates[i] / control->rates[i];
    return rates;
}

static bench_interval controlled_speedup(const bench_row *old, const bench_row *new)
{
    double *before = relative_rates(old), *after = relative_rates(new);
    bench_interval speedup = {NAN, NAN, NAN};
    if (before && after) speedup = bench_ratio_interval(after, new->n_rounds, before, old->n_rounds);
    free(before);
    free(after);
    return speedup;
}

/* True if it is a regression. */
static bool print_row(const bench_row *old, const bench_row *new, const compare_options *o)
{
    static const char *const names[] = {[BENCH_NOISE] = "noise", [BENCH_FASTER] = "faster", [BENCH_SLOWER] = "slower"};
    if (!old || !bench_row_counts(old) || !bench_row_counts(new)) return print_without_figure(old, new);
    bench_interval speedup = o->control ? controlled_speedup(old, new)
                                        : bench_ratio_interval(new->rates, new->n_rounds, old->rates, old->n_rounds);
    if (isnan(speedup.value)) {
        printf("  %-44s %-12s no control: %s was not measured beside it\n", new->work, new->label, o->control);
        return false;
    }
    bench_verdict verdict = bench_judge(speedup, old->n_rounds, new->n_rounds);
    bool regression = bench_is_regression(verdict, speedup, o->tolerance);
    printf("  %-44s %-12s %-6s  %.3f  [%.3f, %.3f]%s%s\n", new->work, new->label, names[verdict], speedup.value,
           speedup.low, speedup.high, regression ? "  REGRESSION" : "",
           new->n_rounds < BENCH_FEWEST_ROUNDS || old->n_rounds < BENCH_FEWEST_ROUNDS ? "  too few rounds" : "");
    return regression;
}

static void print_gone(const bench_results *old, const bench_results *new)
{
    for (int i = 0; i < old->n_rows; i++)
        if (!find(new, old->rows[i]))
            printf("  %-44s %-12s gone: not in the new results\n", old->rows[i]->work, old->rows[i]->label);
}

static void set_control(bench_results *results, const char *control)
{
    for (int i = 0; control && i < results->n_runs; i++) results->runs[i].baseline = control;
}

static int compare(bench_results *old, bench_results *new, const compare_options *o)
{
    int regressions = 0, compared = 0;
    set_control(old, o->control);
    set_control(new, o->control);
    if (strcmp(old->runs[0].label, new->runs[0].label) != 0)
        printf("old: %s, new: %s: these may be two machines\n", old->runs[0].label, new->runs[0].label);
    printf("  %-44s %-12s %-6s  %s\n", "work", "backend", "is",
           o->control ? "new / old rate, both relative to the control, 95 % interval"
                      : "new rate / old rate, 95 % interval");
    for (int i = 0; i < new->n_rows; i++) {
        const bench_row *before = find(old, new->rows[i]);
        compared += before != NULL;
        regressions += print_row(before, new->rows[i], o);
    }
    print_gone(old, new);
    if (compared == 0) {
        fflush(stdout);
        error(0, 0, "the two results have no row in common");
        return TOOL_FAILED;
    }
    printf("%d regression%s beyond %g %%\n", regressions, regressions == 1 ? "" : "s", 100 * o->tolerance);
    return regressions ? REGRESSION : TOOL_OK;
}

int bench_compare(int argc, char **argv)
{
    compare_options o = {.tolerance = 0.05};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    bench_results *old = bench_results_load(o.files[0]);
    bench_results *new = old ? bench_results_load(o.files[1]) : NULL;
    int code = new ? compare(old, new, &o) : TOOL_FAILED;
    bench_results_close(old);
    bench_results_close(new);
    return code;
}
