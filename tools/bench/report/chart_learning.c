/* SPDX-License-Identifier: Apache-2.0
 *
 * Do all backends learn the same? Training loss of all laid over each other, and below it accuracy on the test
 * images. */
#include <errno.h>
#include <error.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/chart.h"
#include "bench/report/columns.h"
#include "bench/report/format.h"

enum { TOLD = 12 };                 /* losses of a row in the table */
static const double log_above = 15; /* ratio of the highest to the lowest loss */

static bool wanted(const bench_row *row)
{
    return row->task == BENCH_TRAIN && !row->error && (row->n_losses > 1 || row->n_evaluations > 0);
}

/* ---- in words and numbers */

static void summarize(chart_figure *figure)
{
    char worst_label[CHART_LABEL], best_label[CHART_LABEL];
    const bench_row *worst = NULL, *best = NULL;
    for (int i = 0; i < figure->n; i++) {
        const bench_row *row = figure->rows[i];
        if (isnan(row->accuracy)) continue;
        if (!worst || row->accuracy < worst->accuracy) worst = row;
        if (!best || row->accuracy > best->accuracy) best = row;
    }
    if (!worst) return;
    chart_label(figure, worst, worst_label);
    chart_label(figure, best, best_label);
    if (worst == best)
        snprintf(figure->summary, sizeof figure->summary, "Final accuracy: %.2f %% (%s).", 100 * best->accuracy,
                 best_label);
    else
        snprintf(figure->summary, sizeof figure->summary, "Final accuracy: from %.2f %% (%s) to %.2f %% (%s).",
                 100 * worst->accuracy, worst_label, 100 * best->accuracy, best_label);
}

static void put_number(bench_cell *cell, double value, const char *format)
{
    char text[48] = "";
    if (!isnan(value)) snprintf(text, sizeof text, format, value);
    bench_put(cell, value, text);
}

static void add_point(chart_figure *figure, const bench_row *row, const bench_point *point, bool test)
{
    bench_cell *cells = bench_table_add(&figure->table, (int)(row - row->run->rows))->cells;
    chart_put_label(&cells[0], figure, row);
    bench_put(&cells[1], point->images, BENCH_RATE(point->images));
    bench_put(&cells[2], point->seconds, BENCH_SECONDS(point->seconds));
    put_number(&cells[test ? 4 : 3], point->loss, "%.4g");
    if (test) put_number(&cells[5], 100 * point->accuracy, "%.2f %%");
}

static void tabulate(chart_figure *figure)
{
    static const bench_column columns[] = {{"backend", false, 0},      {"images", true, 0},
                                           {"training time", true, 0}, {"training loss", true, 0},
                                           {"test loss", true, 0},     {"accuracy", true, 0}};
    bench_table *table = &figure->table;
    table->n_columns = sizeof columns / sizeof columns[0];
    memcpy(table->columns, columns, sizeof columns);
    for (int i = 0; i < figure->n; i++) {
        const bench_row *row = figure->rows[i];
        size_t stride = (row->n_losses + TOLD - 1) / TOLD;
        for (size_t k = 0; k < row->n_losses; k++)
            if ((row->n_losses - 1 - k) % stride == 0) add_point(figure, row, &row->losses[k], false);
        for (size_t k = 0; k < row->n_evaluations; k++) add_point(figure, row, &row->evaluations[k], true);
    }
}

/* ---- lines */

typedef struct panel {
    int n;
    chart_line *lines;
    double least, most; /* of y */
} panel;

static void add_line(panel *to, const bench_row *row, size_t n, const bench_point *points, bool accuracy)
{
    chart_line *line = &to->lines[to->n];
    chart_line_init(line, row, n, false);
    for (size_t i = 0; i < n; i++) {
        double y = accuracy ? points[i].accuracy : points[i].loss;
        if (!isfinite(y) || !(points[i].images >= 0)) continue;
        line->x[line->n] = points[i].images;
        line->y[line->n++] = y;
        to->least = fmin(to->least, y);
        to->most = fmax(to->most, y);
    }
    if (line->n > 0)
        to->n++;
    else
        chart_line_release(line);
}

static panel panel_of(const chart_figure *figure, bool accuracy)
{
    panel p = {.lines = calloc((size_t)figure->n, sizeof *p.lines), .least = INFINITY, .most = -INFINITY};
    if (!p.lines) error(EXIT_FAILURE, errno, "charts");
    for (int i = 0; i < figure->n; i++) {
        const bench_row *row = figure->rows[i];
        if (accuracy)
            add_line(&p, row, row->n_evaluations, row->evaluations, true);
        else
            add_line(&p, row, row->n_losses, row->losses, false);
    }
    return p;
}

static void panel_release(panel *p)
{
    for (int i = 0; i < p->n; i++) chart_line_release(&p->lines[i]);
    free(p->lines);
}

static double most_images(const panel *losses, const panel *accuracies)
{
    double most = 1;
    for (int i = 0; i < losses->n; i++) most = fmax(most, losses->lines[i].x[losses->lines[i].n - 1]);
    for (int i = 0; i < accuracies->n; i++) most = fmax(most, accuracies->lines[i].x[accuracies->lines[i].n - 1]);
    return most;
}

/* ---- the drawing */

/* Lines become thinner, so that the first is still seen below the last. */
static void draw_panel(const chart_canvas *c, const chart_figure *figure, const panel *p, const chart_scale *x,
                       const chart_scale *y, int every)
{
    for (int i = 0; i < p->n; i++) {
        double width = p->n > 1 ? 3.2 - 1.7 * i / (p->n - 1) : 2;
        chart_draw_line(c, figure, &p->lines[i], x, y, width, every);
    }
}

static chart_scale loss_scale(const panel *p)
{
    bool log = p->least > 0 && p->most > log_above * p->least;
    return chart_scale_of(log ? p->least : 0, p->most, log, true, 6, "");
}

static chart_scale accuracy_scale(const panel *p, double target)
{
    return chart_scale_of(fmin(p->least, target) - 0.002, fmin(fmax(p->most, target) + 0.002, 1), false, true, 4, "%");
}

static void draw_target(const chart_canvas *c, const chart_figure *figure, const chart_scale *x, const chart_scale *y)
{
    char text[48];
    double target = figure->rows[0]->run->target;
    if (!(target >= y->from && target <= y->to)) return;
    double at = chart_at(y, target);
    chart_rule(c, SVG_SOFT, x->start, at, x->end, at);
    snprintf(text, sizeof text, "target %.4g %%", 100 * target);
    chart_text(c, CHART_TICK, x->start + 4, at - 8, 0, text);
}

/* One above the other, with the same x. */
static void draw_panels(chart_canvas *c, const chart_figure *figure, const panel *losses, const panel *accuracies)
{
    chart_scale x = chart_scale_of(0, most_images(losses, accuracies), false, false, c->narrow ? 4 : 8, "");
    chart_scale loss = loss_scale(losses), accuracy = accuracy_scale(accuracies, figure->rows[0]->run->target);
    double loss_room = losses->n ? chart_axis_room(c, &loss) : 0;
    double accuracy_room = accuracies->n ? chart_axis_room(c, &accuracy) : 0, room = fmax(loss_room, accuracy_room);
    const char *images = "images seen in training";
    chart_box box = {room - loss_room, chart_row_legend(c, figure, 0, true) + 2, c->width - 8, 0};
    if (losses->n > 0) {
        box.bottom = box.top + (c->narrow ? 230 : 280);
        chart_axes(c, box, &x, &loss, accuracies->n ? NULL : images,
                   loss.log ? "training loss (logarithmic)" : "training loss");
        draw_panel(c, figure, losses, &x, &loss, losses->lines[0].n / 5 + 1);
        box.top = box.bottom + 8;
    }
    if (accuracies->n > 0) {
        box.left = room - accuracy_room;
        box.bottom = box.top + (c->narrow ? 170 : 190);
        chart_axes(c, box, &x, &accuracy, images, "accuracy on test images");
        draw_target(c, figure, &x, &accuracy);
        draw_panel(c, figure, accuracies, &x, &accuracy, 1);
    }
    c->height = box.bottom;
}

static void draw(chart_canvas *c, const chart_figure *figure)
{
    panel losses = panel_of(figure, false), accuracies = panel_of(figure, true);
    draw_panels(c, figure, &losses, &accuracies);
    panel_release(&losses);
    panel_release(&accuracies);
}

const chart_kind chart_learning = {
    .name = "learning",
    .heading = "Learning",
    .explanation = "Speed is worth nothing if the model does not learn: curves of backends that compute the same lie "
                   "over each other.",
    .wanted = wanted,
    .together = chart_same_work,
    .batches = CHART_TYPICAL,
    .summarize = summarize,
    .tabulate = tabulate,
    .draw = draw,
};
