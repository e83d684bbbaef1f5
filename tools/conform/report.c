/* SPDX-License-Identifier: Apache-2.0
 *
 * What the suite found, for people and for programs. */
#include <inttypes.h>
#include <string.h>

#include "parts.h"

static const char *const outcomes[] = {
    [CONFORM_PASS] = "passed", [CONFORM_FAIL] = "failed", [CONFORM_SKIP] = "skipped"};

typedef struct tally {
    int of[3]; /* by outcome */
} tally;

/* Of one level, and of one operator unless op is NULL. */
static tally count(const conform_results *results, int level, const char *op)
{
    tally t = {{0}};
    for (int i = 0; i < results->n; i++) {
        const conform_result *r = &results->items[i];
        if (r->level == level && (!op || (r->op && strcmp(r->op, op) == 0))) t.of[r->outcome]++;
    }
    return t;
}

static tally count_operator(const conform_results *results, const char *op)
{
    tally all = {{0}};
    for (int level = 0; level < results->levels; level++) {
        tally t = count(results, level, op);
        for (int i = 0; i < 3; i++) all.of[i] += t.of[i];
    }
    return all;
}

/* ---- for people */

/* Every line of a text, indented. */
static void print_lines(const char *text, const char *indent)
{
    while (*text) {
        const size_t n = strcspn(text, "\n");
        printf("%s%.*s\n", indent, (int)n, text);
        text += n + (text[n] != '\0');
    }
}

static void print_result(const conform_result *r)
{
    if (r->outcome == CONFORM_PASS && !r->why[0]) return;
    if (r->outcome == CONFORM_SKIP && r->op) return; /* there are many, and each is in the JSON */
    printf("  %s %s%s%s: %s\n", outcomes[r->outcome], r->check->name, r->op ? " " : "", r->op ? r->op : "",
           r->outcome == CONFORM_FAIL ? r->check->promise : r->why);
    if (r->outcome != CONFORM_FAIL) return;
    print_lines(r->why, "    ");
    if (r->errors && r->errors[0]) {
        puts("    its standard error:");
        print_lines(r->errors, "    | ");
    }
}

static void print_level(const conform_results *results, int level)
{
    const tally t = count(results, level, NULL);
    printf("level %d, %s:", level, conform_level_names[level]);
    const char *before = " ";
    for (int i = 0; i < 3; i++) {
        if (t.of[i] || i == CONFORM_PASS) printf("%s%d %s", before, t.of[i], outcomes[i]);
        if (t.of[i] || i == CONFORM_PASS) before = ", ";
    }
    putchar('\n');
    for (int i = 0; i < results->n; i++)
        if (results->items[i].level == level) print_result(&results->items[i]);
}

/* Operators that passed a check, and failed none. */
static int count_passing(const conform_results *results)
{
    int n, passing = 0;
    const tn_op_status *ops = tn_ops(&n);
    for (int i = 0; i < n; i++) {
        const tally t = count_operator(results, ops[i].name);
        passing += t.of[CONFORM_PASS] && !t.of[CONFORM_FAIL];
    }
    return passing;
}

static void print_operators(const conform_results *results)
{
    enum { WIDTH = 100 };
    int n, has = 0;
    const tn_op_status *ops = tn_ops(&n);
    for (int i = 0; i < n; i++) has += results->candidate.has[i];
    printf("operators: %d of the catalogue's %d", has, n);
    if (results->levels > 2) printf(", of which %d pass what they were asked", count_passing(results));
    if (has < n) printf("; it lacks");
    int column = WIDTH;
    for (int i = 0; i < n; i++) {
        if (results->candidate.has[i]) continue;
        if (column + (int)strlen(ops[i].name) >= WIDTH) column = printf("\n ") - 1;
        column += printf(" %s", ops[i].name);
    }
    putchar('\n');
}

/* At the line's start are always the same words, by which scripts know. */
static void print_verdict(const conform_options *options, const conform_results *results)
{
    const conform_candidate *c = &results->candidate;
    const int reached = conform_reached(results);
    if (!c->loaded)
        printf("It cannot be loaded: %s\n", c->why);
    else if (c->why[0])
        printf("Levels from 1 on need a device: %s\n", c->why);
    if (reached < 0)
        puts("does not conform");
    else
        printf("conforms to level %d (%s)%s%s%s%s\n", reached, conform_level_names[reached],
               conform_passed(results) ? "" : ", not to the next", options->ops ? ", as far as --ops " : "",
               options->ops ? options->ops : "", options->ops ? " asked" : "");
}

void conform_print(const conform_options *options, const conform_results *results)
{
    const conform_candidate *c = &results->candidate;
    printf("conformance suite %s (%016" PRIx64 "), tenon %s, seed %" PRIu64 "\n", CONFORM_SUITE, results->hash,
           tn_version(), options->seed);
    printf("%s", options->path ? options->path : "the reference backend");
    if (c->loaded) printf(": %s %s by %s, %s", c->name, c->version, c->vendor, c->library);
    if (c->device[0]) printf("; device %u: %s, %s", options->device, c->device, c->architecture);
    puts("\n");
    for (int level = 0; level < results->levels; level++) print_level(results, level);
    putchar('\n');
    if (c->loaded) print_operators(results);
    print_verdict(options, results);
}

/* ---- for programs */

static json_t *result_json(const conform_result *r)
{
    return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:I, s:f}", "name", r->check->name, "op", tool_json_text(r->op),
                     "promise", r->check->promise, "outcome", outcomes[r->outcome], "why",
                     tool_json_text(r->why && r->why[0] ? r->why : NULL), "stderr", tool_json_text(r->errors),
                     "compared", (json_int_t)r->compared, "seconds", r->seconds);
}

static json_t *level_json(const conform_results *results, int level)
{
    const tally t = count(results, level, NULL);
    json_t *checks = json_array();
    for (int i = 0; i < results->n; i++)
        if (results->items[i].level == level) json_array_append_new(checks, result_json(&results->items[i]));
    return json_pack("{s:i, s:s, s:i, s:i, s:i, s:o}", "level", level, "name", conform_level_names[level], "passed",
                     t.of[CONFORM_PASS], "failed", t.of[CONFORM_FAIL], "skipped", t.of[CONFORM_SKIP], "checks", checks);
}

static json_t *operator_json(const conform_results *results, const char *op, bool has)
{
    const tally t = count_operator(results, op);
    return json_pack("{s:s, s:b, s:i, s:i, s:i}", "name", op, "offered", has, "passed", t.of[CONFORM_PASS], "failed",
                     t.of[CONFORM_FAIL], "skipped", t.of[CONFORM_SKIP]);
}

static json_t *candidate_json(const conform_options *options, const conform_candidate *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:o}", "path", tool_json_text(options->path),
                     "name", tool_json_text(c->name), "version", tool_json_text(c->version), "vendor",
                     tool_json_text(c->vendor), "library", tool_json_text(c->library), "device",
                     tool_json_text(c->device), "architecture", tool_json_text(c->architecture), "index",
                     (json_int_t)options->device, "loaded", c->loaded, "refused",
                     tool_json_text(c->why[0] ? c->why : NULL));
}

bool conform_print_json(const conform_options *options, const conform_results *results)
{
    char hash[24];
    int n;
    const tn_op_status *ops = tn_ops(&n);
    const int reached = conform_reached(results);
    json_t *levels = json_array(), *operators = json_array();
    for (int level = 0; level < results->levels; level++) json_array_append_new(levels, level_json(results, level));
    for (int i = 0; i < n; i++)
        json_array_append_new(operators, operator_json(results, ops[i].name, results->candidate.has[i]));
    snprintf(hash, sizeof hash, "%016" PRIx64, results->hash);
    return tool_json_line(stdout, json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:b}", "suite",
                                            CONFORM_SUITE, "hash", hash, "tenon", tn_version(), "seed",
                                            (json_int_t)options->seed, "ops", tool_json_text(options->ops), "plugin",
                                            candidate_json(options, &results->candidate), "levels", levels, "operators",
                                            operators, "reached", reached < 0 ? json_null() : json_integer(reached),
                                            "passed", conform_passed(results)));
}
