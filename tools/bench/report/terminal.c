/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables on a terminal: aligned, the best of each group marked with *, in colour where there is one. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "bench/report/format.h"
#include "bench/report/tables.h"

typedef struct terminal {
    FILE *to;
    bool utf8, styled;
} terminal;

/* ---- characters */

/* What few characters beyond ASCII there are, for terminals that have none. */
static const char *plain(const terminal *t, const char *text, char *buffer, size_t size)
{
    static const char *const pairs[][2] = {{"µ", "u"}, {"×", "x"}, {"±", "+-"}, {"·", "-"}};
    size_t used = 0;
    buffer[0] = '\0';
    for (const char *from = text; *from && used + 4 < size;) {
        size_t k = 0, n = sizeof pairs / sizeof pairs[0];
        while (k < n && (t->utf8 || strncmp(from, pairs[k][0], strlen(pairs[k][0])) != 0)) k++;
        if (k < n) {
            used += (size_t)snprintf(buffer + used, size - used, "%s", pairs[k][1]);
            from += strlen(pairs[k][0]);
        } else
            buffer[used++] = *from++;
        buffer[used] = '\0';
    }
    return buffer;
}

static void style(const terminal *t, const char *code)
{
    if (t->styled) fprintf(t->to, "\033[%sm", code);
}

static void spaces(const terminal *t, size_t n)
{
    for (; n > 0; n--) fputc(' ', t->to);
}

/* ---- cells: a mark follows the best figure, so that others leave room for it */

static void cell(const terminal *t, const bench_column *column, const char *text, bool best, size_t width, bool last)
{
    char buffer[2 * BENCH_CELL];
    const char *shown = plain(t, text, buffer, sizeof buffer);
    size_t pad = width > bench_width(shown) ? width - bench_width(shown) : 0;
    if (column->number) spaces(t, pad);
    if (best) style(t, "1");
    fputs(shown, t->to);
    if (best) style(t, "0");
    if (column->better) fputc(best ? '*' : ' ', t->to);
    if (!column->number && !last) spaces(t, pad);
}

static void widths_of(const terminal *t, const bench_table *table, size_t *widths)
{
    char buffer[2 * BENCH_CELL];
    for (int k = 0; k < table->n_columns; k++) {
        widths[k] = bench_width(plain(t, table->columns[k].title, buffer, sizeof buffer));
        for (int i = 0; i < table->n_lines; i++) {
            size_t width = bench_width(plain(t, table->lines[i].cells[k].text, buffer, sizeof buffer));
            if (width > widths[k]) widths[k] = width;
        }
    }
}

/* A column of nothing but empty cells is left out. */
static bool is_empty(const bench_table *table, int column)
{
    for (int i = 0; i < table->n_lines; i++)
        if (table->lines[i].cells[column].text[0]) return false;
    return true;
}

static void print_line(const terminal *t, const bench_table *table, const bench_line *line, const size_t *widths)
{
    fputs("  ", t->to);
    for (int k = 0; k < table->n_columns; k++) {
        const bench_column *column = &table->columns[k];
        if (is_empty(table, k) || (line && line->note[0] && column->number == true)) continue;
        bool last = k + 1 == table->n_columns;
        cell(t, column, line ? line->cells[k].text : column->title, line && line->cells[k].best, widths[k], last);
        if (!last) fputs("  ", t->to);
    }
    if (line && line->note[0]) fputs(line->note, t->to);
    fputc('\n', t->to);
}

static void print_table(const terminal *t, const bench_table *table)
{
    size_t widths[BENCH_COLUMNS];
    char title[2 * sizeof table->title];
    if (table->n_lines == 0) return;
    widths_of(t, table, widths);
    fputc('\n', t->to);
    style(t, "1");
    fputs(plain(t, table->title, title, sizeof title), t->to);
    style(t, "0");
    fputc('\n', t->to);
    print_line(t, table, NULL, widths);
    for (int i = 0; i < table->n_lines; i++) print_line(t, table, &table->lines[i], widths);
}

/* ---- what comes first */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void print_limits(const terminal *t, const bench_limits *limits)
{
    char buffer[BENCH_PEAKS];
    fprintf(t->to, "  limits of %s: %s", limits->name, bench_format_peaks(limits, buffer));
    for (int i = 0; i < limits->n_bandwidths; i++)
        fprintf(t->to, "%s %s within %s", i ? "," : ";", BENCH_SI(limits->bandwidths[i].rate, "B/s"),
                plain(t, BENCH_BYTES(limits->bandwidths[i].bytes), buffer, sizeof buffer));
    fputc('\n', t->to);
}

static void print_run(const terminal *t, const bench_run *run)
{
    long long threads = json_integer_value(json_object_get(run->settings, "threads"));
    fprintf(t->to, "%s, %lld thread%s, %s %s, %s\n", run->label, threads, threads == 1 ? "" : "s",
            text_of(run->software, "name"), text_of(run->software, "version"), run->started);
    for (int i = 0; i < run->n_limits; i++) print_limits(t, &run->limits[i]);
    if (run->stopped) fprintf(t->to, "  PARTIAL: %s; what follows is what there was by then\n", run->stopped);
}

static void print_remarks(const terminal *t, const bench_results *results)
{
    bool noisy = false, cold = false;
    for (int i = 0; i < results->n_rows; i++) {
        noisy |= bench_row_counts(results->rows[i]) && results->rows[i]->noisy;
        cold |= bench_row_counts(results->rows[i]) && !results->rows[i]->warm;
    }
    fputs("\n* is the best of those that did the same work.\n", t->to);
    if (noisy) fputs("noisy: the rate is not known to 5 %; more --rounds, or a quieter machine, would tell.\n", t->to);
    if (cold) fputs("cold: steps still became faster when the rounds began.\n", t->to);
}

bool bench_write_terminal(FILE *to, const bench_results *results, const bench_tables *tables)
{
    terminal t = {to, tool_utf8(), isatty(fileno(to)) != 0};
    for (int i = 0; i < results->n_runs; i++) print_run(&t, &results->runs[i]);
    for (int i = 0; i < BENCH_TABLES; i++)
        if (!tables->list[i].long_winded) print_table(&t, &tables->list[i]);
    print_remarks(&t, results);
    return fflush(to) == 0 && !ferror(to);
}
