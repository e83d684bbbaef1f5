/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon doctor: what could compute here, why the rest cannot, and what would help. All that may crash or hang happens in
 * child processes. doctor.h describes the JSON. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

enum { JSON = 256, TIMEOUT };
static const struct argp_option options[] = {
    {"json", JSON, NULL, 0, "print one object of JSON", 0},
    {"timeout", TIMEOUT, "S", 0, "seconds for loading plugins (default: enough for each to use up its own 10)", 0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    doctor_options *o = state->input;
    switch (key) {
    case JSON: o->json = true; return 0;
    case TIMEOUT: o->seconds = tool_number(state, "--timeout", text, 86400, true); return 0;
    case ARGP_KEY_ARG:
        if (o->plugin) argp_error(state, "one plugin at a time, but \"%s\" was given as well", text);
        o->plugin = text;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "[PLUGIN]",
    .doc =
        "Examines the machine, the search path and every plugin, or the one file PLUGIN alone, and says what would make "
        "those work that do not.\vThe exit code is 0 if what TENON_BACKEND names (or `auto`) works, or if PLUGIN does; "
        "else 1. Nothing that a plugin does while it is loaded harms this program.",
};

/* An absolute path for PLUGIN, in *remark what was done about it. Links are left as they are. */
static char *absolute(const char *path, json_t **remark)
{
    char folder[PATH_MAX], *whole = NULL;
    *remark = json_null();
    if (*path == '/') return strdup(path);
    if (!getcwd(folder, sizeof folder) || asprintf(&whole, "%s/%s", folder, path) < 0) return strdup(path);
    *remark = json_sprintf("\"%s\" was taken as %s; programs refuse a path that is not absolute", path, whole);
    return whole;
}

static int run(int argc, char **argv)
{
    doctor_options o = {0};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    json_t *remark = json_null(), *report = json_object();
    if (o.plugin) o.plugin = absolute(o.plugin, &remark);

    json_object_set_new(report, "tenon", doctor_core());
    json_object_set_new(report, "environment", doctor_environment());
    json_object_set_new(report, "machine", doctor_machine());
    json_object_set_new(report, "plugin", tool_json_text(o.plugin));
    json_object_set_new(report, "remark", remark);
    doctor_load(report, &o);
    const json_t *plugins = json_object_get(report, "plugins");
    if (!o.plugin) json_object_set_new(report, "search", doctor_search(plugins));
    if (!o.plugin) json_object_set_new(report, "auto", doctor_auto(plugins));
    bool ok = doctor_judge(report, &o);

    bool written = true;
    if (o.json)
        written = tool_json_line(stdout, json_incref(report));
    else
        doctor_print(report);
    json_decref(report);
    free(o.plugin);
    return ok && written ? TOOL_OK : TOOL_FAILED;
}

const tool_command tool_doctor = {"doctor",
                                  "examines the machine and its plugins: what works, what does not, what helps", run};
