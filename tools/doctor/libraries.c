/* SPDX-License-Identifier: Apache-2.0
 *
 * Native libraries of a plugin: those that its file is linked to, and those that its note names. Each is opened in a
 * child, since opening one runs its code; if that ends the child, the next child goes on behind it. */
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "doctor.h"

enum { PATIENCE = 20 }; /* seconds for those of one plugin */

typedef struct work {
    const char *plugin; /* to be loaded first, so that its own search path counts; "": not */
    json_t *list;
    size_t first;
} work;

static json_t *opened(const char *name, bool only_if_loaded)
{
    struct link_map *map;
    void *handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL | (only_if_loaded ? RTLD_NOLOAD : 0));
    if (!handle) return NULL;
    bool told = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0;
    return json_pack("{s:s, s:o, s:n}", "state", "found", "path", tool_json_text(told ? map->l_name : NULL), "why");
}

static void open_all(FILE *to, const void *arg)
{
    const work *w = arg;
    if (*w->plugin) dlopen(w->plugin, RTLD_LAZY | RTLD_LOCAL);
    for (size_t i = w->first; i < json_array_size(w->list); i++) {
        const char *name = doctor_text(json_array_get(w->list, i), "name");
        json_t *found = opened(name, true);
        if (!found) found = opened(name, false);
        if (!found) found = json_pack("{s:s, s:n, s:o}", "state", "missing", "path", "why", tool_json_text(dlerror()));
        doctor_tell(to, found);
    }
}

/* One child's work; returns where the next begins. */
static size_t look(const work *w)
{
    doctor_child child;
    doctor_child_run(&child, open_all, w, PATIENCE);
    size_t i = w->first, told = json_array_size(child.lines);
    for (size_t k = 0; k < told; k++) json_object_update(json_array_get(w->list, i++), json_array_get(child.lines, k));
    if (strcmp(child.end, "done") != 0 && i < json_array_size(w->list)) {
        json_t *broken = json_pack("{s:s, s:n, s:s}", "state", "broken", "path", "why", child.what);
        json_object_update(json_array_get(w->list, i++), broken);
        json_decref(broken);
    }
    doctor_child_release(&child);
    return i;
}

static void add(json_t *list, const char *name, const char *by)
{
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row) if (!strcmp(doctor_text(row, "name"), name)) return;
    json_array_append_new(list, json_pack("{s:o, s:s}", "name", tool_json_text(name), "by", by));
}

static json_t *names(const json_t *plugin)
{
    json_t *list = json_array(), *name;
    size_t i;
    char noted[sizeof((tn_plugin_note *)0)->libraries], *rest = noted;
    json_array_foreach(json_object_get(plugin, "needed"), i, name) add(list, json_string_value(name), "linked");
    snprintf(noted, sizeof noted, "%s", doctor_text(json_object_get(plugin, "note"), "libraries"));
    for (char *word; (word = strsep(&rest, " "));)
        if (*word) add(list, word, "note");
    return list;
}

/* Of a plugin that cannot be loaded, only the library that the dynamic loader complained of is missing for certain. */
static void admit_doubt(const json_t *list, const char *complaint)
{
    static const char doubt[] = "not in the usual folders; the file's own search path was not tried";
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row) if (!strcmp(doctor_text(row, "state"), "missing") &&
                                         !strstr(complaint, doctor_text(row, "name")))
        json_object_set_new(row, "why", json_string(doubt));
}

static void add_remedies(json_t *list)
{
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row)
    {
        const char *who = !strcmp(doctor_text(row, "state"), "found") ? NULL : doctor_package(doctor_text(row, "name"));
        json_object_set_new(row, "remedy", who ? json_sprintf("install %s", who) : json_null());
    }
}

json_t *doctor_libraries(const json_t *plugin, bool loads)
{
    work w = {loads ? doctor_text(plugin, "path") : "", names(plugin), 0};
    while (w.first < json_array_size(w.list)) w.first = look(&w);
    if (!loads) admit_doubt(w.list, doctor_text(plugin, "refused"));
    add_remedies(w.list);
    return w.list;
}
