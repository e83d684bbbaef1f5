/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/columns.h"

#include <assert.h>
#include <string.h>

#include "bench/report/format.h"

void bench_put(bench_cell *cell, double value, const char *text)
{
    cell->value = value;
    bench_put_text(cell, text);
}

/* Cut between characters, not within one. */
void bench_put_text(bench_cell *cell, const char *text)
{
    size_t n = text ? strlen(text) : 0, most = sizeof cell->text - 1;
    if (n > most)
        for (n = most - 3; ((unsigned char)text[n] & 0xc0) == 0x80;) n--;
    snprintf(cell->text, sizeof cell->text, "%.*s%s", (int)n, text ? text : "", text && text[n] ? "..." : "");
}

bool bench_has_several_machines(const bench_context *c)
{
    return c->several_machines;
}

void bench_note(const bench_row *row, char *text, size_t size)
{
    if (row->error)
        snprintf(text, size, "no figure: %s", row->error);
    else if (row->fell_back)
        snprintf(text, size, "no figure: not all of it ran on this backend (%s, for one)", row->fell_back);
    else if (row->n_rounds == 0)
        snprintf(text, size, "no figure: it was not measured");
    for (char *end = text; (end = strchr(end, '\n'));) *end = ' ';
}

/* ---- lines */

static void fill_cell(const bench_context *c, const bench_row *row, const bench_row_column *column, bench_cell *cell)
{
    char text[BENCH_FIGURE];
    if (column->fill) {
        column->fill(c, row, cell);
        return;
    }
    double value = *(const double *)((const char *)row + column->figure);
    bench_put(cell, value, column->format(value, text));
}

static bool seen_before(const bench_results *results, int i)
{
    for (int k = 0; k < i; k++)
        if (!strcmp(results->rows[k]->work, results->rows[i]->work)) return true;
    return false;
}

static void fill_line(const bench_context *c, const bench_row *row, const bench_row_column *columns, bench_line *line)
{
    int to = 0;
    for (; columns->head.title; columns++) {
        if (columns->shown && !columns->shown(c)) continue;
        bench_cell *cell = &line->cells[to++];
        if (!columns->head.number || columns->head.number == BENCH_KEY || !line->note[0])
            fill_cell(c, row, columns, cell);
    }
}

static void add_group(const bench_context *c, bench_table *table, int first, const bench_row_column *columns,
                      bool (*belongs)(const bench_row *row),
                      void (*note)(const bench_row *row, char *text, size_t size))
{
    const bench_results *results = c->results;
    for (int i = first; i < results->n_rows; i++) {
        const bench_row *row = results->rows[i];
        if (strcmp(row->work, results->rows[first]->work) != 0 || !belongs(row)) continue;
        bench_line *line = bench_table_add(table, first);
        note(row, line->note, sizeof line->note);
        fill_line(c, row, columns, line);
    }
}

bench_table bench_table_of_rows(const bench_context *c, const char *title, const bench_row_column *columns,
                                bool (*belongs)(const bench_row *row),
                                void (*note)(const bench_row *row, char *text, size_t size))
{
    bench_table table = {0};
    snprintf(table.title, sizeof table.title, "%s", title);
    for (const bench_row_column *column = columns; column->head.title; column++) {
        assert(table.n_columns < BENCH_COLUMNS);
        if (!column->shown || column->shown(c)) table.columns[table.n_columns++] = column->head;
    }
    for (int i = 0; i < c->results->n_rows; i++)
        if (!seen_before(c->results, i)) add_group(c, &table, i, columns, belongs, note);
    bench_table_mark_best(&table);
    return table;
}
