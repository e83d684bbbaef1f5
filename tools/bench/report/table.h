/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables as data: what they say is decided once (tables.c), how they look by each writer. */
#ifndef TENON_BENCH_TABLE_H
#define TENON_BENCH_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/result/result.h"

enum { BENCH_COLUMNS = 14, BENCH_CELL = 128, BENCH_KEY = 2 };

typedef struct bench_cell {
    char text[BENCH_CELL]; /* "" where there is nothing to say */
    double value;          /* what `text` shows; NaN if it is no number */
    bool best;             /* the best of its column among the rows of one group */
} bench_cell;

typedef struct bench_column {
    const char *title;
    int number; /* aligned to the right. BENCH_KEY: it tells which line it is, and is there without figures, too */
    int better; /* +1: more is better, -1: less is, 0: neither */
} bench_column;

typedef struct bench_line {
    int group;      /* lines of one group compete: the same work on several backends */
    char note[600]; /* why there are no figures, instead of them; "" if there are */
    bench_cell cells[BENCH_COLUMNS];
} bench_line;

typedef struct bench_table {
    char title[160];
    bool long_winded; /* left out on a terminal */
    int n_columns, n_lines, room;
    bench_column columns[BENCH_COLUMNS];
    bench_line *lines;
} bench_table;

bench_line *bench_table_add(bench_table *table, int group);
void bench_table_mark_best(bench_table *table); /* within each group of two lines or more */
void bench_table_release(bench_table *table);

/* ---- tables.c: what there is to say, in the order of telling; an empty table has no lines */

enum { BENCH_TABLES = 9 };
typedef struct bench_tables {
    bench_table list[BENCH_TABLES];
} bench_tables;
bench_tables bench_tables_of(const bench_results *results);
void bench_tables_release(bench_tables *tables);

/* ---- writers; false if the stream failed */

bool bench_write_terminal(FILE *to, const bench_results *results, const bench_tables *tables);
bool bench_write_markdown(FILE *to, const bench_results *results, const bench_tables *tables);
bool bench_write_csv(FILE *to, const bench_results *results); /* a line for each row, all figures, base units */
bool bench_write_html(FILE *to, const bench_results *results, const bench_tables *tables);

#endif
