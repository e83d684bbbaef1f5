/* SPDX-License-Identifier: Apache-2.0
 *
 * Images per second: lines over batch sizes, or bars where there is one batch size. */
#include <errno.h>
#include <error.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/chart.h"
#include "bench/report/columns.h"
#include "bench/report/format.h"

static bool wanted(const bench_row *row)
{
    return row->task != BENCH_OP && bench_row_counts(row) && row->rate.value > 0;
}

/* ---- in words and numbers */

static void summarize(chart_figure *figure)
{
    char label[CHART_LABEL], batch[48] = "";
    const bench_row *best = figure->rows[0];
    for (int i = 1; i < figure->n; i++)
        if (figure->rows[i]->rate.value > best->rate.value) best = figure->rows[i];
    if (!chart_one_batch(figure)) snprintf(batch, sizeof batch, " at batch size %lld", (long long)best->batch_size);
    snprintf(figure->summary, sizeof figure->summary, "Fastest: %s with %s images/s%s.",
             chart_label(figure, best, label), BENCH_RATE(best->rate.value), batch);
}

static void tabulate(chart_figure *figure)
{
    static const bench_column columns[] = {{"backend", false, 0},
                                           {"batch size", true, 0},
                                           {"images/s", true, 1},
                                           {"95 % interval: from", true, 0},
                                           {"to", true, 0}};
    bench_table *table = &figure->table;
    table->n_columns = sizeof columns / sizeof columns[0];
    memcpy(table->columns, columns, sizeof columns);
    for (int i = 0; i < figure->n; i++) {
        const bench_row *row = figure->rows[i];
        bench_cell *cells = bench_table_add(table, (int)row->batch_size)->cells;
        chart_put_label(&cells[0], figure, row);
        bench_put(&cells[1], (double)row->batch_size, BENCH_RATE((double)row->batch_size));
        bench_put(&cells[2], row->rate.value, BENCH_RATE(row->rate.value));
        bench_put(&cells[3], row->rate.low, BENCH_RATE(row->rate.low));
        bench_put(&cells[4], row->rate.high, BENCH_RATE(row->rate.high));
    }
    bench_table_mark_best(table);
}

/* ---- bars */

static void draw_bar(chart_canvas *c, const chart_figure *figure, const chart_rows *rows, const chart_scale *x, int i)
{
    const bench_row *row = figure->rows[i];
    chart_style style = chart_style_of(figure, row);
    double top = chart_row(c, figure, rows, i), middle = top + rows->thickness / 2;
    double end = chart_at(x, row->rate.value), low = chart_at(x, row->rate.low), high = chart_at(x, row->rate.high);
    svg_colour colour = (svg_colour)(SVG_SERIES + style.colour);
    chart_box bar = {x->start, top, end, top + rows->thickness};
    if (style.hollow) chart_rect(c, SVG_PAPER, 1, bar);
    chart_rect(c, colour, style.hollow ? 0.55 : 1, bar);
    if (high - low >= 1) {
        chart_rule(c, SVG_INK, low, middle, high, middle);
        chart_rule(c, SVG_INK, low, middle - 4, low, middle + 4);
        chart_rule(c, SVG_INK, high, middle - 4, high, middle + 4);
    }
    char text[64];
    snprintf(text, sizeof text, "%s/s", BENCH_RATE(row->rate.value));
    chart_text(c, CHART_NAME, fmax(end, isfinite(high) ? high : end) + 7, middle, 0, text);
}

static void draw_bars(chart_canvas *c, const chart_figure *figure)
{
    double most = 0;
    for (int i = 0; i < figure->n; i++)
        most = fmax(most, fmax(figure->rows[i]->rate.value, figure->rows[i]->rate.high));
    chart_rows rows = chart_rows_of(c, figure, 18, 0, chart_text_width(c, CHART_NAME, BENCH_RATE(most)) + 26);
    chart_scale x = chart_scale_of(0, most, false, false, c->narrow ? 3 : 6, "");
    x.start = rows.box.left;
    x.end = rows.box.right;
    chart_axis_below(c, &x, rows.box.top - 4, rows.box.bottom);
    for (int i = 0; i < figure->n; i++) draw_bar(c, figure, &rows, &x, i);
    chart_rule(c, SVG_SOFT, x.start, rows.box.top - 4, x.start, rows.box.bottom);
    chart_text(c, CHART_TICK, (x.start + x.end) / 2, rows.box.bottom + 11 + CHART_LINE, 0.5, "images per second");
    c->height = rows.box.bottom + 2 * CHART_LINE + 4;
}

/* ---- lines */

static int by_batch(const void *a, const void *b)
{
    int64_t x = (*(const bench_row *const *)a)->batch_size, y = (*(const bench_row *const *)b)->batch_size;
    return (x > y) - (x < y);
}

static bool same_series(const bench_row *a, const bench_row *b)
{
    return a->run == b->run && !strcmp(a->label, b->label);
}

static void fill_line(chart_line *line, const chart_figure *figure, const bench_row *of)
{
    chart_line_init(line, of, (size_t)figure->n, true);
    const bench_row **rows = malloc((size_t)figure->n * sizeof *rows);
    if (!rows) error(EXIT_FAILURE, errno, "charts");
    for (int i = 0; i < figure->n; i++)
        if (same_series(figure->rows[i], of)) rows[line->n++] = figure->rows[i];
    qsort(rows, (size_t)line->n, sizeof *rows, by_batch);
    for (int i = 0; i < line->n; i++) {
        line->x[i] = (double)rows[i]->batch_size;
        line->y[i] = rows[i]->rate.value;
        line->low[i] = rows[i]->rate.low;
        line->high[i] = rows[i]->rate.high;
    }
    free(rows);
}

static int fill_lines(chart_line *lines, const chart_figure *figure)
{
    int n = 0;
    for (int i = 0; i < figure->n; i++) {
        bool seen = false;
        for (int k = 0; k < n && !seen; k++) seen = same_series(lines[k].row, figure->rows[i]);
        if (!seen) fill_line(&lines[n++], figure, figure->rows[i]);
    }
    return n;
}

/* Ticks at the batch sizes that were measured. */
static chart_scale batch_scale(const chart_figure *figure)
{
    double least = INFINITY, most = 0;
    for (int i = 0; i < figure->n; i++) {
        least = fmin(least, (double)figure->rows[i]->batch_size);
        most = fmax(most, (double)figure->rows[i]->batch_size);
    }
    double margin = pow(most / least, 0.03);
    chart_scale x = {.from = least / margin, .to = most * margin, .log = true, .unit = ""};
    for (double last = 0; x.n_ticks < CHART_TICKS && last < most; x.n_ticks++) {
        double next = most;
        for (int i = 0; i < figure->n; i++)
            if ((double)figure->rows[i]->batch_size > last) next = fmin(next, (double)figure->rows[i]->batch_size);
        last = x.ticks[x.n_ticks] = next;
    }
    return x;
}

static chart_scale rate_scale(const chart_figure *figure)
{
    double least = INFINITY, most = 0;
    for (int i = 0; i < figure->n; i++) {
        const bench_interval *rate = &figure->rows[i]->rate;
        least = fmin(least, rate->low > 0 ? rate->low : rate->value);
        most = fmax(most, fmax(rate->value, rate->high));
    }
    return chart_scale_of(least, most, true, true, 7, "");
}

static void draw_lines(chart_canvas *c, const chart_figure *figure)
{
    chart_line *lines = calloc((size_t)figure->n, sizeof *lines);
    if (!lines) error(EXIT_FAILURE, errno, "charts");
    int n = fill_lines(lines, figure);
    chart_scale x = batch_scale(figure), y = rate_scale(figure);
    y.start = 300; /* about, to see whether labels fit */
    double ends = chart_ends_width(c, figure, n, lines, &y), top = ends > 0 ? 0 : chart_row_legend(c, figure, 0, true);
    c->height = top + (c->narrow ? 280 : 340);
    chart_axes(c, (chart_box){0, top, c->width - (ends > 0 ? ends : 6), c->height}, &x, &y, "batch size",
               "images per second");
    for (int i = 0; i < n; i++) chart_draw_line(c, figure, &lines[i], &x, &y, 2, 1);
    if (ends > 0) chart_draw_ends(c, figure, n, lines, &x, &y);
    for (int i = 0; i < n; i++) chart_line_release(&lines[i]);
    free(lines);
}

static void draw(chart_canvas *c, const chart_figure *figure)
{
    if (chart_one_batch(figure))
        draw_bars(c, figure);
    else
        draw_lines(c, figure);
}

const chart_kind chart_throughput = {
    .name = "throughput",
    .heading = "Throughput",
    .explanation = "Images per second, the median of all rounds; whiskers are its 95 % interval. More is better.",
    .wanted = wanted,
    .together = chart_same_work,
    .batches = CHART_EVERY,
    .summarize = summarize,
    .tabulate = tabulate,
    .draw = draw,
};
