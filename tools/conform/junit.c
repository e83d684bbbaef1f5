/* SPDX-License-Identifier: Apache-2.0
 *
 * The results as JUnit XML: a suite for each level, a case for each check or, where it runs for each operator, operator. */
#include "parts.h"

/* What XML 1.0 cannot hold becomes a question mark: control characters, and what is not ASCII, since texts from a plugin
 * need not be UTF-8. */
static void put_text(FILE *to, const char *text)
{
    for (; text && *text; text++) switch (*text) {
        case '&': fputs("&amp;", to); break;
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '"': fputs("&quot;", to); break;
        case '\n': fputs("&#10;", to); break;
        case '\t': fputs("&#9;", to); break;
        default: fputc((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e ? '?' : *text, to);
        }
}

static void put_case(FILE *to, const conform_result *r)
{
    fputs("    <testcase classname=\"", to);
    put_text(to, r->check->name);
    fputs("\" name=\"", to);
    put_text(to, r->op ? r->op : r->check->promise);
    fprintf(to, "\" time=\"%.3f\"", r->seconds);
    if (r->outcome == CONFORM_PASS) {
        fputs("/>\n", to);
        return;
    }
    fprintf(to, ">\n      <%s message=\"", r->outcome == CONFORM_FAIL ? "failure" : "skipped");
    put_text(to, r->why);
    fputs("\"/>\n", to);
    if (r->errors && r->errors[0]) {
        fputs("      <system-err>", to);
        put_text(to, r->errors);
        fputs("</system-err>\n", to);
    }
    fputs("    </testcase>\n", to);
}

static void put_suite(FILE *to, const conform_results *results, int level)
{
    int n = 0, failed = 0, skipped = 0;
    double seconds = 0;
    for (int i = 0; i < results->n; i++) {
        const conform_result *r = &results->items[i];
        if (r->level != level) continue;
        n++;
        failed += r->outcome == CONFORM_FAIL;
        skipped += r->outcome == CONFORM_SKIP;
        seconds += r->seconds;
    }
    fprintf(to, "  <testsuite name=\"level %d: %s\" tests=\"%d\" failures=\"%d\" skipped=\"%d\" time=\"%.3f\">\n",
            level, conform_level_names[level], n, failed, skipped, seconds);
    for (int i = 0; i < results->n; i++)
        if (results->items[i].level == level) put_case(to, &results->items[i]);
    fputs("  </testsuite>\n", to);
}

static bool put_all(FILE *to, const void *arg)
{
    const conform_results *results = arg;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tenon conform " CONFORM_SUITE " ", to);
    put_text(to, results->candidate.name);
    fputs("\">\n", to);
    for (int level = 0; level < results->levels; level++) put_suite(to, results, level);
    return fputs("</testsuites>\n", to) >= 0;
}

bool conform_write_junit(const char *path, const conform_results *results)
{
    return tool_write_file(path, put_all, results);
}
