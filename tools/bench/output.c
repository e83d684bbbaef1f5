/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports to files. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"

typedef struct report {
    const bench_results *results;
    const bench_tables *tables;
} report;

typedef bool (*writer)(FILE *to, const report *r);

static bool write_json(FILE *to, const report *r)
{
    return json_dumpf(r->results->document, to, JSON_INDENT(1) | JSON_REAL_PRECISION(7)) == 0 && fputc('\n', to) != EOF;
}

static bool write_csv(FILE *to, const report *r)
{
    return bench_write_csv(to, r->results);
}

static bool write_markdown(FILE *to, const report *r)
{
    return bench_write_markdown(to, r->results, r->tables);
}

static bool write_html(FILE *to, const report *r)
{
#ifdef TENON_HAVE_CAIRO
    return bench_write_html(to, r->results, r->tables);
#else
    (void)to, (void)r;
    error(0, 0, "this tenon was built without cairo (libcairo2-dev), and draws no charts for --html");
    return false;
#endif
}

/* ---- files */

/* What is no regular file, such as a device, is written to as it is. */
static bool is_special(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

static bool write_to(FILE *to, writer write, const report *r)
{
    bool good = to && write(to, r);
    if (to && fflush(to)) good = false;
    return good;
}

static bool write_beside(const char *path, writer write, const report *r)
{
    char *part = NULL;
    if (asprintf(&part, "%s.part", path) < 0) return false;
    FILE *to = fopen(part, "we");
    bool good = write_to(to, write, r);
    good = good && fsync(fileno(to)) == 0;
    if (to && fclose(to)) good = false;
    good = good && rename(part, path) == 0;
    int why = errno;
    if (!good && to) unlink(part);
    free(part);
    errno = why;
    return good;
}

static bool write_report(const char *path, writer write, const report *r)
{
    if (!path) return true;
    bool good;
    errno = 0;
    if (!strcmp(path, "-")) {
        good = write_to(stdout, write, r);
    } else if (is_special(path)) {
        FILE *to = fopen(path, "we");
        good = write_to(to, write, r);
        if (to && fclose(to)) good = false;
    } else {
        good = write_beside(path, write, r);
    }
    if (!good) error(0, errno, "cannot write %s", path);
    return good;
}

bool bench_output(const bench_results *results, const bench_outputs *outputs)
{
    bench_tables tables = bench_tables_of(results);
    report r = {results, &tables};
    bool good = write_report(outputs->json, write_json, &r);
    good &= write_report(outputs->csv, write_csv, &r);
    good &= write_report(outputs->markdown, write_markdown, &r);
    good &= write_report(outputs->html, write_html, &r);
    const char *const streams[] = {outputs->json, outputs->csv, outputs->markdown, outputs->html};
    bool stdout_taken = false;
    for (int i = 0; i < 4; i++) stdout_taken |= streams[i] && !strcmp(streams[i], "-");
    if (!outputs->quiet && !stdout_taken) good &= bench_write_terminal(stdout, results, &tables);
    bench_tables_release(&tables);
    return good;
}
