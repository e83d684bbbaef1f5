/* SPDX-License-Identifier: Apache-2.0
 *
 * From a cairo surface to an <svg> element. */
#include "bench/report/svg.h"

#include <cairo-svg.h>
#include <errno.h>
#include <error.h>
#include <fontconfig/fontconfig.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/html.h"

static const double tallest = 20000;

/* ---- colours: the first percentage is the colour's number, the others are the same for all */

static const double mark_green = 37, mark_blue = 73;

void svg_use_colour(cairo_t *cr, svg_colour colour)
{
    cairo_set_source_rgb(cr, (1 + (int)colour) / 100.0, mark_green / 100, mark_blue / 100);
}

int svg_find_colour(double red, double green, double blue)
{
    bool marked = fabs(green - mark_green) < 0.3 && fabs(blue - mark_blue) < 0.3;
    int colour = (int)lround(red) - 1;
    return marked && colour >= 0 && colour < SVG_COLOURS ? colour : -1;
}

const char *svg_colour_name(int colour, char *buffer)
{
    static const char *const names[] = {
        [SVG_INK] = "ink",   [SVG_SOFT] = "soft", [SVG_GRID] = "grid",           [SVG_PAPER] = "paper",
        [SVG_REST] = "rest", [SVG_DATA] = "data", [SVG_OPTIMIZER] = "optimizer", [SVG_PHASE] = "phase",
    };
    if (colour >= SVG_SEGMENT)
        snprintf(buffer, 32, "--segment-%d", colour - SVG_SEGMENT + 1);
    else if (colour >= SVG_SERIES)
        snprintf(buffer, 32, "--series-%d", colour - SVG_SERIES + 1);
    else
        snprintf(buffer, 32, "--%s", names[colour]);
    return buffer;
}

/* ---- glyphs */

int svg_glyphs_add(svg_glyphs *glyphs, const char *outline, size_t length, bool *is_new)
{
    *is_new = false;
    for (int i = 0; i < glyphs->n; i++)
        if (!strncmp(glyphs->outlines[i], outline, length) && !glyphs->outlines[i][length]) return i;
    if (glyphs->n == glyphs->room) {
        glyphs->room = 2 * glyphs->room + 64;
        glyphs->outlines = realloc(glyphs->outlines, (size_t)glyphs->room * sizeof *glyphs->outlines);
    }
    char *copy = glyphs->outlines ? strndup(outline, length) : NULL;
    if (!copy) error(EXIT_FAILURE, errno, "glyphs");
    *is_new = true;
    glyphs->outlines[glyphs->n] = copy;
    return glyphs->n++;
}

void svg_glyphs_release(svg_glyphs *glyphs)
{
    for (int i = 0; i < glyphs->n; i++) free(glyphs->outlines[i]);
    free(glyphs->outlines);
    *glyphs = (svg_glyphs){0};
}

/* ---- drawings */

static cairo_status_t append(void *closure, const unsigned char *data, unsigned length)
{
    svg_drawing *drawing = closure;
    if (drawing->length + length + 1 > drawing->room) {
        drawing->room = 2 * drawing->room + length + 4096;
        char *text = realloc(drawing->text, drawing->room);
        if (!text) return CAIRO_STATUS_NO_MEMORY;
        drawing->text = text;
    }
    memcpy(drawing->text + drawing->length, data, length);
    drawing->length += length;
    drawing->text[drawing->length] = '\0';
    return CAIRO_STATUS_SUCCESS;
}

void svg_begin(svg_drawing *drawing, double width)
{
    *drawing = (svg_drawing){0};
    drawing->surface = cairo_svg_surface_create_for_stream(append, drawing, width, tallest);
    drawing->cr = cairo_create(drawing->surface);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(drawing->cr, options);
    cairo_font_options_destroy(options);
}

static void write_element(const svg_drawing *drawing, const svg_about *about, svg_glyphs *glyphs, FILE *to)
{
    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\"",
            about->css_class, about->width, ceil(about->height));
    fprintf(to, " aria-labelledby=\"%s-title %s-desc\">\n<title id=\"%s-title\">", about->id, about->id, about->id);
    html_text(to, about->title);
    fprintf(to, "</title>\n<desc id=\"%s-desc\">", about->id);
    html_text(to, about->description);
    fputs("</desc>\n", to);
    svg_inline(to, drawing->text, about->id, glyphs);
    fputs("</svg>\n", to);
}

bool svg_end(svg_drawing *drawing, const svg_about *about, svg_glyphs *glyphs, FILE *to)
{
    cairo_status_t status = cairo_status(drawing->cr);
    cairo_destroy(drawing->cr);
    cairo_surface_finish(drawing->surface);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(drawing->surface);
    cairo_surface_destroy(drawing->surface);
    if (status == CAIRO_STATUS_SUCCESS)
        write_element(drawing, about, glyphs, to);
    else
        error(0, 0, "cannot draw \"%s\": %s", about->title, cairo_status_to_string(status));
    free(drawing->text);
    *drawing = (svg_drawing){0};
    return status == CAIRO_STATUS_SUCCESS;
}

void svg_forget_fonts(void)
{
    cairo_debug_reset_static_data();
    FcFini();
}
