/* SPDX-License-Identifier: Apache-2.0
 *
 * Drawings by cairo that become part of a page: the SVG is written inline, its colours are the page's (custom
 * properties of CSS), its ids are unique, and its glyphs are shared by all drawings of the page. */
#ifndef TENON_BENCH_SVG_H
#define TENON_BENCH_SVG_H

#include <cairo.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- colours: what is drawn is a stand-in, which becomes var(--name) */

enum { SVG_SERIES_COLOURS = 8, SVG_SEGMENT_COLOURS = 8 };

typedef enum svg_colour {
    SVG_INK,
    SVG_SOFT,
    SVG_GRID,
    SVG_PAPER,
    SVG_REST,
    SVG_DATA,
    SVG_OPTIMIZER,
    SVG_PHASE,                                     /* any other */
    SVG_SERIES,                                    /* --series-1, and those after it */
    SVG_SEGMENT = SVG_SERIES + SVG_SERIES_COLOURS, /* --segment-1, and those after it */
    SVG_COLOURS = SVG_SEGMENT + SVG_SEGMENT_COLOURS,
} svg_colour;

void svg_use_colour(cairo_t *cr, svg_colour colour);
/* The colour that cairo wrote as three percentages; -1 if it is none. */
int svg_find_colour(double red, double green, double blue);
/* "--ink"; buffer of 32 bytes */
const char *svg_colour_name(int colour, char *buffer);

/* ---- glyphs */

/* The outlines that the page has so far. */
typedef struct svg_glyphs {
    int n, room;
    char **outlines;
} svg_glyphs;

/* The number of an outline in the page; *is_new tells whether it has to be written. */
int svg_glyphs_add(svg_glyphs *glyphs, const char *outline, size_t length, bool *is_new);
void svg_glyphs_release(svg_glyphs *glyphs);

/* ---- drawings */

typedef struct svg_drawing {
    cairo_t *cr;
    cairo_surface_t *surface;
    char *text; /* what cairo wrote */
    size_t length, room;
} svg_drawing;

typedef struct svg_about {
    const char *id;                  /* of the drawing within the page; begins the ids in it */
    const char *css_class;           /* of the <svg> */
    const char *title, *description; /* for who does not see it */
    double width, height;
} svg_about;

/* A drawing of this width, and of any height that is wanted in the end. */
void svg_begin(svg_drawing *drawing, double width);
/* Writes the drawing into the page, and releases it. False after a message if cairo failed. */
bool svg_end(svg_drawing *drawing, const svg_about *about, svg_glyphs *glyphs, FILE *to);

/* Gives back what cairo and fontconfig keep of fonts: else a checker of leaks finds it. No drawing may be open. */
void svg_forget_fonts(void);

/* svg_inline.c: the part of cairo's file below <svg>, made fit for a page. */
void svg_inline(FILE *to, const char *file, const char *id, svg_glyphs *glyphs);

#endif
