/* SPDX-License-Identifier: Apache-2.0
 *
 * Sections of charts, each followed by its numbers. */
#include "bench/report/chart.h"
#include "bench/report/columns.h"
#include "bench/report/html.h"

static const chart_kind *const kinds[] = {&chart_throughput, &chart_latency, &chart_learning, &chart_operators,
                                          &chart_roofline};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* What the parts of one section share. */
typedef struct section {
    FILE *to;
    const chart_kind *kind;
    svg_glyphs *glyphs;
} section;

/* Drawn twice, as a narrow page needs other proportions; the page shows one of them. */
static bool write_drawing(const section *s, const chart_figure *figure, int number, bool narrow)
{
    char id[64], title[512], description[2048];
    svg_drawing drawing;
    svg_begin(&drawing, narrow ? CHART_NARROW : CHART_WIDE);
    chart_canvas canvas = {.cr = drawing.cr, .width = narrow ? CHART_NARROW : CHART_WIDE, .narrow = narrow};
    s->kind->draw(&canvas, figure);
    snprintf(id, sizeof id, "%s-%d-%s", s->kind->name, number, narrow ? "narrow" : "wide");
    snprintf(title, sizeof title, "%s: %s", s->kind->heading, figure->title);
    snprintf(description, sizeof description, "%s %s The numbers follow.", s->kind->explanation, figure->summary);
    svg_about about = {id, narrow ? "narrow" : "wide", title, description, canvas.width, canvas.height};
    return svg_end(&drawing, &about, s->glyphs, s->to);
}

/* Rows that would be in the chart if they had figures. */
static void write_missing(const section *s, const chart_figure *figure)
{
    char label[CHART_LABEL], note[600];
    const bench_row *first = figure->rows[0];
    for (int i = 0; i < figure->results->n_rows; i++) {
        const bench_row *row = figure->results->rows[i];
        bool same_batch = s->kind->batches == CHART_EVERY || row->batch_size == first->batch_size;
        if (s->kind->wanted(row) || !s->kind->together(row, first) || !same_batch) continue;
        if (!row->error && !row->fell_back) continue;
        bench_note(row, note, sizeof note);
        fputs("<p class=\"missing\">", s->to);
        html_text(s->to, chart_label(figure, row, label));
        fprintf(s->to, ", batch size %lld: ", (long long)row->batch_size);
        html_text(s->to, note);
        fputs(".</p>\n", s->to);
    }
}

static bool write_figure(const section *s, const chart_figure *figure, int number)
{
    FILE *to = s->to;
    fprintf(to, "<figure class=\"chart %s\">\n<figcaption>", s->kind->name);
    html_element(to, "h3", "h3", figure->title);
    if (figure->summary[0]) html_element(to, "p", "p", figure->summary);
    fputs("</figcaption>\n", to);
    bool ok = write_drawing(s, figure, number, false) && write_drawing(s, figure, number, true);
    write_missing(s, figure);
    if (figure->table.n_lines > 0) {
        fputs("<details>\n<summary>The numbers</summary>\n", to);
        char label[512];
        snprintf(label, sizeof label, "%s: %s, the numbers", s->kind->heading, figure->title);
        html_table(to, &figure->table, label);
        fputs("</details>\n", to);
    }
    fputs("</figure>\n", to);
    return ok;
}

static bool write_section(const section *s, const bench_results *results)
{
    bool ok = true;
    int n = 0;
    chart_figure figure;
    for (; ok && chart_figure_make(&figure, s->kind, results, n); n++) {
        if (n == 0) {
            fprintf(s->to, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", s->kind->name, s->kind->name,
                    s->kind->heading);
            html_element(s->to, "p", "p", s->kind->explanation);
        }
        ok = write_figure(s, &figure, n + 1);
        chart_figure_release(&figure);
    }
    if (n > 0) fputs("</section>\n", s->to);
    return ok;
}

bool html_figures(FILE *to, const bench_results *results)
{
    bool ok = true;
    svg_glyphs glyphs = {0};
    for (int i = 0; i < KINDS && ok; i++) {
        section s = {to, kinds[i], &glyphs};
        ok = write_section(&s, results);
    }
    svg_glyphs_release(&glyphs);
    svg_forget_fonts();
    return ok;
}

void html_figure_links(FILE *to, const bench_results *results)
{
    for (int i = 0; i < KINDS; i++) {
        chart_figure figure;
        if (!chart_figure_make(&figure, kinds[i], results, 0)) continue;
        fprintf(to, "<li><a href=\"#%s\">%s</a></li>\n", kinds[i]->name, kinds[i]->heading);
        chart_figure_release(&figure);
    }
}
