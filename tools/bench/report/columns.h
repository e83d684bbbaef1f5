/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of tables of rows: a heading, and how a row fills its cell. */
#ifndef TENON_BENCH_COLUMNS_H
#define TENON_BENCH_COLUMNS_H

#include "bench/report/table.h"

/* What decides which columns a report needs. */
typedef struct bench_context {
    const bench_results *results;
    bool several_machines;
} bench_context;

typedef struct bench_row_column {
    bench_column head;
    void (*fill)(const bench_context *c, const bench_row *row, bench_cell *cell);
    size_t figure; /* where there is no fill: the offset in the row of a double, and how it is told */
    const char *(*format)(double value, char *buffer);
    bool (*shown)(const bench_context *c); /* NULL: always */
} bench_row_column;

/* A table with a line for each row that `belongs`; rows of the same work follow each other, whatever their run. A line
 * has a note instead of figures where `note` gives one. columns: ended by one without a title. */
bench_table bench_table_of_rows(const bench_context *c, const char *title, const bench_row_column *columns,
                                bool (*belongs)(const bench_row *row),
                                void (*note)(const bench_row *row, char *text, size_t size));

void bench_put(bench_cell *cell, double value, const char *text);
void bench_put_text(bench_cell *cell, const char *text); /* shortened if it is too long; NULL is "" */

/* Why a row has no figures: its error, or what fell back; "" if it has some. */
void bench_note(const bench_row *row, char *text, size_t size);
bool bench_has_several_machines(const bench_context *c);

#endif
