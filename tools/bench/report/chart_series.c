/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is who: labels, styles and legends. */
#include <string.h>

#include "bench/report/chart.h"
#include "bench/report/columns.h"

/* ---- labels */

const char *chart_machine(const bench_results *results, const bench_run *run, char *buffer)
{
    int same = 0, before = 0;
    for (int i = 0; i < results->n_runs; i++) {
        bool equal = !strcmp(results->runs[i].label, run->label);
        same += equal;
        before += equal && &results->runs[i] <= run;
    }
    if (same > 1)
        snprintf(buffer, CHART_LABEL, "%.100s #%d", run->label, before);
    else
        snprintf(buffer, CHART_LABEL, "%.100s", run->label);
    return buffer;
}

const char *chart_label(const chart_figure *figure, const bench_row *row, char *buffer)
{
    char machine[CHART_LABEL];
    if (figure->one_run)
        snprintf(buffer, CHART_LABEL, "%s", row->label);
    else
        snprintf(buffer, CHART_LABEL, "%s, %.120s", row->label, chart_machine(figure->results, row->run, machine));
    return buffer;
}

void chart_put_label(bench_cell *cell, const chart_figure *figure, const bench_row *row)
{
    char label[CHART_LABEL];
    bench_put_text(cell, chart_label(figure, row, label));
}

/* ---- styles: the backend decides colour and shape; dashes tell machines, or backends where there
 * is one machine */

/* The number of the row's label among all labels. */
static int backend_number(const bench_results *results, const bench_row *row)
{
    int number = 0;
    for (int i = 0; i < results->n_rows; i++) {
        const char *label = results->rows[i]->label;
        if (!strcmp(label, row->label)) return number;
        bool seen = false;
        for (int k = 0; k < i && !seen; k++) seen = !strcmp(results->rows[k]->label, label);
        number += !seen;
    }
    return number;
}

chart_style chart_style_of(const chart_figure *figure, const bench_row *row)
{
    const bench_results *results = figure->results;
    int backend = backend_number(results, row), run = (int)(row->run - results->runs);
    return (chart_style){
        .colour = backend % SVG_SERIES_COLOURS,
        .marker = backend + backend / SVG_SERIES_COLOURS,
        .dash = figure->one_run ? backend : run,
        .hollow = run % 2 == 1,
    };
}

/* ---- legends */

static const double between = 18;
static const double symbol_widths[] = {[CHART_BOX] = 18, [CHART_MARKER] = 12, [CHART_MARKED_LINE] = 36};

static void draw_symbol(const chart_canvas *c, const chart_key *key, double x, double y)
{
    double width = symbol_widths[key->symbol];
    if (key->symbol == CHART_BOX) {
        chart_rect(c, key->colour, 1, (chart_box){x, y - 6, x + width, y + 6});
        chart_text(c, CHART_INVERSE, x + width / 2, y, 0.5, key->mark);
        return;
    }
    chart_pen(c, key->style, 2);
    cairo_move_to(c->cr, x, y);
    cairo_line_to(c->cr, x + width, y);
    if (key->symbol == CHART_MARKED_LINE) cairo_stroke(c->cr);
    chart_marker(c, key->style, x + width / 2, y, key->symbol == CHART_MARKER ? 5 : 4);
}

double chart_legend(const chart_canvas *c, double left, double top, double right, int n, const chart_key *keys)
{
    double x = left, y = top + CHART_LINE / 2.0;
    for (int i = 0; i < n; i++) {
        double symbol = symbol_widths[keys[i].symbol] + 6,
               width = symbol + chart_text_width(c, CHART_NAME, keys[i].text);
        if (x > left && x + width > right) {
            x = left;
            y += CHART_LINE + 2;
        }
        draw_symbol(c, &keys[i], x, y);
        chart_text_within(c, CHART_NAME, x + symbol, y, right - x - symbol, keys[i].text);
        x += width + between;
    }
    return n ? y + CHART_LINE / 2.0 + 6 : top;
}

static bool shown_before(const chart_figure *figure, int i)
{
    for (int k = 0; k < i; k++)
        if (figure->rows[k]->run == figure->rows[i]->run && !strcmp(figure->rows[k]->label, figure->rows[i]->label))
            return true;
    return false;
}

double chart_row_legend(const chart_canvas *c, const chart_figure *figure, double top, bool lines)
{
    enum { MOST = 64 };
    char texts[MOST][CHART_LABEL];
    chart_key keys[MOST];
    int n = 0;
    for (int i = 0; i < figure->n && n < MOST; i++) {
        if (shown_before(figure, i)) continue;
        keys[n] = (chart_key){.text = chart_label(figure, figure->rows[i], texts[n]),
                              .symbol = lines ? CHART_MARKED_LINE : CHART_MARKER,
                              .style = chart_style_of(figure, figure->rows[i])};
        n++;
    }
    return chart_legend(c, 0, top, c->width, n, keys);
}
