/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the results come from: for each run, all that may matter when someone else measures other figures. */
#include <string.h>

#include "bench/report/format.h"
#include "bench/report/html.h"

/* ---- values of the document: texts, numbers, lists of these, and objects */

static void write_value(FILE *to, const char *key, const json_t *value);

static void write_list(FILE *to, const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (i) fputs(json_is_object(item) ? "<br>" : ", ", to);
        write_value(to, "", item);
    }
    if (json_array_size(list) == 0) fputs("none", to);
}

/* Are the values of this key told without it? */
static bool speaks_for_itself(const char *key)
{
    static const char *const keys[] = {"name", "description", "version", "path", "kind", "architecture"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!strcmp(key, keys[i])) return true;
    return false;
}

static void write_object(FILE *to, const json_t *object)
{
    const char *key;
    json_t *value;
    int n = 0;
    json_object_foreach((json_t *)object, key, value)
    {
        if (json_is_null(value) || (json_is_string(value) && !json_string_length(value))) continue;
        if (n++) fputs(", ", to);
        if (!speaks_for_itself(key)) {
            html_text(to, key);
            fputc('=', to);
        }
        write_value(to, key, value);
    }
    if (n == 0) fputs("none", to);
}

static void write_value(FILE *to, const char *key, const json_t *value)
{
    if (json_is_object(value))
        write_object(to, value);
    else if (json_is_array(value))
        write_list(to, value);
    else if (json_is_string(value))
        html_text(to, json_string_value(value));
    else if (json_is_number(value) && strstr(key, "bytes"))
        html_text(to, BENCH_BYTES(json_number_value(value)));
    else if (json_is_number(value))
        fprintf(to, "%.6g", json_number_value(value));
    else
        fputs("not known", to);
}

/* ---- what is told */

enum { MACHINE, SOFTWARE, SETTINGS };

static const struct {
    const char *title;
    int part;
    const char *key;
} facts[] = {
    {"CPU", MACHINE, "cpu"},
    {"Architecture", MACHINE, "architecture"},
    {"Cores", MACHINE, "cores"},
    {"Instruction sets", MACHINE, "isa"},
    {"Memory", MACHINE, "memory_bytes"},
    {"Governor of CPU frequency", MACHINE, "governor"},
    {"Load at the start (1, 5, 15 minutes)", MACHINE, "load"},
    {"Devices", MACHINE, "devices"},
    {"System", MACHINE, "system"},
    {"Kernel", MACHINE, "kernel"},
    {"Measured by", SOFTWARE, "name"},
    {"Version", SOFTWARE, "version"},
    {"Commit", SOFTWARE, "commit"},
    {"Compiler", SOFTWARE, "compiler"},
    {"Flags", SOFTWARE, "flags"},
    {"Libraries", SOFTWARE, "libraries"},
    {"Environment", SOFTWARE, "environment"},
    {"Threads", SETTINGS, "threads"},
    {"Rounds", SETTINGS, "rounds"},
    {"Seconds of a round", SETTINGS, "round_seconds"},
    {"Epochs", SETTINGS, "epochs"},
    {"Accuracy asked for", SETTINGS, "target"},
    {"Seed", SETTINGS, "seed"},
    {"Data set", SETTINGS, "dataset"},
    {"Suite", SETTINGS, "suite"},
    {"Baseline", SETTINGS, "baseline"},
};

static void write_facts(FILE *to, const bench_run *run)
{
    const json_t *parts[] = {[MACHINE] = run->machine, [SOFTWARE] = run->software, [SETTINGS] = run->settings};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        const json_t *value = json_object_get(parts[facts[i].part], facts[i].key);
        if (!value) continue;
        fprintf(to, "<dt>%s</dt><dd>", facts[i].title);
        write_value(to, facts[i].key, value);
        fputs("</dd>\n", to);
    }
}

static void write_limits(FILE *to, const bench_limits *limits)
{
    char peaks[BENCH_PEAKS];
    fputs("<dt>Measured limits of ", to);
    html_text(to, limits->name);
    fprintf(to, "</dt><dd>%s", bench_format_peaks(limits, peaks));
    for (int i = 0; i < limits->n_bandwidths; i++)
        fprintf(to, "<br>%s within %s", BENCH_SI(limits->bandwidths[i].rate, "B/s"),
                BENCH_BYTES(limits->bandwidths[i].bytes));
    fputs("</dd>\n", to);
}

/* 2026-11-25T21:19:36Z as 2026-11-25 21:19 UTC */
static void write_time(FILE *to, const char *started)
{
    bool usual = strlen(started) == 20 && started[10] == 'T' && started[19] == 'Z';
    char text[32];
    snprintf(text, sizeof text, "%.10s %.5s UTC", started, usual ? started + 11 : "");
    fputs("<time datetime=\"", to);
    html_text(to, started);
    fputs("\">", to);
    html_text(to, usual ? text : started);
    fputs("</time>", to);
}

static void write_run(FILE *to, const bench_run *run)
{
    const char *cpu = json_string_value(json_object_get(run->machine, "cpu"));
    fputs("<details class=\"machine\">\n<summary><b>", to);
    html_text(to, run->label);
    fputs("</b> <span class=\"soft\">", to);
    html_text(to, cpu);
    if (cpu) fputs(", ", to);
    write_time(to, run->started);
    fputs("</span></summary>\n<dl>\n", to);
    write_facts(to, run);
    for (int i = 0; i < run->n_limits; i++) write_limits(to, &run->limits[i]);
    fputs("</dl>\n</details>\n", to);
    if (!run->stopped) return;
    fputs("<p class=\"warning\"><b>Partial.</b> The run on ", to);
    html_text(to, run->label);
    fputs(" did not reach its end: ", to);
    html_text(to, run->stopped);
    fputs(". What follows is what there was by then.</p>\n", to);
}

void html_machines(FILE *to, const bench_results *results)
{
    for (int i = 0; i < results->n_runs; i++) write_run(to, &results->runs[i]);
}
