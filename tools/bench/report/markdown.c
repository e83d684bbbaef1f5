/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables in Markdown (GitHub's), the best of each group in bold. */
#include "bench/report/table.h"

/* A bar would end the cell. */
static void write_text(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') fputc('\\', to);
        fputc(*text, to);
    }
}

static void write_line(FILE *to, const bench_table *table, const bench_line *line)
{
    for (int k = 0; k < table->n_columns; k++) {
        const bench_cell *cell = &line->cells[k];
        bool noted = line->note[0] && k + 1 == table->n_columns, bold = cell->best;
        fputs(bold ? "| **" : "| ", to);
        write_text(to, noted ? line->note : cell->text);
        fputs(bold ? "** " : " ", to);
    }
    fputs("|\n", to);
}

static void write_table(FILE *to, const bench_table *table)
{
    if (table->n_lines == 0) return;
    fprintf(to, "\n### %s\n\n", table->title);
    for (int k = 0; k < table->n_columns; k++) fprintf(to, "| %s ", table->columns[k].title);
    fputs("|\n", to);
    for (int k = 0; k < table->n_columns; k++) fputs(table->columns[k].number ? "|---:" : "|---", to);
    fputs("|\n", to);
    for (int i = 0; i < table->n_lines; i++) write_line(to, table, &table->lines[i]);
}

bool bench_write_markdown(FILE *to, const bench_results *results, const bench_tables *tables)
{
    fputs("## tenon bench\n\n", to);
    for (int i = 0; i < results->n_runs; i++) {
        const bench_run *run = &results->runs[i];
        fprintf(to, "- %s, %s", run->label, run->started);
        if (run->stopped) fprintf(to, ", **partial**: %s", run->stopped);
        fputc('\n', to);
    }
    for (int i = 0; i < BENCH_TABLES; i++) write_table(to, &tables->list[i]);
    return fflush(to) == 0 && !ferror(to);
}
