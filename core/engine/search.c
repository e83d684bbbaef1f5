/* SPDX-License-Identifier: Apache-2.0
 *
 * Where plugins are looked for: what the program named, then $TENON_PLUGIN_FILES, then the folders of
 * $TENON_PLUGIN_PATH or, without it, the one beside libtenon or the one of the installation. Never the current
 * directory, and never a library's bare name. */
#include "engine/backend.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };
typedef void (*add_fn)(const char *path, const char *found_by, const char *refused);

static char *added[MOST];
static int n_added;

void tn_add_plugin_file(const char *path)
{
    if (n_added < MOST && path) added[n_added++] = strdup(path);
}

static int wanted_file(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 3, ".so") == 0;
}

/* The same order in every locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* False if there is no such directory. */
static bool add_directory(add_fn add, const char *dir, const char *found_by)
{
    struct dirent **entries;
    int n = scandir(dir, &entries, wanted_file, by_name);
    if (n < 0) {
        tn_log_line(TN_LOG_DEBUG, "no plugins in %s", dir);
        return false;
    }
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        add(path, found_by, NULL);
        free(entries[i]);
    }
    free(entries);
    return true;
}

/* Calls each for each part of a colon-separated list. */
static void each_part(const char *list, void (*each)(add_fn add, const char *part), add_fn add)
{
    char *copy = strdup(list), *rest = copy;
    for (char *part; copy && (part = strsep(&rest, ":"));)
        if (*part) each(add, part);
    free(copy);
}

static void add_file(add_fn add, const char *path)
{
    add(path, "TENON_PLUGIN_FILES", NULL);
}

static void add_path(add_fn add, const char *dir)
{
    if (dir[0] != '/')
        add(dir, "TENON_PLUGIN_PATH", "TENON_PLUGIN_PATH must hold absolute directories");
    else if (!add_directory(add, dir, "TENON_PLUGIN_PATH"))
        tn_log_line(TN_LOG_WARN, "TENON_PLUGIN_PATH: %s cannot be read", dir);
}

void tn__search(add_fn add)
{
    const char *files = secure_getenv("TENON_PLUGIN_FILES"), *path = secure_getenv("TENON_PLUGIN_PATH");
    for (int i = 0; i < n_added; i++) add(added[i], "tn_add_plugin_file", NULL);
    if (files) each_part(files, add_file, add);
    if (path) {
        each_part(path, add_path, add);
        return;
    }
    char beside[PATH_MAX];
    const char *dir = tn__library_dir();
    snprintf(beside, sizeof beside, "%s/%s", dir ? dir : "", TN_PLUGIN_SUBDIR);
    if (!dir || !add_directory(add, beside, "beside libtenon"))
        if (strcmp(beside, TN_INSTALLED_PLUGIN_DIR) != 0) add_directory(add, TN_INSTALLED_PLUGIN_DIR, "installed");
}
