/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes what cairo wrote fit for a page. Two shapes of it are known: up to 1.16 (style="fill:rgb(1%,2%,3%);", <symbol
 * id="glyph0-1">) and from 1.18 on (fill="rgb(1%, 2%, 3%)", <g id="glyph-0-1">). There is no text in the file, so that
 * what looks like an attribute is one. */
#include <stdlib.h>
#include <string.h>

#include "bench/report/svg.h"

enum { MAX_GLYPHS = 512 }; /* of one drawing: further ones work, but are not shared */

typedef struct inliner {
    FILE *to;
    const char *id;
    svg_glyphs *glyphs;
    int n_known;
    struct {
        const char *name; /* in the file: "glyph0-1" */
        size_t length;
        int number; /* in the page */
    } known[MAX_GLYPHS];
} inliner;

/* ---- ids: glyph0-1 becomes g7, all others begin with the drawing's id */

static void put_id(const inliner *in, const char *name, size_t length)
{
    for (int i = 0; i < in->n_known; i++)
        if (in->known[i].length == length && !strncmp(in->known[i].name, name, length)) {
            fprintf(in->to, "g%d", in->known[i].number);
            return;
        }
    fprintf(in->to, "%s-%.*s", in->id, (int)length, name);
}

/* Each rule reads what begins at `at`, writes its like, and returns what comes after it; NULL if it is not there. */
typedef const char *rule(inliner *in, const char *at);

static const char *replace_id(inliner *in, const char *at, const char *before, const char *written, char end)
{
    size_t skip = strlen(before);
    const char *stop = strncmp(at, before, skip) ? NULL : strchr(at + skip, end);
    if (!stop) return NULL;
    fputs(written, in->to);
    put_id(in, at + skip, (size_t)(stop - at) - skip);
    return stop;
}

static const char *id_attribute(inliner *in, const char *at)
{
    return replace_id(in, at, " id=\"", " id=\"", '"');
}

static const char *link_attribute(inliner *in, const char *at)
{
    return replace_id(in, at, " xlink:href=\"#", " href=\"#", '"');
}

static const char *url(inliner *in, const char *at)
{
    return replace_id(in, at, "url(#", "url(#", ')');
}

static const char *colour(inliner *in, const char *at)
{
    double part[3];
    char name[32];
    int length = 0;
    if (sscanf(at, "rgb(%lf%% , %lf%% , %lf%%)%n", &part[0], &part[1], &part[2], &length) != 3 || !length) return NULL;
    int found = svg_find_colour(part[0], part[1], part[2]);
    if (found < 0) return NULL;
    fprintf(in->to, "var(%s)", svg_colour_name(found, name));
    return at + length;
}

/* What says no more than is so without it. */
static const char *default_style(inliner *in, const char *at)
{
    static const char *const useless[] = {"fill-opacity:1;",      "stroke-opacity:1;",      "fill-rule:nonzero;",
                                          "stroke-linecap:butt;", "stroke-linejoin:miter;", "stroke-miterlimit:10;"};
    (void)in;
    for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++)
        if (!strncmp(at, useless[i], strlen(useless[i]))) return at + strlen(useless[i]);
    return NULL;
}

/* ---- numbers: a hundredth of a unit is enough */

/* Copies the character at `at`, or the dot of a number and two digits behind it. Returns what comes after. */
static const char *put_shortened(FILE *to, const char *at)
{
    fputc(*at, to);
    if (*at++ != '.') return at;
    size_t digits = strspn(at, "0123456789");
    fprintf(to, "%.*s", digits < 2 ? (int)digits : 2, at);
    return at + digits;
}

/* ---- glyphs: an element around one path */

/* <path style="stroke:none;" d="M 1 2 ..."/>: what is between the quotes after d= */
static const char *outline_of(const char *element, const char *end, size_t *length)
{
    const char *from = strstr(element, " d=\"");
    if (!from || from > end) return NULL;
    from += strlen(" d=\"");
    *length = strcspn(from, "\"");
    return from;
}

static void put_outline(FILE *to, int number, const char *outline, size_t length)
{
    fprintf(to, "<path id=\"g%d\" d=\"", number);
    for (const char *at = outline; at < outline + length;) at = put_shortened(to, at);
    fputs("\"/>", to);
}

static const char *glyph(inliner *in, const char *at)
{
    bool symbol = !strncmp(at, "<symbol overflow=\"visible\" id=\"glyph", 35);
    if (!symbol && strncmp(at, "<g id=\"glyph-", 13) != 0) return NULL;
    const char *name = strstr(at, "id=\"") + 4, *closing = symbol ? "</symbol>" : "</g>", *end = strstr(at, closing);
    size_t length;
    const char *outline = end ? outline_of(at, end, &length) : NULL;
    if (!outline || in->n_known == MAX_GLYPHS) return NULL;
    bool is_new;
    int number = svg_glyphs_add(in->glyphs, outline, length, &is_new);
    if (is_new) put_outline(in->to, number, outline, length);
    in->known[in->n_known].name = name;
    in->known[in->n_known].length = strcspn(name, "\"");
    in->known[in->n_known++].number = number;
    return end + strlen(closing) + (end[strlen(closing)] == '\n');
}

/* Lines begin with spaces. */
static const char *indentation(inliner *in, const char *at)
{
    size_t spaces = *at == '\n' ? strspn(at + 1, " ") : 0;
    if (spaces == 0) return NULL;
    fputc('\n', in->to);
    return at + 1 + spaces;
}

static rule *const rules[] = {indentation, glyph, id_attribute, link_attribute, url, colour, default_style};

/* ---- the file */

/* Behind <svg ...>: its attributes would name a size, which is the page's to decide. */
static const char *content_of(const char *file)
{
    const char *root = strstr(file, "<svg"), *end = root ? strchr(root, '>') : NULL;
    return end ? end + 1 : file + strlen(file);
}

void svg_inline(FILE *to, const char *file, const char *id, svg_glyphs *glyphs)
{
    inliner in = {.to = to, .id = id, .glyphs = glyphs};
    const char *at = content_of(file), *end = strstr(at, "</svg>");
    while (end && at < end) {
        const char *after = NULL;
        for (size_t i = 0; i < sizeof rules / sizeof rules[0] && !after; i++) after = rules[i](&in, at);
        at = after ? after : put_shortened(to, at);
    }
}
