/* SPDX-License-Identifier: Apache-2.0
 *
 * A document and its runs. */
#include <error.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/row.h"

static void read_bandwidths(bench_reader *r, const json_t *json, bench_limits *limits)
{
    const json_t *bandwidth = bench_read_object(r, json, "bandwidth");
    bench_read_unit(r, bandwidth, "B/s");
    const json_t *sets = bench_read_array(r, bandwidth, "sets");
    limits->n_bandwidths = (int)json_array_size(sets);
    limits->bandwidths = bench_reader_alloc(r, (size_t)limits->n_bandwidths, sizeof *limits->bandwidths);
    for (int i = 0; i < limits->n_bandwidths; i++) {
        const json_t *set = bench_read_element(r, sets, (size_t)i);
        size_t n;
        double *samples = bench_read_numbers(r, set, "samples", &n);
        limits->bandwidths[i].bytes = bench_read_number(r, set, "bytes");
        limits->bandwidths[i].rate = bench_median(samples, n);
        bench_reader_leave(r);
    }
    bench_reader_leave(r);
    bench_reader_leave(r);
}

static void read_limits(bench_reader *r, const json_t *json, bench_limits *limits)
{
    size_t n;
    limits->name = bench_read_text(r, json, "name");
    if (!limits->name) bench_reader_fail(r, "has no name");
    const json_t *flops = bench_read_object(r, json, "flops");
    bench_read_unit(r, flops, "FLOP/s");
    double *samples = bench_read_numbers(r, flops, "f32", &n);
    limits->f32_flops = bench_median(samples, n);
    samples = bench_read_numbers(r, flops, "tf32", &n);
    limits->tf32_flops = bench_median(samples, n);
    samples = bench_read_numbers(r, flops, "f64", &n);
    limits->f64_flops = bench_median(samples, n);
    bench_reader_leave(r);
    read_bandwidths(r, json, limits);
}

static void read_about(bench_reader *r, const json_t *json, bench_run *run)
{
    run->label = bench_read_text(r, json, "label");
    run->started = bench_read_text(r, json, "started");
    run->stopped = bench_read_text(r, json, "stopped");
    if (!run->stopped && bench_read_flag(r, json, "partial")) run->stopped = "it was stopped before its end";
    run->machine = bench_read_object(r, json, "machine");
    bench_reader_leave(r);
    run->software = bench_read_object(r, json, "software");
    bench_reader_leave(r);
    run->settings = bench_read_object(r, json, "settings");
    run->baseline = bench_read_text(r, run->settings, "baseline");
    run->target = bench_read_number(r, run->settings, "target");
    bench_reader_leave(r);
    if (!run->label || !run->started) bench_reader_fail(r, "does not say on which machine it was made, and when");
}

static void read_run(bench_reader *r, const json_t *json, bench_run *run)
{
    read_about(r, json, run);
    const json_t *limits = bench_read_array(r, json, "limits");
    run->n_limits = (int)json_array_size(limits);
    run->limits = bench_reader_alloc(r, (size_t)run->n_limits, sizeof *run->limits);
    for (int i = 0; i < run->n_limits && !r->failed; i++) {
        read_limits(r, bench_read_element(r, limits, (size_t)i), &run->limits[i]);
        bench_reader_leave(r);
    }
    bench_reader_leave(r);

    const json_t *rows = bench_read_array(r, json, "rows");
    run->n_rows = (int)json_array_size(rows);
    run->rows = bench_reader_alloc(r, (size_t)run->n_rows, sizeof *run->rows);
    for (int i = 0; i < run->n_rows && !r->failed; i++) {
        bench_read_row(r, bench_read_element(r, rows, (size_t)i), run, &run->rows[i]);
        bench_reader_leave(r);
    }
    bench_reader_leave(r);
}

/* "tenon.bench/1" */
static void check_schema(bench_reader *r, const json_t *document)
{
    if (!json_is_object(document)) {
        bench_reader_fail(r, "this is no result of tenon bench");
        return;
    }
    const char *schema = bench_read_text(r, document, "schema");
    int version = 0;
    if (!schema || sscanf(schema, "tenon.bench/%d", &version) != 1)
        bench_reader_fail(r, "this is no result of tenon bench: it does not say \"schema\": \"" BENCH_SCHEMA "\"");
    else if (strcmp(schema, BENCH_SCHEMA) != 0)
        bench_reader_fail(r, "its schema is %s, but this tenon reads " BENCH_SCHEMA ": %s", schema,
                          version > 1 ? "use a newer tenon" : "measure anew");
}

static void read_runs(bench_reader *r, bench_results *results)
{
    const json_t *runs = bench_read_array(r, results->document, "runs");
    results->n_runs = (int)json_array_size(runs);
    results->runs = bench_reader_alloc(r, (size_t)results->n_runs, sizeof *results->runs);
    for (int i = 0; i < results->n_runs && !r->failed; i++) {
        read_run(r, bench_read_element(r, runs, (size_t)i), &results->runs[i]);
        results->n_rows += results->runs[i].n_rows;
        bench_reader_leave(r);
    }
    bench_reader_leave(r);
    if (results->n_rows == 0) bench_reader_fail(r, "nothing was measured in it: it has no rows");
}

static void list_rows(bench_reader *r, bench_results *results)
{
    results->rows = bench_reader_alloc(r, (size_t)results->n_rows, sizeof *results->rows);
    bench_row **to = results->rows;
    for (int i = 0; i < results->n_runs; i++)
        for (int k = 0; k < results->runs[i].n_rows; k++) *to++ = &results->runs[i].rows[k];
}

bench_results *bench_results_read(json_t *document, const char *source)
{
    bench_results *results = calloc(1, sizeof *results);
    if (!results) error(EXIT_FAILURE, 0, "%s: no memory", source);
    bench_reader r = {.source = source, .memory = &results->memory};
    results->document = document;
    check_schema(&r, document);
    if (!r.failed) read_runs(&r, results);
    if (!r.failed) list_rows(&r, results);
    if (!r.failed) return results;
    bench_results_close(results);
    return NULL;
}

bench_results *bench_results_load(const char *path)
{
    json_error_t why;
    bool from_stdin = !strcmp(path, "-");
    json_t *document = from_stdin ? json_loadf(stdin, 0, &why) : json_load_file(path, 0, &why);
    const char *name = from_stdin ? "standard input" : path;
    if (document) return bench_results_read(document, name);
    if (why.line > 0)
        error(0, 0, "%s: line %d: %s", name, why.line, why.text);
    else
        error(0, 0, "%s", why.text);
    return NULL;
}

void bench_results_close(bench_results *results)
{
    if (!results) return;
    bench_memory_release(results->memory);
    json_decref(results->document);
    free(results);
}
