/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports to files. */
#include <string.h>

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

typedef struct job {
    writer write;
    const report *report;
} job;

static bool write_job(FILE *to, const void *arg)
{
    const job *j = arg;
    return j->write(to, j->report);
}

static bool write_report(const char *path, writer write, const report *r)
{
    if (!path) return true;
    if (strcmp(path, "-") != 0) return tool_write_file(path, write_job, &(job){write, r});
    errno = 0;
    bool good = write(stdout, r);
    good = fflush(stdout) == 0 && good;
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
