/* SPDX-License-Identifier: Apache-2.0
 *
 * Escaping. */
#include "bench/report/html.h"

/* Is it a character that no page may have? (C0 controls but for tab and newlines; DEL) */
static bool is_forbidden(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

static void put(FILE *to, char c)
{
    switch (c) {
    case '&': fputs("&amp;", to); break;
    case '<': fputs("&lt;", to); break;
    case '>': fputs("&gt;", to); break;
    case '"': fputs("&quot;", to); break;
    case '\'': fputs("&#39;", to); break;
    default:
        if (!is_forbidden((unsigned char)c)) fputc(c, to);
    }
}

void html_text(FILE *to, const char *text)
{
    for (; text && *text; text++) put(to, *text);
}

void html_element(FILE *to, const char *open, const char *close, const char *text)
{
    fprintf(to, "<%s>", open);
    html_text(to, text);
    fprintf(to, "</%s>\n", close);
}
