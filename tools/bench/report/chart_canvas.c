/* SPDX-License-Identifier: Apache-2.0
 *
 * Text and shapes on a canvas. */
#include <math.h>
#include <string.h>

#include "bench/report/chart.h"

/* ---- text */

static const struct {
    double size;
    cairo_font_weight_t weight;
    svg_colour colour;
} voices[] = {
    [CHART_TICK] = {10.5, CAIRO_FONT_WEIGHT_NORMAL, SVG_SOFT},
    [CHART_NAME] = {12, CAIRO_FONT_WEIGHT_NORMAL, SVG_INK},
    [CHART_STRONG] = {12, CAIRO_FONT_WEIGHT_BOLD, SVG_INK},
    [CHART_INVERSE] = {10.5, CAIRO_FONT_WEIGHT_NORMAL, SVG_PAPER},
};

static void use_voice(const chart_canvas *c, chart_voice voice)
{
    cairo_select_font_face(c->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, voices[voice].weight);
    cairo_set_font_size(c->cr, voices[voice].size);
    svg_use_colour(c->cr, voices[voice].colour);
}

/* Bytes of the UTF-8 character at `text`; 0 if there is none: cairo refuses what is no UTF-8. */
static size_t character(const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t n = first < 0x20 || first == 0x7f ? 0
               : first < 0x80                ? 1
               : first < 0xc2                ? 0
               : first < 0xe0                ? 2
               : first < 0xf0                ? 3
               : first < 0xf5                ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80) return 0;
    return n;
}

/* The characters of the text that can be drawn, as many as there is room for. */
static const char *drawable(const char *text, char *buffer, size_t size)
{
    size_t used = 0;
    while (*text) {
        size_t n = character(text);
        if (used + n + 1 > size) break;
        memcpy(buffer + used, text, n);
        used += n;
        text += n ? n : 1;
    }
    buffer[used] = '\0';
    return buffer;
}

double chart_text_width(const chart_canvas *c, chart_voice voice, const char *text)
{
    char buffer[2 * CHART_LABEL];
    cairo_text_extents_t extents;
    use_voice(c, voice);
    cairo_text_extents(c->cr, drawable(text, buffer, sizeof buffer), &extents);
    return extents.x_advance;
}

void chart_text(const chart_canvas *c, chart_voice voice, double x, double y, double align, const char *text)
{
    char buffer[2 * CHART_LABEL];
    double width = chart_text_width(c, voice, text);
    cairo_move_to(c->cr, x - align * width, y + 0.36 * voices[voice].size);
    cairo_show_text(c->cr, drawable(text, buffer, sizeof buffer));
    cairo_new_path(c->cr);
}

void chart_text_within(const chart_canvas *c, chart_voice voice, double x, double y, double width, const char *text)
{
    char buffer[2 * CHART_LABEL];
    drawable(text, buffer, sizeof buffer - 3);
    size_t n = strlen(buffer);
    while (n > 1 && chart_text_width(c, voice, buffer) > width) {
        do n--;
        while (n > 1 && ((unsigned char)buffer[n] & 0xc0) == 0x80);
        strcpy(buffer + n, "...");
    }
    chart_text(c, voice, x, y, 0, buffer);
}

/* ---- shapes */

void chart_rule(const chart_canvas *c, svg_colour colour, double x0, double y0, double x1, double y1)
{
    svg_use_colour(c->cr, colour);
    cairo_set_line_width(c->cr, 1);
    cairo_set_dash(c->cr, NULL, 0, 0);
    cairo_move_to(c->cr, x0, y0);
    cairo_line_to(c->cr, x1, y1);
    cairo_stroke(c->cr);
}

void chart_rect(const chart_canvas *c, svg_colour colour, double alpha, chart_box box)
{
    svg_use_colour(c->cr, colour);
    cairo_rectangle(c->cr, box.left, box.top, box.right - box.left, box.bottom - box.top);
    if (alpha >= 1) {
        cairo_fill(c->cr);
        return;
    }
    double red, green, blue;
    cairo_pattern_get_rgba(cairo_get_source(c->cr), &red, &green, &blue, NULL);
    cairo_set_source_rgba(c->cr, red, green, blue, alpha);
    cairo_fill(c->cr);
}

/* ---- series */

/* Corners at angles of turns; 0 corners: a circle; corners below 0: as many strokes through the middle. */
static const struct {
    int corners;
    double turn, size;
} markers[] = {{0, 0, 1},      {4, 0.125, 1.25}, {3, -0.25, 1.3},  {4, 0, 1.3},
               {3, 0.25, 1.3}, {5, -0.25, 1.2},  {-2, 0.125, 1.2}, {-2, 0, 1.3}};

enum { MARKERS = sizeof markers / sizeof markers[0] };

static void marker_path(cairo_t *cr, int marker, double x, double y, double radius)
{
    int corners = markers[marker].corners;
    radius *= markers[marker].size;
    cairo_new_path(cr);
    if (corners == 0) cairo_arc(cr, x, y, radius, 0, 2 * M_PI);
    for (int i = 0; i < corners; i++) {
        double angle = 2 * M_PI * (markers[marker].turn + (double)i / corners);
        cairo_line_to(cr, x + radius * cos(angle), y + radius * sin(angle));
    }
    for (int i = 0; i < -corners; i++) {
        double angle = 2 * M_PI * (markers[marker].turn + 0.25 * i);
        cairo_move_to(cr, x - radius * cos(angle), y - radius * sin(angle));
        cairo_line_to(cr, x + radius * cos(angle), y + radius * sin(angle));
    }
    if (corners >= 0) cairo_close_path(cr);
}

/* A rim in the colour of the paper keeps markers apart where they overlap. */
void chart_marker(const chart_canvas *c, chart_style style, double x, double y, double radius)
{
    int marker = style.marker % MARKERS;
    svg_colour colour = (svg_colour)(SVG_SERIES + style.colour);
    bool strokes = markers[marker].corners < 0;
    cairo_set_dash(c->cr, NULL, 0, 0);
    marker_path(c->cr, marker, x, y, radius);
    svg_use_colour(c->cr, SVG_PAPER);
    cairo_set_line_width(c->cr, strokes ? 5 : 3);
    cairo_stroke_preserve(c->cr);
    svg_use_colour(c->cr, style.hollow && !strokes ? SVG_PAPER : colour);
    cairo_set_line_width(c->cr, strokes ? 2 : 1.5);
    if (!strokes) cairo_fill_preserve(c->cr);
    svg_use_colour(c->cr, colour);
    if (strokes || style.hollow) cairo_stroke(c->cr);
    cairo_new_path(c->cr);
}

void chart_pen(const chart_canvas *c, chart_style style, double width)
{
    static const struct {
        int n;
        double lengths[6];
    } dashes[] = {{0, {0}},          {2, {7, 3}},       {2, {2, 2.5}},
                  {4, {9, 3, 2, 3}}, {2, {12, 5}},      {6, {7, 3, 2, 3, 2, 3}},
                  {2, {4, 6}},       {4, {14, 3, 4, 3}}};
    int dash = style.dash % (int)(sizeof dashes / sizeof dashes[0]);
    svg_use_colour(c->cr, (svg_colour)(SVG_SERIES + style.colour));
    cairo_set_line_width(c->cr, width);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(c->cr, dashes[dash].lengths, dashes[dash].n, 0);
}
