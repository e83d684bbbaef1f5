/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of operators: those that make up most of a step, one line each. */
#include <math.h>
#include <string.h>

#include "bench/report/format.h"
#include "bench/report/tables.h"

static const double small = 0.02; /* share of a step of operators that are summed */

enum { WORK, MACHINE, BACKEND, MATH, OPERATOR, IMPLEMENTATION, CALLS, TIME, SHARE, FLOPS, BYTES, ROOFLINE };

static const bench_column columns[] = {
    [WORK] = {"work", false, 0},   [MACHINE] = {"machine", false, 0},   [BACKEND] = {"backend", false, 0},
    [MATH] = {"math", false, 0},   [OPERATOR] = {"operator", false, 0}, [IMPLEMENTATION] = {"implementation", false, 0},
    [CALLS] = {"calls", true, 0},  [TIME] = {"time", true, 0},          [SHARE] = {"of a step", true, 0},
    [FLOPS] = {"FLOP/s", true, 0}, [BYTES] = {"B/s", true, 0},          [ROOFLINE] = {"roofline", true, 0},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void put_times(const bench_row *row, bench_line *line, double seconds)
{
    double share = seconds / fmax(row->profile.step, row->profile.in_operators);
    bench_put(&line->cells[TIME], seconds, BENCH_SECONDS(seconds));
    bench_put(&line->cells[SHARE], share, BENCH_PERCENT(share));
}

static bench_line *add_line(bench_table *table, const bench_row *row, int group, const char *name)
{
    char work[BENCH_CELL];
    bench_line *line = bench_table_add(table, group);
    snprintf(work, sizeof work, "%s %s %lld", row->model, row->task == BENCH_TRAIN ? "training" : "inference",
             (long long)row->batch_size);
    bench_put_text(&line->cells[WORK], work);
    bench_put_text(&line->cells[MACHINE], row->run->label);
    bench_put_text(&line->cells[BACKEND], row->label);
    bench_put_text(&line->cells[MATH], row->math);
    bench_put_text(&line->cells[OPERATOR], name);
    return line;
}

static void add_operator(bench_table *table, const bench_row *row, int group, const bench_operator *each)
{
    char calls[32], name[BENCH_CELL];
    snprintf(name, sizeof name, "%s%s", each->op, each->fell_back ? " (elsewhere)" : "");
    bench_line *line = add_line(table, row, group, name);
    snprintf(calls, sizeof calls, "%.4g", each->calls);
    bench_put_text(&line->cells[IMPLEMENTATION], each->implementation);
    bench_put(&line->cells[CALLS], each->calls, calls);
    put_times(row, line, each->seconds);
    if (!(each->seconds > 0)) return;
    double flops = each->flops / each->seconds, bytes = each->bytes / each->seconds;
    if (flops > 0) bench_put(&line->cells[FLOPS], flops, BENCH_SI(flops, ""));
    if (bytes > 0) bench_put(&line->cells[BYTES], bytes, BENCH_SI(bytes, ""));
    double share = bench_bound_of(row, each) / each->seconds;
    if (bytes > 0 && share >= 0) {
        char text[64];
        snprintf(text, sizeof text, "%s %s", BENCH_PERCENT(share), bench_limit_of(row, each));
        bench_put(&line->cells[ROOFLINE], share, text);
    }
}

static void add_profile(bench_table *table, const bench_row *row, int group)
{
    const bench_profile *profile = &row->profile;
    double rest = 0;
    int shown = 0;
    while (shown < profile->n_operators && profile->operators[shown].seconds >= small * profile->step) shown++;
    for (int i = 0; i < profile->n_operators; i++) {
        if (i < shown) add_operator(table, row, group, &profile->operators[i]);
        if (i >= shown) rest += profile->operators[i].seconds;
    }
    char name[64];
    snprintf(name, sizeof name, "(%d others)", profile->n_operators - shown);
    if (rest > 0) put_times(row, add_line(table, row, group, name), rest);
    if (profile->idle >= 0) put_times(row, add_line(table, row, group, "(idle)"), profile->idle);
}

/* Drops the column of machines where there is one machine. */
static void drop_machines(bench_table *table)
{
    size_t after = (size_t)(table->n_columns - MACHINE - 1);
    memmove(&table->columns[MACHINE], &table->columns[MACHINE + 1], after * sizeof table->columns[0]);
    for (int i = 0; i < table->n_lines; i++) {
        bench_cell *cells = table->lines[i].cells;
        memmove(&cells[MACHINE], &cells[MACHINE + 1], after * sizeof *cells);
    }
    table->n_columns--;
}

bench_table bench_table_of_profiles(const bench_context *c, bench_task task, const char *title)
{
    bench_table table = {.n_columns = COLUMNS, .long_winded = task != BENCH_TRAIN};
    snprintf(table.title, sizeof table.title, "%s", title);
    memcpy(table.columns, columns, sizeof columns);
    for (int i = 0; i < c->results->n_rows; i++) {
        const bench_row *row = c->results->rows[i];
        if (row->task == task && row->has_profile && row->profile.n_operators) add_profile(&table, row, i);
    }
    if (!c->several_machines) drop_machines(&table);
    return table;
}
