/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of horizontal bars: labels at their left where that leaves room, else above each. */
#include <math.h>

#include "bench/report/chart.h"

chart_rows chart_rows_of(const chart_canvas *c, const chart_figure *figure, double thickness, double extra, double end)
{
    char label[CHART_LABEL];
    double widest = 0;
    for (int i = 0; i < figure->n; i++)
        widest = fmax(widest, chart_text_width(c, CHART_NAME, chart_label(figure, figure->rows[i], label)));
    chart_rows rows = {.thickness = thickness, .above = widest > 0.3 * c->width};
    rows.pitch = thickness + extra + (rows.above ? CHART_LINE + 10 : 12);
    rows.box = (chart_box){rows.above ? 2 : widest + 10, 4, c->width - end, 4 + figure->n * rows.pitch};
    return rows;
}

double chart_row(const chart_canvas *c, const chart_figure *figure, const chart_rows *rows, int i)
{
    char label[CHART_LABEL];
    double top = rows->box.top + i * rows->pitch + (rows->above ? CHART_LINE : 0);
    chart_label(figure, figure->rows[i], label);
    if (rows->above) {
        double right = fmin(4 + chart_text_width(c, CHART_NAME, label), c->width);
        chart_rect(c, SVG_PAPER, 1,
                   (chart_box){3, top - CHART_LINE + 1, right, top - 2}); /* hides lines of the scale */
        chart_text_within(c, CHART_NAME, 2, top - CHART_LINE / 2.0, c->width - 4, label);
    } else
        chart_text(c, CHART_NAME, rows->box.left - 10, top + rows->thickness / 2, 1, label);
    return top;
}
