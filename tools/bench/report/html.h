/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files that write the page share. All text that comes from a document goes through html_text. */
#ifndef TENON_BENCH_HTML_H
#define TENON_BENCH_HTML_H

#include "bench/report/table.h"

/* ---- html_text.c */

/* Text as text, in elements and in quoted attributes. */
void html_text(FILE *to, const char *text);
/* A tag around text: html_element(to, "p class=\"note\"", "p", text) */
void html_element(FILE *to, const char *open, const char *close, const char *text);

/* ---- parts of the page */

/* Nothing if the table has no lines. Its place scrolls sideways by itself; `label` names it. */
void html_table(FILE *to, const bench_table *table, const char *label);
void html_machines(FILE *to, const bench_results *results);
void html_summary(FILE *to, const bench_results *results);
/* Sections with charts and their numbers; false after a message. */
bool html_figures(FILE *to, const bench_results *results);
/* Links to these sections. */
void html_figure_links(FILE *to, const bench_results *results);

extern const char bench_page_css[]; /* page.css, by embed.cmake */

#endif
