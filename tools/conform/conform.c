/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon conform: does a plugin do what the ABI asks of it? */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

typedef struct command {
    conform_options options;
    char path[PATH_MAX];
    const char *junit;
    bool named, json, list;
} command;

enum { LEVEL = 256, OPS, SEED, DEVICE, TIMEOUT, JSON, JUNIT, LIST };
static const struct argp_option options[] = {
    {"level", LEVEL, "N", 0, "the highest level to run: 0 to 5 (default 5)", 0},
    {"ops", OPS, "PATTERN", 0, "of the checks that run for each operator, run those: 'conv*'", 0},
    {"seed", SEED, "N", 0, "of random shapes, values and graphs (default 1)", 0},
    {"device", DEVICE, "I", 0, "the plugin's device (default 0)", 0},
    {"timeout", TIMEOUT, "S", 0, "seconds that one check may take (default 60)", 0},
    {"json", JSON, NULL, 0, "print one object of JSON", 0},
    {"junit", JUNIT, "FILE", 0, "write the results as JUnit XML, too", 0},
    {"list", LIST, NULL, 0, "list all checks and what they promise", 0},
    {0}};

/* The loader takes no relative paths, and a bare name would be looked for elsewhere. */
static void name_candidate(command *c, const struct argp_state *state, const char *text)
{
    if (c->named) argp_error(state, "name one plugin; \"%s\" is a second", text);
    c->named = true;
    if (strcmp(text, "reference") == 0) return;
    if (!realpath(text, c->path)) argp_failure(state, TOOL_FAILED, errno, "%s", text);
    c->options.path = c->path;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    command *c = state->input;
    switch (key) {
    case LEVEL: c->options.level = (int)tool_integer(state, "--level", text, 0, CONFORM_LEVELS - 1); return 0;
    case OPS: c->options.ops = text; return 0;
    case SEED: c->options.seed = (uint64_t)tool_integer(state, "--seed", text, 0, INT64_MAX); return 0;
    case DEVICE: c->options.device = (uint32_t)tool_integer(state, "--device", text, 0, 1023); return 0;
    case TIMEOUT: c->options.timeout = tool_number(state, "--timeout", text, 86400, true); return 0;
    case JSON: c->json = true; return 0;
    case JUNIT: c->junit = text; return 0;
    case LIST: c->list = true; return 0;
    case ARGP_KEY_ARG: name_candidate(c, state, text); return 0;
    case ARGP_KEY_END:
        if (!c->named && !c->list) argp_error(state, "name a plugin's file, or \"reference\"");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "PLUGIN.so|reference",
    .doc =
        "Checks a plugin against the promises of the backend ABI, level by level, each check in a process of its own; "
        "\"reference\" is the built-in backend.\vIt conforms to a level if no check of it, or of a lower one, fails. "
        "The exit code is 0 if no check failed, and 1 if one did.\n\nThe number in brackets after the suite's version "
        "is a hash of all promises and of the operator catalogue (schemas, bounds, samples, shapes): reports with the "
        "same number have asked the same, given the same options.",
};

static int list_checks(void)
{
    for (int level = 0; level < CONFORM_LEVELS; level++) {
        printf("level %d, %s\n", level, conform_level_names[level]);
        for (const conform_check *check = conform_levels[level]; check->name; check++)
            printf("  %-28s %s%s\n", check->name, check->promise, check->per_operator ? " (for each operator)" : "");
    }
    return TOOL_OK;
}

static bool report(const command *c, const conform_results *results)
{
    bool told = true;
    if (c->json)
        told = conform_print_json(&c->options, results);
    else
        conform_print(&c->options, results);
    return (!c->junit || conform_write_junit(c->junit, results)) && told;
}

static int run(int argc, char **argv)
{
    command c = {.options = {.level = CONFORM_LEVELS - 1, .seed = 1, .timeout = 60}};
    if (argp_parse(&parser, argc, argv, 0, NULL, &c)) return TOOL_FAILED;
    if (c.list) return list_checks();
    conform_results results;
    if (!conform_suite_run(&c.options, &results)) return TOOL_FAILED;
    bool told = report(&c, &results), passed = conform_passed(&results);
    conform_results_release(&results);
    return told && passed ? TOOL_OK : TOOL_FAILED;
}

const tool_command tool_conform = {"conform", "checks a plugin against the promises of the ABI", run};
