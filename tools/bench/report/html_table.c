/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of data as a table of a page. */
#include "bench/report/html.h"

/* A column of nothing but empty cells is left out. */
static bool is_empty(const bench_table *table, int column)
{
    for (int i = 0; i < table->n_lines; i++)
        if (table->lines[i].cells[column].text[0]) return false;
    return true;
}

static void write_head(FILE *to, const bench_table *table)
{
    fputs("<thead><tr>", to);
    for (int k = 0; k < table->n_columns; k++) {
        if (is_empty(table, k)) continue;
        fprintf(to, "<th scope=\"col\"%s>", table->columns[k].number ? " class=\"number\"" : "");
        html_text(to, table->columns[k].title);
        fputs("</th>", to);
    }
    fputs("</tr></thead>\n", to);
}

static void write_cell(FILE *to, const bench_table *table, const bench_cell *cell, int column)
{
    const char *tag = column == 0 ? "th" : "td";
    bool number = table->columns[column].number;
    fprintf(to, "<%s%s", tag, column == 0 ? " scope=\"row\"" : "");
    if (number || cell->best)
        fprintf(to, " class=\"%s%s%s\"", number ? "number" : "", number && cell->best ? " " : "",
                cell->best ? "best" : "");
    fputc('>', to);
    html_text(to, cell->text);
    if (cell->best) fputs("<span class=\"unseen\"> (best)</span>", to);
    fprintf(to, "</%s>", tag);
}

/* The note of a line is where its first missing figure would be, and takes the place of all that follow. */
static void write_note(FILE *to, const bench_table *table, const bench_line *line, int column)
{
    int span = 0;
    for (int k = column; k < table->n_columns; k++) span += !is_empty(table, k);
    fprintf(to, "<td class=\"note\" colspan=\"%d\">", span);
    html_text(to, line->note);
    fputs("</td>", to);
}

static void write_line(FILE *to, const bench_table *table, const bench_line *line, bool first)
{
    fputs(first ? "<tr class=\"first\">" : "<tr>", to);
    for (int k = 0; k < table->n_columns; k++) {
        const bench_column *column = &table->columns[k];
        if (is_empty(table, k)) continue;
        if (line->note[0] && column->number && !line->cells[k].text[0]) {
            write_note(to, table, line, k);
            break;
        }
        write_cell(to, table, &line->cells[k], k);
    }
    fputs("</tr>\n", to);
}

void html_table(FILE *to, const bench_table *table, const char *label)
{
    if (table->n_lines == 0) return;
    fputs("<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"", to);
    html_text(to, label);
    fputs("\">\n<table>\n", to);
    write_head(to, table);
    fputs("<tbody>\n", to);
    for (int i = 0; i < table->n_lines; i++)
        write_line(to, table, &table->lines[i], i > 0 && table->lines[i].group != table->lines[i - 1].group);
    fputs("</tbody>\n</table>\n</div>\n", to);
}
