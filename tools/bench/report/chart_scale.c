/* SPDX-License-Identifier: Apache-2.0
 *
 * From values to places, and the axes that tell. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/report/chart.h"

enum { TICK_TEXT = 32 };

/* ---- ticks */

static void add_tick(chart_scale *scale, double value)
{
    double slack = 1e-9 * fabs(scale->to - scale->from);
    bool within = scale->log ? value > scale->from * 0.9999 && value < scale->to * 1.0001
                             : value > scale->from - slack && value < scale->to + slack;
    if (within && scale->n_ticks < CHART_TICKS) scale->ticks[scale->n_ticks++] = value;
}

/* The largest of 1, 2, 5, 10, ... that is at most `value`; above: the smallest that is at least. */
static double round_value(double value, bool above)
{
    static const double steps[] = {1, 2, 5, 10};
    double decade = pow(10, floor(log10(value) + 1e-9)), best = decade;
    for (int i = 0; i < 4; i++) {
        best = steps[i] * decade;
        if (above && best >= value * 0.9999) return best;
        if (!above && i < 3 && steps[i + 1] * decade > value * 1.0001) return best;
    }
    return best;
}

static void log_ticks(chart_scale *scale, int wanted)
{
    double decades = log10(scale->to / scale->from);
    int first = (int)floor(log10(scale->from)), last = (int)ceil(log10(scale->to));
    bool finely = 3 * decades <= wanted + 1;
    int stride = finely ? 1 : (int)ceil(decades / wanted);
    for (int exponent = first; exponent <= last; exponent += stride) {
        double decade = pow(10, exponent);
        add_tick(scale, decade);
        if (finely) add_tick(scale, 2 * decade);
        if (finely) add_tick(scale, 5 * decade);
    }
}

static void linear_ticks(chart_scale *scale, double step)
{
    long first = lround(ceil(scale->from / step - 1e-6));
    for (long i = first; (double)i * step <= scale->to + 1e-6 * step && scale->n_ticks < CHART_TICKS; i++)
        add_tick(scale, (double)i * step);
}

chart_scale chart_scale_of(double from, double to, bool log, bool snapped, int wanted, const char *unit)
{
    chart_scale scale = {.from = from, .to = to, .log = log, .unit = unit};
    if (!isfinite(from) || !isfinite(to)) scale.from = scale.to = 1; /* there is nothing to show */
    if (!(scale.to > scale.from)) scale.to = scale.from > 0 ? scale.from * 2 : scale.from + 1;
    double step = round_value((scale.to - scale.from) / wanted, true);
    if (snapped && log) {
        scale.from = round_value(scale.from, false);
        scale.to = round_value(scale.to, true);
    } else if (snapped) {
        scale.from = floor(scale.from / step + 1e-9) * step;
        scale.to = ceil(scale.to / step - 1e-9) * step;
    }
    if (log)
        log_ticks(&scale, wanted);
    else
        linear_ticks(&scale, step);
    return scale;
}

double chart_at(const chart_scale *scale, double value)
{
    double share = scale->log ? log(value / scale->from) / log(scale->to / scale->from)
                              : (value - scale->from) / (scale->to - scale->from);
    return scale->start + share * (scale->end - scale->start);
}

double chart_value(const chart_scale *scale, double at)
{
    double share = (at - scale->start) / (scale->end - scale->start);
    return scale->log ? scale->from * pow(scale->to / scale->from, share)
                      : scale->from + share * (scale->to - scale->from);
}

const char *chart_tick(double value, const char *unit, char *buffer)
{
    static const char *const prefixes[] = {"n", "µ", "m", "", "k", "M", "G", "T", "P"};
    bool percent = !strcmp(unit, "%"), plain = !*unit && value < 1000;
    int prefix = 3;
    if (percent) value *= 100;
    while (!percent && value >= 999.5 && prefix < 8 && strcmp(unit, "s") != 0) value /= 1000, prefix++;
    while (!percent && !plain && value > 0 && value < 0.9995 && prefix > 0) value *= 1000, prefix--;
    bool spaced = *unit && !percent;
    snprintf(buffer, TICK_TEXT, "%.4g%s%s%s", value, spaced ? " " : "", percent ? "" : prefixes[prefix],
             percent ? " %" : unit);
    return buffer;
}

/* ---- axes */

double chart_axis_room(const chart_canvas *c, const chart_scale *y)
{
    char text[TICK_TEXT];
    double widest = 0;
    for (int i = 0; i < y->n_ticks; i++)
        widest = fmax(widest, chart_text_width(c, CHART_TICK, chart_tick(y->ticks[i], y->unit, text)));
    return widest + 7;
}

void chart_axis_below(const chart_canvas *c, const chart_scale *x, double top, double bottom)
{
    char text[TICK_TEXT];
    double free_from = -INFINITY;
    for (int i = 0; i < x->n_ticks; i++) {
        double at = chart_at(x, x->ticks[i]),
               half = chart_text_width(c, CHART_TICK, chart_tick(x->ticks[i], x->unit, text)) / 2;
        chart_rule(c, SVG_GRID, at, top, at, bottom);
        double middle = fmin(at, c->width - half);
        if (middle - half < free_from) continue;
        chart_text(c, CHART_TICK, middle, bottom + 11, 0.5, text);
        free_from = middle + half + 6;
    }
}

static void axis_at_left(const chart_canvas *c, const chart_scale *y, double left, double right)
{
    char text[TICK_TEXT];
    for (int i = 0; i < y->n_ticks; i++) {
        double at = chart_at(y, y->ticks[i]);
        chart_rule(c, SVG_GRID, left, at, right, at);
        chart_text(c, CHART_TICK, left - 6, at, 1, chart_tick(y->ticks[i], y->unit, text));
    }
}

void chart_axes(chart_canvas *c, chart_box box, chart_scale *x, chart_scale *y, const char *x_title,
                const char *y_title)
{
    x->start = box.left + chart_axis_room(c, y);
    x->end = box.right;
    y->start = box.bottom - (x_title ? 2 * CHART_LINE : CHART_LINE) - 2;
    y->end = box.top + CHART_LINE + 6;
    chart_text(c, CHART_TICK, 0, box.top + 6, 0, y_title);
    axis_at_left(c, y, x->start, x->end);
    chart_axis_below(c, x, y->end, y->start);
    chart_rule(c, SVG_SOFT, x->start, y->start, x->end, y->start);
    if (x_title) chart_text(c, CHART_TICK, (x->start + x->end) / 2, box.bottom - 8, 0.5, x_title);
}
