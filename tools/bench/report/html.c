/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as a page: one file, which needs no other and no network. */
#include "bench/report/html.h"

#include <string.h>

typedef const char *text_of(const bench_row *row);

static const char *label_of(const bench_row *row)
{
    return row->label;
}

static const char *work_of(const bench_row *row)
{
    return row->model ? row->model : "operators";
}

/* "onednn, reference, pytorch": the texts of all rows, each once. */
static void write_names(FILE *to, const bench_results *results, text_of *text)
{
    for (int i = 0; i < results->n_rows; i++) {
        const char *name = text(results->rows[i]);
        bool seen = false;
        for (int k = 0; k < i && !seen; k++) seen = !strcmp(text(results->rows[k]), name);
        if (seen) continue;
        if (i > 0) fputs(", ", to);
        html_text(to, name);
    }
}

static void write_title(FILE *to, const bench_results *results)
{
    write_names(to, results, work_of);
    fputs(" on ", to);
    write_names(to, results, label_of);
}

static void write_head(FILE *to, const bench_results *results)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>tenon bench: ", to);
    write_title(to, results);
    fputs("</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"tenon bench\">\n"
          "<style>\n",
          to);
    fputs(bench_page_css, to);
    fputs("</style>\n</head>\n", to);
}

/* ---- tables */

static void write_tables(FILE *to, const bench_tables *tables)
{
    fputs("<section aria-labelledby=\"tables\">\n<h2 id=\"tables\">All tables</h2>\n"
          "<p>A star marks the best of those that did the same work. <i>Noisy</i>: the rate is not known to 5 %. "
          "<i>Cold</i>: steps still became faster when the rounds began.</p>\n",
          to);
    for (int i = 0; i < BENCH_TABLES; i++) {
        const bench_table *table = &tables->list[i];
        if (table->n_lines == 0) continue;
        html_element(to, "h3", "h3", table->title);
        html_table(to, table, table->title);
    }
    fputs("</section>\n", to);
}

static void write_header(FILE *to, const bench_results *results)
{
    fputs("<body>\n<a class=\"skip\" href=\"#main\">Skip to the results</a>\n<header>\n"
          "<p class=\"kind\">tenon bench</p>\n<h1>",
          to);
    write_title(to, results);
    fputs("</h1>\n", to);
    html_machines(to, results);
    fputs("</header>\n<nav aria-label=\"Sections\">\n<ul>\n", to);
    html_figure_links(to, results);
    fputs("<li><a href=\"#tables\">All tables</a></li>\n</ul>\n</nav>\n", to);
}

bool bench_write_html(FILE *to, const bench_results *results, const bench_tables *tables)
{
    write_head(to, results);
    write_header(to, results);
    fputs("<main id=\"main\">\n", to);
    html_summary(to, results);
    bool drawn = html_figures(to, results);
    write_tables(to, tables);
    fputs(
        "</main>\n<footer>\n<p>Made by tenon bench. Medians with 95 % intervals by the bootstrap over rounds, in which "
        "backends took turns.</p>\n</footer>\n</body>\n</html>\n",
        to);
    return fflush(to) == 0 && !ferror(to) && drawn;
}
