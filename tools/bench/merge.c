/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon bench merge: results of several machines, or of peers, in one report. */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

typedef struct merge_options {
    bench_outputs outputs;
    char **files;
    int n_files;
} merge_options;

static error_t parse(int key, char *text, struct argp_state *state)
{
    merge_options *o = state->input;
    (void)text;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->outputs; return 0;
    case ARGP_KEY_ARGS:
        o->files = state->argv + state->next;
        o->n_files = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "name the results to merge: files that --json has written"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&bench_outputs_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .parser = parse,
    .args_doc = "FILE...",
    .doc = "Puts the results of several runs, machines or peers in one report.\vRows are compared that did the same "
           "work. Example: tenon bench merge here.json there.json --html both.html",
    .children = children,
};

/* The same run given twice would look like two machines that agree. */
static bool is_new(const json_t *runs, const json_t *run, const char *path)
{
    size_t i;
    json_t *other;
    json_array_foreach((json_t *)runs, i, other)
    {
        if (!json_equal(other, run)) continue;
        error(0, 0, "%s: its run of %s on %s was given already", path,
              json_string_value(json_object_get(run, "started")), json_string_value(json_object_get(run, "label")));
        return false;
    }
    return true;
}

/* Each file is read on its own first, so that a message names it. */
static bool add_file(json_t *runs, const char *path)
{
    bench_results *results = bench_results_load(path);
    if (!results) return false;
    json_t *from = json_object_get(results->document, "runs"), *run;
    size_t i;
    bool good = true;
    json_array_foreach(from, i, run)
    {
        good = good && is_new(runs, run, path);
        if (good) json_array_append(runs, run);
    }
    bench_results_close(results);
    return good;
}

/* Labels tell machines apart: those that are the same get a number. */
static void number_labels(json_t *runs)
{
    size_t n = json_array_size(runs);
    for (size_t i = 1; i < n; i++) {
        json_t *run = json_array_get(runs, i);
        const char *label = json_string_value(json_object_get(run, "label"));
        int same = 1;
        for (size_t k = 0; k < i; k++)
            same += !strcmp(json_string_value(json_object_get(json_array_get(runs, k), "label")), label);
        if (same > 1) json_object_set_new(run, "label", json_sprintf("%s (%d)", label, same));
    }
}

int bench_merge(int argc, char **argv)
{
    merge_options o = {0};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    json_t *runs = json_array();
    bool good = true;
    for (int i = 0; good && i < o.n_files; i++) good = add_file(runs, o.files[i]);
    if (!good) {
        json_decref(runs);
        return TOOL_FAILED;
    }
    number_labels(runs);
    bench_results *all = bench_results_read(json_pack("{s:s, s:o}", "schema", BENCH_SCHEMA, "runs", runs), "merged");
    if (!all) return TOOL_FAILED;
    for (int i = 0; o.outputs.baseline && i < all->n_runs; i++) all->runs[i].baseline = o.outputs.baseline;
    bench_summarise(all);
    good = bench_output(all, &o.outputs);
    bench_results_close(all);
    return good ? TOOL_OK : TOOL_FAILED;
}
