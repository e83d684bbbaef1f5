/* SPDX-License-Identifier: Apache-2.0
 *
 * All checks, one after the other, each in a child of its own. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

const char *const conform_level_names[CONFORM_LEVELS] = {"binary", "memory and streams", "operators", "training",
                                                         "stress", "extensions"};
const conform_check *const conform_levels[CONFORM_LEVELS] = {conform_level0, conform_level1, conform_level2,
                                                             conform_level3, conform_level4, conform_level5};

/* ---- identity */

static uint64_t add_op(uint64_t hash, const tn_op_status *op)
{
    char bound[32];
    snprintf(bound, sizeof bound, "%g", op->bound);
    hash = conform_hash_text(conform_hash_text(hash, op->schema), bound);
    for (const char *const *sample = op->samples; *sample; sample++) hash = conform_hash_text(hash, *sample);
    for (const char *const *shape = op->shapes; *shape; shape++) hash = conform_hash_text(hash, *shape);
    return hash;
}

uint64_t conform_hash(void)
{
    uint64_t hash = conform_hash_text(CONFORM_HASH_START, CONFORM_SUITE);
    int n;
    const tn_op_status *ops = tn_ops(&n);
    for (int level = 0; level < CONFORM_LEVELS; level++)
        for (const conform_check *check = conform_levels[level]; check->name; check++)
            hash = conform_hash_text(conform_hash_text(hash, check->name), check->promise);
    for (int i = 0; i < n; i++) hash = add_op(hash, &ops[i]);
    return hash;
}

/* ---- one check */

typedef struct work {
    const conform_check *check;
    conform_run run;
} work;

static void do_work(void *arg)
{
    work *w = arg;
    conform_state before;
    char text[300];
    conform_current = &w->run;
    conform_state_take(&before);
    w->check->run(&w->run);
    const char *changed = conform_state_changed(&before, text, sizeof text);
    if (changed) conform_fail(&w->run, "the plugin changed %s", changed);
    if (w->run.outcome == CONFORM_PASS && w->run.compared == 0)
        conform_fail(&w->run, "the check has looked at nothing");
}

/* How the process ended is told only of a check that has noticed nothing itself. */
static void judge(work *w, const child_fate *fate)
{
    if (fate->how[0] && w->run.outcome != CONFORM_FAIL) {
        w->run.outcome = CONFORM_FAIL;
        snprintf(w->run.why, sizeof w->run.why, "%s", fate->how);
    }
}

static void add_result(conform_results *results, const conform_result *result)
{
    conform_result *items = realloc(results->items, (size_t)(results->n + 1) * sizeof *items);
    if (!items) error(TOOL_FAILED, errno, "no memory for the results");
    items[results->n++] = *result;
    results->items = items;
}

static char *keep(const char *text)
{
    char *kept = strdup(text);
    if (!kept) error(TOOL_FAILED, errno, "no memory for the results");
    return kept;
}

static void run_check(const conform_options *options, conform_results *results, int level, const conform_check *check,
                      const char *op)
{
    work *w = child_share(sizeof *w);
    child_fate fate;
    w->check = check;
    w->run = (conform_run){.options = options, .op = op};
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K%s%s%s", check->name, op ? " " : "", op ? op : "");
    child_run(options->timeout, do_work, w, &fate);
    judge(w, &fate);
    add_result(results, &(conform_result){.check = check,
                                          .op = op,
                                          .level = level,
                                          .outcome = w->run.outcome,
                                          .why = keep(w->run.why),
                                          .errors = w->run.outcome == CONFORM_FAIL ? fate.errors : NULL,
                                          .compared = w->run.compared,
                                          .seconds = fate.seconds});
    if (w->run.outcome != CONFORM_FAIL) child_release(&fate);
    child_unshare(w, sizeof *w);
}

/* ---- all */

/* Only the candidate and the reference backend are of interest to the children; others would be loaded and could disturb. */
static void leave_others_alone(void)
{
    setenv("TENON_PLUGIN_PATH", "", 1);
    unsetenv("TENON_PLUGIN_FILES");
    unsetenv("TENON_BACKEND");
}

static bool matches(const conform_options *options, const char *op)
{
    return !options->ops || fnmatch(options->ops, op, 0) == 0;
}

static bool matches_none(const conform_options *options, const conform_candidate *candidate)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    if (!options->ops || !candidate->loaded) return false;
    for (int i = 0; i < n; i++)
        if (candidate->has[i] && matches(options, ops[i].name)) return false;
    return true;
}

static void run_for_operators(const conform_options *options, conform_results *results, int level,
                              const conform_check *check)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    for (int i = 0; i < n; i++)
        if (results->candidate.has[i] && matches(options, ops[i].name))
            run_check(options, results, level, check, ops[i].name);
}

bool conform_suite_run(const conform_options *options, conform_results *results)
{
    *results = (conform_results){.hash = conform_hash()};
    leave_others_alone();
    conform_meet(options, &results->candidate);
    if (matches_none(options, &results->candidate)) {
        error(0, 0, "--ops %s matches no operator that %s offers", options->ops, results->candidate.name);
        return false;
    }
    const int highest = results->candidate.loaded && !results->candidate.why[0] ? options->level : 0;
    for (int level = 0; level <= highest; level++, results->levels++)
        for (const conform_check *check = conform_levels[level]; check->name; check++) {
            if (check->per_operator)
                run_for_operators(options, results, level, check);
            else
                run_check(options, results, level, check, NULL);
        }
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    return true;
}

void conform_results_release(conform_results *results)
{
    for (int i = 0; i < results->n; i++) {
        free(results->items[i].why);
        free(results->items[i].errors);
    }
    free(results->items);
}

int conform_reached(const conform_results *results)
{
    int lowest = results->levels;
    for (int i = 0; i < results->n; i++)
        if (results->items[i].outcome == CONFORM_FAIL && results->items[i].level < lowest)
            lowest = results->items[i].level;
    return lowest - 1;
}

bool conform_passed(const conform_results *results)
{
    return conform_reached(results) == results->levels - 1;
}
