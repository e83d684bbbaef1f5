/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon bench: measures, reduces, reports. */
#include "bench/bench.h"

#include <string.h>

#include "bench/measure/session.h"
#include "bench/measure/worker.h"

/* Without data every row would say the same. */
static bool has_data(const bench_plan *plan)
{
    bool needed = false;
    for (int i = 0; i < plan->tasks.n; i++) needed |= strcmp(plan->tasks.items[i], "op") != 0;
    if (!needed) return true;
    tn_context *tn = tn_open("reference");
    tool_dataset(tn, &plan->setup, false);
    return tool_close(tn) == TOOL_OK;
}

static bool has_rows(const json_t *document)
{
    const json_t *run = json_array_get(json_object_get(document, "runs"), 0);
    const char *stopped = json_string_value(json_object_get(run, "stopped"));
    if (json_array_size(json_object_get(run, "rows"))) return true;
    error(0, 0, "nothing was measured%s%s", stopped ? ": " : "", stopped ? stopped : "");
    return false;
}

/* A run in which no row has a figure is a failure, and so is one that was interrupted. */
static int report(const bench_plan *plan, bench_results *results)
{
    bool any = false;
    bench_summarise(results);
    for (int i = 0; i < results->n_rows; i++) any |= bench_row_counts(results->rows[i]);
    if (!bench_output(results, &plan->outputs)) return TOOL_FAILED;
    return any && !bench_stopped ? TOOL_OK : TOOL_FAILED;
}

static int measure(int argc, char **argv, bool ops)
{
    bench_plan plan;
    bench_plan_read(&plan, argc, argv, ops);
    int code = TOOL_FAILED;
    json_t *document = has_data(&plan) ? bench_measure(&plan) : NULL;
    if (document && has_rows(document)) {
        bench_results *results = bench_results_read(document, "this run");
        if (results) code = report(&plan, results);
        bench_results_close(results);
    } else {
        json_decref(document);
    }
    bench_plan_release(&plan);
    return code;
}

static int measure_models(int argc, char **argv)
{
    return measure(argc, argv, false);
}

static int measure_ops(int argc, char **argv)
{
    return measure(argc, argv, true);
}

static const struct {
    const char *name, *program;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"ops", "tenon bench ops", measure_ops},
    {"merge", "tenon bench merge", bench_merge},
    {"compare", "tenon bench compare", bench_compare},
};

static int run(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--worker")) return bench_worker_run(argv[2]);
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        argv[1] = program_invocation_name = (char *)commands[i].program; /* for messages */
        return commands[i].run(argc - 1, argv + 1);
    }
    return measure_models(argc, argv);
}

const tool_command tool_bench = {"bench", "measures backends and peers: speed, memory, and where the time goes", run};
