/* SPDX-License-Identifier: Apache-2.0
 *
 * How near to the machine's limits: FLOP/s over FLOP/byte, a marker for each backend, a dot for each of its operators
 * (Williams, Waterman and Patterson, Roofline, CACM 2009). */
#include <math.h>
#include <string.h>

#include "bench/report/chart.h"
#include "bench/report/columns.h"
#include "bench/report/format.h"

enum { NAMED_OPERATORS = 4, MARKED = 256 /* markers and dots that names keep away from */ };
static const double worth_naming = 0.05; /* share of a step */

static bool has_train_profile(const bench_row *row)
{
    for (int i = 0; i < row->run->n_rows; i++) {
        const bench_row *other = &row->run->rows[i];
        if (other->task == BENCH_TRAIN && other->attained > 0 && !strcmp(other->model, row->model)) return true;
    }
    return false;
}

/* Inference is shown where there is no training. */
static bool wanted(const bench_row *row)
{
    if (row->error || row->fell_back || !(row->attained > 0 && isfinite(row->attained) && row->bytes > 0)) return false;
    if (!row->limits || row->limits->n_bandwidths == 0 || !(bench_peak_for(row->limits, row->math) > 0)) return false;
    return row->task != BENCH_INFER || !has_train_profile(row);
}

static bool together(const bench_row *row, const bench_row *other)
{
    return row->limits == other->limits && chart_same_work(row, other);
}

/* ---- in words and numbers */

static void summarize(chart_figure *figure)
{
    char label[CHART_LABEL];
    const bench_row *best = figure->rows[0];
    for (int i = 1; i < figure->n; i++)
        if (figure->rows[i]->roofline > best->roofline) best = figure->rows[i];
    if (isnan(best->roofline)) return;
    snprintf(figure->summary, sizeof figure->summary, "Nearest to the limits: %s with %s, %s of what they allow.",
             chart_label(figure, best, label), BENCH_SI(best->attained, "FLOP/s"), BENCH_PERCENT(best->roofline));
}

static void tabulate(chart_figure *figure)
{
    static const bench_column columns[] = {{"backend", false, 0},
                                           {"operator", false, 0},
                                           {"FLOP/byte", true, 0},
                                           {"FLOP/s", true, 0},
                                           {"of a step", true, 0}};
    bench_table *table = &figure->table;
    table->n_columns = sizeof columns / sizeof columns[0];
    memcpy(table->columns, columns, sizeof columns);
    for (int i = 0; i < figure->n; i++) {
        const bench_row *row = figure->rows[i];
        const bench_profile *profile = &row->profile;
        for (int k = -1; k < profile->n_operators; k++) {
            const bench_operator *op = k < 0 ? NULL : &profile->operators[k];
            double flops = op ? op->flops : row->flops, bytes = op ? op->bytes : row->bytes;
            double rate = op ? op->flops / op->seconds : row->attained, share = op ? op->seconds / profile->step : 1;
            if (!(flops > 0 && bytes > 0 && isfinite(rate))) continue;
            bench_cell *cells = bench_table_add(table, i)->cells;
            chart_put_label(&cells[0], figure, row);
            bench_put_text(&cells[1], op ? op->op : row->op ? row->op : "the whole step");
            bench_put(&cells[2], flops / bytes, BENCH_RATE(flops / bytes));
            bench_put(&cells[3], rate, BENCH_SI(rate, "FLOP/s"));
            bench_put(&cells[4], share, BENCH_PERCENT(share));
        }
    }
}

/* ---- scales */

typedef struct extent {
    double x_least, x_most, y_least, y_most;
} extent;

static bool is_dot(const bench_operator *op)
{
    return op->flops > 0 && op->bytes > 0 && op->seconds > 0;
}

static void stretch(extent *e, double x, double y)
{
    e->x_least = fmin(e->x_least, x);
    e->x_most = fmax(e->x_most, x);
    e->y_least = fmin(e->y_least, y);
    e->y_most = fmax(e->y_most, y);
}

static extent extent_of(const chart_figure *figure)
{
    const bench_limits *limits = figure->rows[0]->limits;
    double peak = bench_peak_for(limits, figure->rows[0]->math);
    double slowest = limits->bandwidths[limits->n_bandwidths - 1].rate;
    extent e = {INFINITY, 0, INFINITY, 0};
    stretch(&e, peak / slowest, peak);
    for (int i = 0; i < figure->n; i++) {
        const bench_row *row = figure->rows[i];
        stretch(&e, row->flops / row->bytes, row->attained);
        for (int k = 0; k < row->profile.n_operators; k++) {
            const bench_operator *op = &row->profile.operators[k];
            if (is_dot(op)) stretch(&e, op->flops / op->bytes, op->flops / op->seconds);
        }
    }
    return (extent){e.x_least / 1.6, e.x_most * 2, e.y_least / 1.6, e.y_most * 1.8};
}

/* ---- limits */

static const char *bandwidth_text(const bench_limits *limits, int i, char *text, size_t size)
{
    double rate = limits->bandwidths[i].rate;
    if (i + 1 == limits->n_bandwidths)
        snprintf(text, size, "memory: %s", BENCH_SI(rate, "B/s"));
    else
        snprintf(text, size, "within %s: %s", BENCH_BYTES(limits->bandwidths[i].bytes), BENCH_SI(rate, "B/s"));
    return text;
}

/* A text along a line that begins at the point. */
static void slanted_text(const chart_canvas *c, double x, double y, double angle, const char *text)
{
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    cairo_rotate(c->cr, angle);
    chart_text(c, CHART_TICK, 8, -7, 0, text);
    cairo_restore(c->cr);
}

static void draw_bandwidth(const chart_canvas *c, const chart_scale *x, const chart_scale *y, double peak, double rate,
                           const char *text)
{
    double first = fmax(x->from, y->from / rate), ridge = fmin(peak / rate, x->to);
    if (first >= ridge) return;
    double x0 = chart_at(x, first), y0 = chart_at(y, first * rate), x1 = chart_at(x, ridge),
           y1 = chart_at(y, ridge * rate);
    chart_rule(c, SVG_SOFT, x0, y0, x1, y1);
    if (text && hypot(x1 - x0, y1 - y0) > chart_text_width(c, CHART_TICK, text) + 32)
        slanted_text(c, x0, y0, atan2(y1 - y0, x1 - x0), text);
}

/* The distance between the lines of two bandwidths. */
static double distance(const chart_scale *x, const chart_scale *y, double a, double b)
{
    double decade_x = (x->end - x->start) / log10(x->to / x->from),
           decade_y = (y->start - y->end) / log10(y->to / y->from);
    double apart = fabs(log10(a / b));
    return apart * decade_x * decade_y / hypot(decade_x, decade_y);
}

/* Main memory is named first, then those that are far enough from a named one. */
static void draw_limits(const chart_canvas *c, const bench_limits *limits, const char *math, const chart_scale *x,
                        const chart_scale *y)
{
    char text[96];
    double peak = bench_peak_for(limits, math), named = NAN, least_ridge = x->to;
    for (int i = limits->n_bandwidths - 1; i >= 0; i--) {
        double rate = limits->bandwidths[i].rate;
        if (!(rate > 0)) continue;
        bool name = isnan(named) || distance(x, y, rate, named) > 13;
        draw_bandwidth(c, x, y, peak, rate, name ? bandwidth_text(limits, i, text, sizeof text) : NULL);
        if (name) named = rate;
        least_ridge = fmin(least_ridge, peak / rate);
    }
    double at = chart_at(y, peak);
    chart_rule(c, SVG_SOFT, chart_at(x, fmax(least_ridge, x->from)), at, x->end, at);
    snprintf(text, sizeof text, "peak %s, %s", BENCH_SI(peak, "FLOP/s"), math);
    chart_text(c, CHART_TICK, x->end - 2, at - 8, 1, text);
}

/* ---- what was reached */

static double dot_radius(const bench_row *row, const bench_operator *op)
{
    return fmin(6, fmax(2, 8 * sqrt(op->seconds / row->profile.step)));
}

static void draw_dots(const chart_canvas *c, const chart_figure *figure, const bench_row *row, const chart_scale *x,
                      const chart_scale *y)
{
    double red, green, blue;
    svg_use_colour(c->cr, (svg_colour)(SVG_SERIES + chart_style_of(figure, row).colour));
    cairo_pattern_get_rgba(cairo_get_source(c->cr), &red, &green, &blue, NULL);
    cairo_set_source_rgba(c->cr, red, green, blue, 0.6);
    for (int k = 0; k < row->profile.n_operators && row->task != BENCH_OP; k++) {
        const bench_operator *op = &row->profile.operators[k];
        if (!is_dot(op)) continue;
        double at = chart_at(x, op->flops / op->bytes), level = chart_at(y, op->flops / op->seconds);
        cairo_arc(c->cr, at, level, dot_radius(row, op), 0, 2 * M_PI);
        cairo_fill(c->cr);
    }
}

/* ---- names of operators, where there is room */

typedef struct room {
    const chart_canvas *c;
    const chart_scale *x, *y;
    const bench_limits *limits;
    double peak;
    int n_taken;
    chart_box taken[MARKED + NAMED_OPERATORS];
} room;

static void take(room *r, double x, double y, double width, double height)
{
    if (r->n_taken < MARKED)
        r->taken[r->n_taken++] = (chart_box){x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

static void take_dots(room *r, const bench_row *row)
{
    for (int k = 0; k < row->profile.n_operators && row->task != BENCH_OP; k++) {
        const bench_operator *op = &row->profile.operators[k];
        double size = 2 * dot_radius(row, op);
        if (is_dot(op))
            take(r, chart_at(r->x, op->flops / op->bytes), chart_at(r->y, op->flops / op->seconds), size, size);
    }
}

static bool overlap(const chart_box *a, const chart_box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* Does a line, or the text above it, go through the box? */
static bool meets_limit(const room *r, const chart_box *box)
{
    double left = chart_value(r->x, box->left), right = chart_value(r->x, box->right);
    double high = chart_value(r->y, box->top), low = chart_value(r->y, box->bottom + CHART_LINE);
    for (int i = 0; i < r->limits->n_bandwidths; i++) {
        double rate = r->limits->bandwidths[i].rate;
        if (rate * left < high && fmin(rate * right, r->peak) > low) return true;
    }
    return low < r->peak && r->peak < high;
}

static bool is_free(const room *r, const chart_box *box)
{
    if (box->left < r->x->start || box->right > r->c->width || meets_limit(r, box)) return false;
    for (int i = 0; i < r->n_taken; i++)
        if (overlap(box, &r->taken[i])) return false;
    return true;
}

/* At the right, the left, below or above. */
static bool place_name(room *r, double at, double level, const char *name)
{
    static const double sides[][3] = {{9, 0, 0}, {-9, 0, 1}, {0, 14, 0.5}, {0, -14, 0.5}}; /* x, y, alignment */
    double width = chart_text_width(r->c, CHART_TICK, name);
    for (int i = 0; i < 4; i++) {
        double left = at + sides[i][0] - sides[i][2] * width, middle = level + sides[i][1];
        chart_box box = {left, middle - 7, left + width, middle + 7};
        if (!is_free(r, &box)) continue;
        chart_text(r->c, CHART_TICK, left, middle, 0, name);
        r->taken[r->n_taken++] = box;
        return true;
    }
    return false;
}

/* Of the operators that take longest in the row. */
static void name_dots(room *r, const bench_row *row)
{
    for (int k = 0, named = 0; k < row->profile.n_operators && named < NAMED_OPERATORS; k++) {
        const bench_operator *op = &row->profile.operators[k];
        if (!is_dot(op) || op->seconds < worth_naming * row->profile.step) continue;
        double at = chart_at(r->x, op->flops / op->bytes), level = chart_at(r->y, op->flops / op->seconds);
        named += place_name(r, at, level, op->op);
    }
}

static void draw_rows(const chart_canvas *c, const chart_figure *figure, const chart_scale *x, const chart_scale *y)
{
    const bench_row *fastest = figure->rows[0];
    double peak = bench_peak_for(fastest->limits, fastest->math);
    room r = {.c = c, .x = x, .y = y, .limits = fastest->limits, .peak = peak};
    for (int i = 0; i < figure->n; i++) {
        draw_dots(c, figure, figure->rows[i], x, y);
        if (figure->rows[i]->attained > fastest->attained) fastest = figure->rows[i];
    }
    for (int i = 0; i < figure->n; i++) {
        const bench_row *row = figure->rows[i];
        double at = chart_at(x, row->flops / row->bytes), level = chart_at(y, row->attained);
        chart_marker(c, chart_style_of(figure, row), at, level, 6);
        take(&r, at, level, 16, 16);
        take_dots(&r, row);
    }
    take(&r, x->end - 70, chart_at(y, peak) - 8, 140, 16);
    if (fastest->task != BENCH_OP) name_dots(&r, fastest);
}

static void draw(chart_canvas *c, const chart_figure *figure)
{
    extent e = extent_of(figure);
    chart_scale x = chart_scale_of(e.x_least, e.x_most, true, false, 7, "");
    chart_scale y = chart_scale_of(e.y_least, e.y_most, true, false, 7, "FLOP/s");
    double top = chart_row_legend(c, figure, 0, false);
    c->height = top + (c->narrow ? 320 : 400);
    chart_axes(c, (chart_box){0, top, c->width - 8, c->height}, &x, &y, "FLOP per byte of memory touched",
               "attained FLOP/s");
    draw_limits(c, figure->rows[0]->limits, figure->rows[0]->math, &x, &y);
    draw_rows(c, figure, &x, &y);
}

const chart_kind chart_roofline = {
    .name = "roofline",
    .heading = "Roofline",
    .explanation = "How near a step comes to what the machine can do at most, which was measured in the same run: "
                   "bandwidths slope, the peak is level. Small dots are operators, larger where they take longer.",
    .wanted = wanted,
    .together = together,
    .batches = CHART_TYPICAL,
    .summarize = summarize,
    .tabulate = tabulate,
    .draw = draw,
};
