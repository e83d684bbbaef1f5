/* SPDX-License-Identifier: Apache-2.0
 *
 * How long steps take: a strip for each backend, from the 5th to the 95th percentile, darker between the quartiles,
 * with a line at the median and a ring at the 99th percentile. */
#include <math.h>
#include <string.h>

#include "bench/report/chart.h"
#include "bench/report/columns.h"
#include "bench/report/format.h"

static const double log_above = 8; /* ratio of the longest to the shortest time */

static bool wanted(const bench_row *row)
{
    return row->task != BENCH_OP && bench_row_counts(row) && row->n_times > 1 && row->step.min > 0;
}

static double quantile(const bench_row *row, double q)
{
    return bench_quantile(row->times, row->n_times, q);
}

static void summarize(chart_figure *figure)
{
    char label[CHART_LABEL];
    const bench_row *best = figure->rows[0];
    for (int i = 1; i < figure->n; i++)
        if (figure->rows[i]->step.p50 < best->step.p50) best = figure->rows[i];
    snprintf(figure->summary, sizeof figure->summary,
             "Shortest: %s, where half of the steps take at most %s, and 99 %% at most %s.",
             chart_label(figure, best, label), BENCH_SECONDS(best->step.p50), BENCH_SECONDS(best->step.p99));
}

static void tabulate(chart_figure *figure)
{
    static const double shares[] = {0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
    static const bench_column columns[] = {{"backend", false, 0}, {"p5", true, -1},    {"p25", true, -1},
                                           {"median", true, -1},  {"p75", true, -1},   {"p95", true, -1},
                                           {"p99", true, -1},     {"samples", true, 0}};
    bench_table *table = &figure->table;
    table->n_columns = sizeof columns / sizeof columns[0];
    memcpy(table->columns, columns, sizeof columns);
    for (int i = 0; i < figure->n; i++) {
        const bench_row *row = figure->rows[i];
        bench_cell *cells = bench_table_add(table, 0)->cells;
        chart_put_label(&cells[0], figure, row);
        for (int k = 0; k < 6; k++)
            bench_put(&cells[k + 1], quantile(row, shares[k]), BENCH_SECONDS(quantile(row, shares[k])));
        bench_put(&cells[7], (double)row->n_times, BENCH_RATE((double)row->n_times));
    }
    bench_table_mark_best(table);
}

/* ---- the drawing */

/* At least two units wide, so that it is seen. */
static chart_box strip(double from, double to, double top, double bottom)
{
    double middle = (from + to) / 2, half = fmax((to - from) / 2, 1);
    return (chart_box){middle - half, top, middle + half, bottom};
}

static void draw_strip(const chart_canvas *c, chart_style style, const double at[5], double top, double thickness)
{
    svg_colour colour = (svg_colour)(SVG_SERIES + style.colour);
    double middle = top + thickness / 2;
    chart_rule(c, colour, at[3], middle, at[4], middle);
    chart_rect(c, colour, 0.35, strip(at[0], at[3], top + 4, top + thickness - 4));
    chart_rect(c, colour, 1, strip(at[1], at[2], top + 1, top + thickness - 1));
    chart_style ring = {.colour = style.colour, .hollow = true};
    chart_marker(c, ring, at[4], middle, 3);
}

static void draw_row(const chart_canvas *c, const chart_figure *figure, const chart_rows *rows, const chart_scale *x,
                     int i)
{
    const bench_row *row = figure->rows[i];
    const double shares[] = {0.05, 0.25, 0.75, 0.95, 0.99};
    double at[5], top = chart_row(c, figure, rows, i), median = chart_at(x, row->step.p50);
    for (int k = 0; k < 5; k++) at[k] = chart_at(x, quantile(row, shares[k]));
    draw_strip(c, chart_style_of(figure, row), at, top, rows->thickness);
    svg_use_colour(c->cr, SVG_INK);
    cairo_set_line_width(c->cr, 2);
    cairo_move_to(c->cr, median, top - 2);
    cairo_line_to(c->cr, median, top + rows->thickness + 2);
    cairo_stroke(c->cr);
    chart_text(c, CHART_NAME, c->width, top + rows->thickness / 2, 1, BENCH_SECONDS(row->step.p50));
}

/* A strip with its parts named. */
static double draw_example(const chart_canvas *c, double left, double top)
{
    static const char *const names[] = {"p5", "p25", "median", "p75", "p95", "p99"};
    const double at[] = {left + 12, left + 58, left + 152, left + 198, left + 240}, median = left + 105;
    const double places[] = {at[0], at[1], median, at[2], at[3], at[4]};
    svg_use_colour(c->cr, SVG_SOFT);
    chart_rule(c, SVG_SOFT, at[3], top + 7, at[4], top + 7);
    chart_rect(c, SVG_SOFT, 0.35, strip(at[0], at[3], top + 3, top + 11));
    chart_rect(c, SVG_SOFT, 1, strip(at[1], at[2], top, top + 14));
    chart_rule(c, SVG_PAPER, median, top, median, top + 14);
    cairo_new_path(c->cr);
    cairo_arc(c->cr, at[4], top + 7, 3, 0, 2 * M_PI);
    svg_use_colour(c->cr, SVG_PAPER);
    cairo_fill_preserve(c->cr);
    svg_use_colour(c->cr, SVG_SOFT);
    cairo_stroke(c->cr);
    for (int i = 0; i < 6; i++) chart_text(c, CHART_TICK, places[i], top + 23, 0.5, names[i]);
    return top + 32;
}

static chart_scale time_scale(const chart_figure *figure, bool narrow)
{
    double least = INFINITY, most = 0;
    for (int i = 0; i < figure->n; i++) {
        least = fmin(least, quantile(figure->rows[i], 0.05));
        most = fmax(most, quantile(figure->rows[i], 0.99));
    }
    bool log = most > log_above * least;
    double margin = log ? 1.06 : 1;
    return chart_scale_of(log ? least / margin : 0, most * margin, log, false, narrow ? 4 : 8, "s");
}

static void draw(chart_canvas *c, const chart_figure *figure)
{
    double widest = 0;
    for (int i = 0; i < figure->n; i++)
        widest = fmax(widest, chart_text_width(c, CHART_NAME, BENCH_SECONDS(figure->rows[i]->step.p50)));
    chart_rows rows = chart_rows_of(c, figure, 16, 0, widest + 14);
    chart_scale x = time_scale(figure, c->narrow);
    x.start = rows.box.left;
    x.end = rows.box.right;
    rows.box.top += CHART_LINE;
    rows.box.bottom += CHART_LINE;
    chart_text(c, CHART_TICK, c->width, 8, 1, "median");
    chart_axis_below(c, &x, rows.box.top - 4, rows.box.bottom);
    for (int i = 0; i < figure->n; i++) draw_row(c, figure, &rows, &x, i);
    chart_text(c, CHART_TICK, (x.start + x.end) / 2, rows.box.bottom + 11 + CHART_LINE, 0.5,
               x.log ? "time of a step (logarithmic)" : "time of a step");
    c->height = draw_example(c, rows.box.left, rows.box.bottom + 2 * CHART_LINE + 12);
}

const chart_kind chart_latency = {
    .name = "latency",
    .heading = "Latency",
    .explanation = "How long a step takes, and how much that varies. Less is better.",
    .wanted = wanted,
    .together = chart_same_work,
    .batches = CHART_TYPICAL,
    .summarize = summarize,
    .tabulate = tabulate,
    .draw = draw,
};
