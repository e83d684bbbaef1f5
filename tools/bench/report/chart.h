/* SPDX-License-Identifier: Apache-2.0
 *
 * What the charts share: a canvas, scales, and how series look. A unit is a pixel of a page at its usual size; y grows
 * downwards. A kind of chart is a file that ends with its chart_kind. */
#ifndef TENON_BENCH_CHART_H
#define TENON_BENCH_CHART_H

#include "bench/report/svg.h"
#include "bench/report/table.h"

enum { CHART_WIDE = 720, CHART_NARROW = 340, CHART_LABEL = 240 };

/* ---- chart_canvas.c: text and shapes */

typedef struct chart_canvas {
    cairo_t *cr;
    double width, height; /* the height is what the drawing says in the end */
    bool narrow;
} chart_canvas;

typedef struct chart_box {
    double left, top, right, bottom;
} chart_box;

/* The voices of text: size, weight and colour. */
typedef enum chart_voice { CHART_TICK, CHART_NAME, CHART_STRONG, CHART_INVERSE } chart_voice;
enum { CHART_LINE = 17 }; /* units from one line of text to the next */

double chart_text_width(const chart_canvas *c, chart_voice voice, const char *text);
/* x is at the share `align` of the text's width: 0 its start, 1 its end. y is the middle of small letters. */
void chart_text(const chart_canvas *c, chart_voice voice, double x, double y, double align, const char *text);
/* The same, shortened by "..." to the width. */
void chart_text_within(const chart_canvas *c, chart_voice voice, double x, double y, double width, const char *text);

void chart_rule(const chart_canvas *c, svg_colour colour, double x0, double y0, double x1, double y1);
void chart_rect(const chart_canvas *c, svg_colour colour, double alpha, chart_box box);

/* Series are told apart by colour, by the shape of markers and by dashes. */
typedef struct chart_style {
    int colour, marker, dash;
    bool hollow; /* of markers */
} chart_style;

void chart_marker(const chart_canvas *c, chart_style style, double x, double y, double radius);
/* Sets colour, width and dashes for a line, which the caller draws. */
void chart_pen(const chart_canvas *c, chart_style style, double width);

/* ---- chart_scale.c */

enum { CHART_TICKS = 24 };

typedef struct chart_scale {
    double from, to;   /* values at the ends */
    double start, end; /* where these are on the canvas */
    bool log;
    int n_ticks;
    double ticks[CHART_TICKS];
    const char *unit; /* of the labels: "s"; "%" takes shares; "" */
} chart_scale;

/* A scale for values from..to with some of `wanted` ticks at round values. It ends at a tick if `snapped`. */
chart_scale chart_scale_of(double from, double to, bool log, bool snapped, int wanted, const char *unit);
double chart_at(const chart_scale *scale, double value);
double chart_value(const chart_scale *scale, double at); /* the inverse */
/* "20k", "500 µs" */
const char *chart_tick(double value, const char *unit, char *buffer);

/* Units that the labels of an axis at the left take. */
double chart_axis_room(const chart_canvas *c, const chart_scale *y);
/* Draws both axes of a plot in the box, of which labels and titles take their room at the left, above and below. Ends
 * the scales at the plot. x_title: NULL for none */
void chart_axes(chart_canvas *c, chart_box box, chart_scale *x, chart_scale *y, const char *x_title,
                const char *y_title);
/* Vertical lines with labels below. */
void chart_axis_below(const chart_canvas *c, const chart_scale *x, double top, double bottom);

/* ---- figures */

/* A chart and what it is drawn from. */
typedef struct chart_figure {
    const bench_results *results;
    int n;
    const bench_row **rows; /* owned */
    bool one_run;           /* all rows are of the same one */
    char title[320], summary[1200];
    bench_table table;                              /* the same in numbers; owned */
    char column_titles[BENCH_COLUMNS][CHART_LABEL]; /* for tables whose columns are rows' labels */
} chart_figure;

/* Which batch size a chart shows: every one, or in inference the smallest, and else the one that most rows have. */
typedef enum chart_batches { CHART_EVERY, CHART_TYPICAL } chart_batches;

typedef struct chart_kind {
    const char *name, *heading, *explanation;
    bool (*wanted)(const bench_row *row);                           /* has it something to show? */
    bool (*together)(const bench_row *row, const bench_row *other); /* are they in one chart? */
    chart_batches batches;
    void (*summarize)(chart_figure *figure); /* a sentence: what is to be seen */
    void (*tabulate)(chart_figure *figure);
    void (*draw)(chart_canvas *c, const chart_figure *figure);
} chart_kind;

/* chart_figure.c: the nth figure of a kind; false if there are not so many. */
bool chart_figure_make(chart_figure *figure, const chart_kind *kind, const bench_results *results, int nth);
void chart_figure_release(chart_figure *figure);
/* Same task, model and type of numbers. */
bool chart_same_work(const bench_row *row, const bench_row *other);
/* "training", "inference", "operators" */
const char *chart_task_name(bench_task task);
bool chart_one_batch(const chart_figure *figure);

/* ---- chart_series.c: the same label looks the same on the whole page */

/* The backend, and the machine where the figure has several; CHART_LABEL bytes. */
const char *chart_label(const chart_figure *figure, const bench_row *row, char *buffer);
const char *chart_machine(const bench_results *results, const bench_run *run, char *buffer);
void chart_put_label(bench_cell *cell, const chart_figure *figure, const bench_row *row);
chart_style chart_style_of(const chart_figure *figure, const bench_row *row);

/* What a legend explains. */
typedef enum chart_symbol { CHART_BOX, CHART_MARKER, CHART_MARKED_LINE } chart_symbol;
typedef struct chart_key {
    const char *text;
    chart_symbol symbol;
    svg_colour colour; /* of a box */
    char mark[16];     /* written in it */
    chart_style style; /* of a marker */
} chart_key;
/* Returns the y below it. */
double chart_legend(const chart_canvas *c, double left, double top, double right, int n, const chart_key *keys);
/* A legend of the rows' labels, each once; lines: markers are on lines. */
double chart_row_legend(const chart_canvas *c, const chart_figure *figure, double top, bool lines);

/* ---- chart_lines.c: lines over a pair of scales */

typedef struct chart_line {
    const bench_row *row; /* whose label and style it has */
    int n;
    double *x, *y, *low, *high; /* low and high may be NULL; all are owned */
} chart_line;

void chart_line_init(chart_line *line, const bench_row *row, size_t n, bool whiskers);
void chart_line_release(chart_line *line);
/* every: a marker at every so many points */
void chart_draw_line(const chart_canvas *c, const chart_figure *figure, const chart_line *line, const chart_scale *x,
                     const chart_scale *y, double width, int every);
/* Labels at the right of the lines' ends: how wide they are, or 0 if a legend is better. */
double chart_ends_width(const chart_canvas *c, const chart_figure *figure, int n, const chart_line *lines,
                        const chart_scale *y);
void chart_draw_ends(const chart_canvas *c, const chart_figure *figure, int n, const chart_line *lines,
                     const chart_scale *x, const chart_scale *y);

/* ---- chart_rows.c: a horizontal bar, or its like, for each row */

typedef struct chart_rows {
    chart_box box; /* of the bars */
    double pitch, thickness;
    bool above; /* labels are above the bars, else at their left */
} chart_rows;

/* extra: units below each bar; end: units at the right of the box. */
chart_rows chart_rows_of(const chart_canvas *c, const chart_figure *figure, double thickness, double extra, double end);
/* Writes the label of the ith row, and returns the y of the bar's top. */
double chart_row(const chart_canvas *c, const chart_figure *figure, const chart_rows *rows, int i);

/* ---- the kinds */

extern const chart_kind chart_throughput, chart_latency, chart_learning, chart_operators, chart_roofline;

#endif
