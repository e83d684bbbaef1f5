/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines, and the labels at their ends. */
#include <errno.h>
#include <error.h>
#include <math.h>
#include <stdlib.h>

#include "bench/report/chart.h"

enum { MOST_ENDS = 32 };
static const double farthest = 1.6 * CHART_LINE; /* that a label may be from the end of its line */

void chart_line_init(chart_line *line, const bench_row *row, size_t n, bool whiskers)
{
    *line = (chart_line){.row = row, .x = calloc(n + 1, sizeof(double)), .y = calloc(n + 1, sizeof(double))};
    if (whiskers) line->low = calloc(n + 1, sizeof(double));
    if (whiskers) line->high = calloc(n + 1, sizeof(double));
    if (!line->x || !line->y || (whiskers && (!line->low || !line->high))) error(EXIT_FAILURE, errno, "charts");
}

void chart_line_release(chart_line *line)
{
    free(line->x);
    free(line->y);
    free(line->low);
    free(line->high);
}

/* ---- lines */

static void draw_whiskers(const chart_canvas *c, const chart_line *line, const chart_scale *x, const chart_scale *y)
{
    for (int i = 0; line->low && i < line->n; i++) {
        double at = chart_at(x, line->x[i]), low = chart_at(y, line->low[i]), high = chart_at(y, line->high[i]);
        if (!isfinite(low) || !isfinite(high) || low - high < 2) continue;
        cairo_move_to(c->cr, at, low);
        cairo_line_to(c->cr, at, high);
        cairo_move_to(c->cr, at - 4, low);
        cairo_line_to(c->cr, at + 4, low);
        cairo_move_to(c->cr, at - 4, high);
        cairo_line_to(c->cr, at + 4, high);
    }
    cairo_set_line_width(c->cr, 1.2);
    cairo_set_dash(c->cr, NULL, 0, 0);
    cairo_stroke(c->cr);
}

void chart_draw_line(const chart_canvas *c, const chart_figure *figure, const chart_line *line, const chart_scale *x,
                     const chart_scale *y, double width, int every)
{
    chart_style style = chart_style_of(figure, line->row);
    chart_pen(c, style, width);
    for (int i = 0; i < line->n; i++) cairo_line_to(c->cr, chart_at(x, line->x[i]), chart_at(y, line->y[i]));
    cairo_stroke(c->cr);
    draw_whiskers(c, line, x, y);
    /* the first markers of lines that lie over each other are at different points */
    for (int i = style.colour % every; i < line->n; i += every)
        chart_marker(c, style, chart_at(x, line->x[i]), chart_at(y, line->y[i]), 2 + width);
}

/* ---- ends */

typedef struct end {
    int line;
    double wanted, at;
} end;

static int by_wanted(const void *a, const void *b)
{
    double x = ((const end *)a)->wanted, y = ((const end *)b)->wanted;
    return (x > y) - (x < y);
}

/* Labels one below the other, each as near to its line as the others let it. */
static void spread(int n, end *ends, double top, double bottom)
{
    qsort(ends, (size_t)n, sizeof *ends, by_wanted);
    for (int i = 0; i < n; i++) ends[i].at = fmax(ends[i].wanted, i ? ends[i - 1].at + CHART_LINE - 2 : top);
    double limit = bottom;
    for (int i = n - 1; i >= 0; i--) {
        ends[i].at = fmin(ends[i].at, limit);
        limit = ends[i].at - CHART_LINE + 2;
    }
    for (int pass = 0; pass < 20; pass++)
        for (int i = 0; i < n; i++) {
            double low = i ? ends[i - 1].at + CHART_LINE - 2 : top;
            double high = i + 1 < n ? ends[i + 1].at - CHART_LINE + 2 : bottom;
            double pull = ends[i].at + 0.3 * (ends[i].wanted - ends[i].at);
            if (low <= high) ends[i].at = fmin(fmax(pull, low), high);
        }
}

static void find_ends(int n, const chart_line *lines, const chart_scale *y, end *ends)
{
    for (int i = 0; i < n; i++) ends[i] = (end){i, chart_at(y, lines[i].y[lines[i].n - 1]), 0};
    spread(n, ends, y->end, y->start);
}

static bool end_together(int n, const chart_line *lines)
{
    for (int i = 1; i < n; i++)
        if (lines[i].x[lines[i].n - 1] != lines[0].x[lines[0].n - 1]) return false;
    return true;
}

double chart_ends_width(const chart_canvas *c, const chart_figure *figure, int n, const chart_line *lines,
                        const chart_scale *y)
{
    char label[CHART_LABEL];
    end ends[MOST_ENDS];
    double widest = 0;
    if (n < 1 || n > MOST_ENDS || c->narrow || !end_together(n, lines)) return 0;
    for (int i = 0; i < n; i++)
        widest = fmax(widest, chart_text_width(c, CHART_NAME, chart_label(figure, lines[i].row, label)));
    find_ends(n, lines, y, ends);
    for (int i = 0; i < n; i++)
        if (fabs(ends[i].at - ends[i].wanted) > farthest) return 0;
    return widest < c->width / 4 ? widest + 24 : 0;
}

void chart_draw_ends(const chart_canvas *c, const chart_figure *figure, int n, const chart_line *lines,
                     const chart_scale *x, const chart_scale *y)
{
    char label[CHART_LABEL];
    end ends[MOST_ENDS];
    find_ends(n, lines, y, ends);
    for (int i = 0; i < n; i++) {
        const chart_line *line = &lines[ends[i].line];
        double from = chart_at(x, line->x[line->n - 1]) + 7;
        chart_rule(c, SVG_SOFT, from, ends[i].wanted, from + 10, ends[i].at);
        chart_text(c, CHART_NAME, from + 13, ends[i].at, 0, chart_label(figure, line->row, label));
    }
}
