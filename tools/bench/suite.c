/* SPDX-License-Identifier: Apache-2.0
 *
 * A suite is a JSON object whose keys are the options of `tenon bench`: {"models": ["convnet"], "rounds": 20}. It
 * becomes a command line, so that both say the same and are checked in one place. */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plan.h"

/* "batch_sizes" is the option batch-sizes. */
static bool same_name(const char *key, const char *option)
{
    for (; *key && *option; key++, option++)
        if (*key != *option && !(*key == '_' && *option == '-')) return false;
    return *key == *option;
}

typedef const struct argp_option *const *option_tables;

static const char *find_option(option_tables known, const char *key)
{
    for (; *known; known++)
        for (const struct argp_option *o = *known; o->name; o++)
            if (same_name(key, o->name) && strcmp(o->name, "suite") != 0) return o->name;
    return NULL;
}

static void refuse_key(const char *path, option_tables known, const char *key)
{
    char list[1000] = "";
    for (; *known; known++)
        for (const struct argp_option *o = *known; o->name; o++)
            if (strcmp(o->name, "suite") != 0)
                snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *list ? ", " : "", o->name);
    error(TOOL_USAGE, 0, "%s: a suite has no \"%s\"; it may have %s", path, key, list);
}

/* Numbers and texts as they would be typed; NULL for anything else. */
static char *value_text(const json_t *value)
{
    char *text = NULL;
    int length = json_is_string(value)    ? asprintf(&text, "%s", json_string_value(value))
                 : json_is_integer(value) ? asprintf(&text, "%lld", (long long)json_integer_value(value))
                 : json_is_real(value)    ? asprintf(&text, "%.17g", json_real_value(value))
                                          : -1;
    return length < 0 ? NULL : text;
}

static char *list_text(const json_t *list)
{
    char *text = strdup("");
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        char *one = value_text(item), *longer = NULL;
        if (!one || asprintf(&longer, "%s%s%s", text, i ? "," : "", one) < 0) longer = NULL;
        free(one);
        free(text);
        if (!(text = longer)) return NULL;
    }
    return text;
}

typedef struct arguments {
    const char *path;
    char **argv;
    int argc;
} arguments;

static void append(arguments *to, char *text)
{
    char **longer = realloc(to->argv, (size_t)(to->argc + 2) * sizeof *longer);
    if (!longer || !text) error(TOOL_FAILED, errno, "%s", to->path);
    to->argv = longer;
    to->argv[to->argc++] = text;
    to->argv[to->argc] = NULL;
}

static void add(arguments *to, const char *option, const char *value)
{
    char *text = NULL;
    if (asprintf(&text, "--%s%s%s", option, value ? "=" : "", value ? value : "") < 0) text = NULL;
    append(to, text);
}

/* {"pytorch": "peers/pytorch.py"}: a path in it begins at the suite's folder. */
static void add_peers(arguments *to, const json_t *peers)
{
    char *copy = strdup(to->path), *folder = dirname(copy);
    const char *name;
    json_t *command;
    json_object_foreach((json_t *)peers, name, command)
    {
        const char *path = json_string_value(command);
        char *text = NULL;
        if (!path) error(TOOL_USAGE, 0, "%s: the peer \"%s\" must be the path of a program", to->path, name);
        bool relative = path[0] != '/' && strchr(path, '/');
        if (asprintf(&text, "%s=%s%s%s", name, relative ? folder : "", relative ? "/" : "", path) < 0)
            error(TOOL_FAILED, errno, "%s", to->path);
        add(to, "peers", text);
        free(text);
    }
    free(copy);
}

static void add_key(arguments *to, const char *option, const json_t *value)
{
    if (json_is_object(value) && !strcmp(option, "peers")) {
        add_peers(to, value);
        return;
    }
    if (json_is_true(value)) add(to, option, NULL);
    if (json_is_boolean(value)) return;
    char *text = json_is_array(value) ? list_text(value) : value_text(value);
    if (!text) error(TOOL_USAGE, 0, "%s: \"%s\" must be a text, a number, or a list of these", to->path, option);
    add(to, option, text);
    free(text);
}

char **bench_suite_arguments(const char *path, option_tables known, int *argc)
{
    json_error_t why;
    static json_t *suite; /* not lost where an error ends the process */
    suite = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!suite && why.line > 0) error(TOOL_USAGE, 0, "%s: line %d: %s", path, why.line, why.text);
    if (!suite) error(TOOL_USAGE, 0, "%s", why.text);
    if (!json_is_object(suite)) error(TOOL_USAGE, 0, "%s: a suite is a JSON object", path);
    static arguments to;
    to = (arguments){.path = path};
    append(&to, strdup(path));
    const char *key;
    json_t *value;
    json_object_foreach(suite, key, value)
    {
        const char *option = find_option(known, key);
        if (!option) refuse_key(path, known, key);
        add_key(&to, option, value);
    }
    json_decref(suite);
    *argc = to.argc;
    return to.argv;
}
