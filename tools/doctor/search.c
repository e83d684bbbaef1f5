/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and folders in search order, and what came of each. */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

/* How many candidates this place gave: it is the file, or the folder that holds them. */
static int candidates_of(const json_t *plugins, const char *from, const char *place)
{
    int n = 0;
    size_t i;
    json_t *plugin;
    json_array_foreach(plugins, i, plugin)
    {
        char path[PATH_MAX];
        if (strcmp(doctor_text(plugin, "found_by"), from) != 0) continue;
        snprintf(path, sizeof path, "%s", doctor_text(plugin, "path"));
        n += !strcmp(path, place) || !strcmp(dirname(path), place);
    }
    return n;
}

static void add(json_t *list, const json_t *plugins, const char *from, const char *place, bool folder)
{
    const char *state = *place != '/' ? "ignored" : access(place, R_OK) != 0 ? "missing" : folder ? "folder" : "file";
    char trimmed[PATH_MAX];
    snprintf(trimmed, sizeof trimmed, "%s", place);
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--) trimmed[n - 1] = '\0';
    json_array_append_new(list, json_pack("{s:o, s:s, s:s, s:i}", "place", tool_json_text(place), "from", from, "state",
                                          state, "candidates", candidates_of(plugins, from, trimmed)));
}

/* A colon-separated list in the environment. */
static void add_parts(json_t *list, const json_t *plugins, const char *variable, bool folders)
{
    const char *value = getenv(variable);
    char *copy = value ? strdup(value) : NULL, *rest = copy;
    for (char *part; copy && (part = strsep(&rest, ":"));)
        if (*part) add(list, plugins, variable, part, folders);
    free(copy);
}

/* The installation's folder is the core's own secret: it is told by what was found there. */
static void add_installed(json_t *list, const json_t *plugins)
{
    size_t i;
    json_t *plugin;
    json_array_foreach(plugins, i, plugin) if (!strcmp(doctor_text(plugin, "found_by"), "installed"))
    {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s", doctor_text(plugin, "path"));
        add(list, plugins, "installed", dirname(path), true);
        return;
    }
}

json_t *doctor_search(const json_t *plugins)
{
    json_t *list = json_array(), *core = doctor_core();
    char library[PATH_MAX], beside[PATH_MAX + sizeof TN_PLUGIN_SUBDIR + 1];
    snprintf(library, sizeof library, "%s", doctor_text(core, "library"));
    snprintf(beside, sizeof beside, "%s/" TN_PLUGIN_SUBDIR, dirname(library));
    add_parts(list, plugins, "TENON_PLUGIN_FILES", false);
    if (getenv("TENON_PLUGIN_PATH"))
        add_parts(list, plugins, "TENON_PLUGIN_PATH", true);
    else {
        add(list, plugins, "beside libtenon", beside, true);
        add_installed(list, plugins);
    }
    json_decref(core);
    return list;
}
