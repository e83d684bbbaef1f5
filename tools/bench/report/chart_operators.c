/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the time of a step goes: a bar for each backend, cut by operators; below it the same time, cut by what was
 * being done. Bars show shares: the step's own time is at their end. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bench/report/chart.h"
#include "bench/report/columns.h"
#include "bench/report/format.h"

enum { SEGMENTS = SVG_SEGMENT_COLOURS, TOLD = 3 };
static const double bar = 24, strip = 14, gap = 3;

static bool has_train_profile(const bench_row *row)
{
    for (int i = 0; i < row->run->n_rows; i++) {
        const bench_row *other = &row->run->rows[i];
        if (other->task == BENCH_TRAIN && other->has_profile && !strcmp(other->model, row->model)) return true;
    }
    return false;
}

/* Inference is shown where there is no training. */
static bool wanted(const bench_row *row)
{
    if (row->error || !row->has_profile || row->profile.n_operators == 0 || row->task == BENCH_OP) return false;
    return row->task == BENCH_TRAIN || !has_train_profile(row);
}

/* ---- shares */

static double share_of(const bench_row *row, const char *op)
{
    double seconds = 0;
    for (int i = 0; i < row->profile.n_operators; i++)
        if (!strcmp(row->profile.operators[i].op, op)) seconds += row->profile.operators[i].seconds;
    return seconds / row->profile.step;
}

static double total_share(const chart_figure *figure, const char *op)
{
    double sum = 0;
    for (int i = 0; i < figure->n; i++) sum += share_of(figure->rows[i], op);
    return sum;
}

typedef struct segments {
    int n;
    const char *names[SEGMENTS]; /* the largest over all rows, largest first */
} segments;

static bool holds(const segments *s, const char *op)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->names[i], op)) return true;
    return false;
}

static segments segments_of(const chart_figure *figure)
{
    segments s = {0};
    for (; s.n < SEGMENTS; s.n++) {
        double most = 0;
        const char *next = NULL;
        for (int i = 0; i < figure->n; i++)
            for (int k = 0; k < figure->rows[i]->profile.n_operators; k++) {
                const char *op = figure->rows[i]->profile.operators[k].op;
                double share = holds(&s, op) ? 0 : total_share(figure, op);
                if (share > most) most = share, next = op;
            }
        if (!next) break;
        s.names[s.n] = next;
    }
    return s;
}

static double rest_of(const bench_row *row, const segments *s)
{
    double rest = row->profile.in_operators / row->profile.step;
    for (int i = 0; i < s->n; i++) rest -= share_of(row, s->names[i]);
    return fmax(0, rest);
}

/* The step, or what was seen of operators if that is longer: both are measured. */
static double whole_of(const bench_row *row)
{
    return fmax(1, row->profile.in_operators / row->profile.step);
}

/* ---- in words and numbers */

static void summarize(chart_figure *figure)
{
    char label[CHART_LABEL];
    size_t used = 0, size = sizeof figure->summary;
    for (int i = 0; i < figure->n && i < TOLD; i++) {
        const bench_row *row = figure->rows[i];
        const char *op = row->profile.operators[0].op;
        used +=
            (size_t)snprintf(figure->summary + used, size - used, "%s%.100s, %.0f %% (%s)", i ? "; " : "Longest: ", op,
                             100 * share_of(row, op) / whole_of(row), chart_label(figure, row, label));
    }
    snprintf(figure->summary + used, size - used, ".");
}

static void add_line(chart_figure *figure, const char *name, const double *shares)
{
    bench_cell *cells = bench_table_add(&figure->table, 0)->cells;
    bench_put_text(&cells[0], name);
    for (int i = 0; i + 1 < figure->table.n_columns; i++) bench_put(&cells[i + 1], shares[i], BENCH_PERCENT(shares[i]));
}

static const struct {
    const char *name;
    size_t offset; /* of its seconds in a profile */
    svg_colour colour;
} phases[] = {
    {"data path", offsetof(bench_profile, data), SVG_DATA},
    {"forward", offsetof(bench_profile, forward), SVG_PHASE},
    {"backward", offsetof(bench_profile, backward), SVG_PHASE},
    {"optimizer", offsetof(bench_profile, optimizer), SVG_OPTIMIZER},
    {"other", offsetof(bench_profile, other), SVG_REST},
};
enum { PHASES = sizeof phases / sizeof phases[0] };

/* A phase's share of a step. */
static double phase_of(const bench_row *row, int phase)
{
    return *(const double *)((const char *)&row->profile + phases[phase].offset) / row->profile.step;
}

static void tabulate(chart_figure *figure)
{
    segments s = segments_of(figure);
    bench_table *table = &figure->table;
    double shares[BENCH_COLUMNS];
    int n = figure->n < BENCH_COLUMNS - 1 ? figure->n : BENCH_COLUMNS - 1;
    table->n_columns = n + 1;
    table->columns[0].title = "share of a step";
    for (int i = 0; i < n; i++) {
        chart_label(figure, figure->rows[i], figure->column_titles[i]);
        table->columns[i + 1] = (bench_column){figure->column_titles[i], true, 0};
    }
    for (int k = 0; k < s.n; k++) {
        for (int i = 0; i < n; i++) shares[i] = share_of(figure->rows[i], s.names[k]);
        add_line(figure, s.names[k], shares);
    }
    for (int i = 0; i < n; i++) shares[i] = rest_of(figure->rows[i], &s);
    add_line(figure, "other operators", shares);
    for (int i = 0; i < n; i++) shares[i] = figure->rows[i]->profile.idle / figure->rows[i]->profile.step;
    add_line(figure, "idle", shares);
    for (int k = 0; k < PHASES; k++) {
        for (int i = 0; i < n; i++) shares[i] = phase_of(figure->rows[i], k);
        add_line(figure, phases[k].name, shares);
    }
}

/* ---- the drawing */

/* A box of a bar, with the first of the texts that fits into it. Returns where the next begins. */
static double draw_box(const chart_canvas *c, svg_colour colour, chart_box box, const char *name, const char *number)
{
    double width = box.right - box.left, middle = (box.top + box.bottom) / 2;
    if (width <= 0) return box.left;
    chart_rect(c, colour, 1, (chart_box){box.left, box.top, fmax(box.right - 1, box.left + 0.4), box.bottom});
    bool named = chart_text_width(c, CHART_INVERSE, name) + 6 < width;
    if (named || chart_text_width(c, CHART_INVERSE, number) + 4 < width)
        chart_text(c, CHART_INVERSE, (box.left + box.right - 1) / 2, middle, 0.5, named ? name : number);
    return box.right;
}

static void draw_idle(const chart_canvas *c, chart_box box)
{
    static const double dashes[] = {3, 2};
    double width = box.right - box.left;
    if (!(width >= 2)) return; /* NaN where it is unknown, too */
    svg_use_colour(c->cr, SVG_SOFT);
    cairo_set_line_width(c->cr, 1);
    cairo_set_dash(c->cr, dashes, 2, 0);
    cairo_rectangle(c->cr, box.left + 0.5, box.top + 0.5, width - 1.5, box.bottom - box.top - 1);
    cairo_stroke(c->cr);
    if (chart_text_width(c, CHART_TICK, "idle") + 4 < width)
        chart_text(c, CHART_TICK, (box.left + box.right) / 2, (box.top + box.bottom) / 2, 0.5, "idle");
}

static void draw_row(const chart_canvas *c, const chart_figure *figure, const chart_rows *rows, const segments *s,
                     int i)
{
    const bench_row *row = figure->rows[i];
    char number[16];
    double unit = (rows->box.right - rows->box.left) / whole_of(row), x = rows->box.left;
    double top = chart_row(c, figure, rows, i), below = top + bar + gap;
    for (int k = 0; k < s->n; k++) {
        double end = x + unit * share_of(row, s->names[k]);
        snprintf(number, sizeof number, "%d", k + 1);
        x = draw_box(c, (svg_colour)(SVG_SEGMENT + k), (chart_box){x, top, end, top + bar}, s->names[k], number);
    }
    x = draw_box(c, SVG_REST, (chart_box){x, top, x + unit * rest_of(row, s), top + bar}, "others", "");
    draw_idle(c, (chart_box){x, top, x + unit * row->profile.idle / row->profile.step, top + bar});
    x = rows->box.left;
    for (int k = 0; k < PHASES; k++) {
        double end = x + unit * phase_of(row, k);
        x = draw_box(c, phases[k].colour, (chart_box){x, below, end, below + strip}, phases[k].name, "");
    }
    chart_text(c, CHART_NAME, c->width, top + bar / 2, 1, BENCH_SECONDS(row->profile.step));
}

static double draw_keys(const chart_canvas *c, const segments *s, double top)
{
    chart_key keys[SEGMENTS + 4];
    int n = 0;
    for (; n < s->n; n++) {
        keys[n] = (chart_key){.text = s->names[n], .colour = (svg_colour)(SVG_SEGMENT + n)};
        snprintf(keys[n].mark, sizeof keys[n].mark, "%d", n + 1);
    }
    keys[n++] = (chart_key){.text = "other operators", .colour = SVG_REST};
    top = chart_legend(c, 0, top, c->width, n, keys);
    const chart_key lower[] = {
        {.text = "data path", .colour = SVG_DATA},
        {.text = "forward, backward", .colour = SVG_PHASE},
        {.text = "optimizer", .colour = SVG_OPTIMIZER},
    };
    chart_text(c, CHART_TICK, 0, top + 6, 0, "Lower strip: the same time by what was being done");
    return chart_legend(c, 0, top + CHART_LINE, c->width, sizeof lower / sizeof lower[0], lower);
}

static void draw(chart_canvas *c, const chart_figure *figure)
{
    segments s = segments_of(figure);
    double widest = chart_text_width(c, CHART_TICK, "time of a step");
    for (int i = 0; i < figure->n; i++)
        widest = fmax(widest, chart_text_width(c, CHART_NAME, BENCH_SECONDS(figure->rows[i]->profile.step)));
    chart_rows rows = chart_rows_of(c, figure, bar, gap + strip, widest + 10);
    double down = draw_keys(c, &s, 0) + CHART_LINE + 2;
    chart_text(c, CHART_TICK, c->width, down - 4, 1, "time of a step");
    rows.box.top += down;
    for (int i = 0; i < figure->n; i++) draw_row(c, figure, &rows, &s, i);
    c->height = rows.box.top + figure->n * rows.pitch;
}

const chart_kind chart_operators = {
    .name = "operators",
    .heading = "Time by operator",
    .explanation = "What a step is spent on: shares of its time. Idle is time in which no operator ran.",
    .wanted = wanted,
    .together = chart_same_work,
    .batches = CHART_TYPICAL,
    .summarize = summarize,
    .tabulate = tabulate,
    .draw = draw,
};
