/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/table.h"

#include <errno.h>
#include <error.h>
#include <math.h>
#include <stdlib.h>

bench_line *bench_table_add(bench_table *table, int group)
{
    if (table->n_lines == table->room) {
        table->room = table->room ? 2 * table->room : 16;
        table->lines = realloc(table->lines, (size_t)table->room * sizeof *table->lines);
        if (!table->lines) error(EXIT_FAILURE, errno, "no memory for a table");
    }
    bench_line *line = &table->lines[table->n_lines++];
    *line = (bench_line){.group = group};
    for (int i = 0; i < BENCH_COLUMNS; i++) line->cells[i].value = NAN;
    return line;
}

/* The best line of a group by one column; NULL unless at least two lines have a figure. */
static bench_line *best_of(bench_table *table, int group, int column)
{
    int better = table->columns[column].better, figures = 0;
    bench_line *best = NULL;
    for (int i = 0; i < table->n_lines; i++) {
        bench_line *line = &table->lines[i];
        double value = line->cells[column].value;
        if (line->group != group || isnan(value) || line->note[0]) continue;
        figures++;
        if (!best || better * (value - best->cells[column].value) > 0) best = line;
    }
    return figures > 1 ? best : NULL;
}

void bench_table_mark_best(bench_table *table)
{
    for (int i = 0; i < table->n_lines; i++)
        for (int column = 0; column < table->n_columns; column++) {
            bench_line *line = &table->lines[i];
            if (table->columns[column].better && best_of(table, line->group, column) == line)
                line->cells[column].best = true;
        }
}

void bench_table_release(bench_table *table)
{
    free(table->lines);
    *table = (bench_table){0};
}
