/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows share a chart, and what it is called. */
#include <errno.h>
#include <error.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/chart.h"

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

bool chart_same_work(const bench_row *row, const bench_row *other)
{
    return row->task == other->task && same_text(row->model, other->model) && !strcmp(row->math, other->math);
}

const char *chart_task_name(bench_task task)
{
    return task == BENCH_TRAIN ? "training" : task == BENCH_INFER ? "inference" : "operators";
}

bool chart_one_batch(const chart_figure *figure)
{
    for (int i = 1; i < figure->n; i++)
        if (figure->rows[i]->batch_size != figure->rows[0]->batch_size) return false;
    return true;
}

/* ---- rows */

static bool is_first(const chart_kind *kind, const bench_results *results, int i)
{
    for (int k = 0; k < i; k++)
        if (kind->wanted(results->rows[k]) && kind->together(results->rows[i], results->rows[k])) return false;
    return kind->wanted(results->rows[i]);
}

/* The row with which the nth chart begins; NULL if there are not so many charts. */
static const bench_row *find_first(const chart_kind *kind, const bench_results *results, int nth)
{
    for (int i = 0; i < results->n_rows; i++)
        if (is_first(kind, results, i) && nth-- == 0) return results->rows[i];
    return NULL;
}

static int count_batch(const chart_figure *figure, int64_t batch_size)
{
    int n = 0;
    for (int i = 0; i < figure->n; i++) n += figure->rows[i]->batch_size == batch_size;
    return n;
}

static void keep_typical_batch(chart_figure *figure)
{
    int64_t kept = figure->rows[0]->batch_size;
    for (int i = 1; i < figure->n; i++) {
        int64_t size = figure->rows[i]->batch_size;
        bool smallest = figure->rows[i]->task == BENCH_INFER;
        int more = smallest ? 0 : count_batch(figure, size) - count_batch(figure, kept);
        if (more > 0 || (more == 0 && size < kept)) kept = size;
    }
    int n = 0;
    for (int i = 0; i < figure->n; i++)
        if (figure->rows[i]->batch_size == kept) figure->rows[n++] = figure->rows[i];
    figure->n = n;
}

/* ---- the title: what all rows have in common */

static bool has_several_maths(const bench_results *results)
{
    for (int i = 1; i < results->n_rows; i++)
        if (strcmp(results->rows[i]->math, results->rows[0]->math) != 0) return true;
    return false;
}

static bool has_one_run(const chart_figure *figure)
{
    for (int i = 1; i < figure->n; i++)
        if (figure->rows[i]->run != figure->rows[0]->run) return false;
    return true;
}

static void name_figure(chart_figure *figure)
{
    const bench_row *first = figure->rows[0];
    char batch[48] = "", machine[CHART_LABEL] = "";
    if (chart_one_batch(figure) && first->model)
        snprintf(batch, sizeof batch, ", batch size %lld", (long long)first->batch_size);
    bool tell_machine = figure->results->n_runs > 1 && figure->one_run;
    if (tell_machine) chart_machine(figure->results, first->run, machine);
    bool tell_math = has_several_maths(figure->results);
    snprintf(figure->title, sizeof figure->title, "%s%s%s%s%s%s%s%s", first->model ? first->model : "",
             first->model ? ", " : "", chart_task_name(first->task), batch, tell_math ? ", " : "",
             tell_math ? first->math : "", tell_machine ? ", on " : "", machine);
}

bool chart_figure_make(chart_figure *figure, const chart_kind *kind, const bench_results *results, int nth)
{
    *figure = (chart_figure){.results = results};
    const bench_row *first = find_first(kind, results, nth);
    if (!first) return false;
    figure->rows = malloc((size_t)results->n_rows * sizeof *figure->rows);
    if (!figure->rows) error(EXIT_FAILURE, errno, "charts");
    for (int i = 0; i < results->n_rows; i++) {
        const bench_row *row = results->rows[i];
        if (kind->wanted(row) && kind->together(row, first)) figure->rows[figure->n++] = row;
    }
    if (kind->batches == CHART_TYPICAL) keep_typical_batch(figure);
    figure->one_run = has_one_run(figure);
    name_figure(figure);
    kind->summarize(figure);
    kind->tabulate(figure);
    return true;
}

void chart_figure_release(chart_figure *figure)
{
    bench_table_release(&figure->table);
    free(figure->rows);
    *figure = (chart_figure){0};
}
