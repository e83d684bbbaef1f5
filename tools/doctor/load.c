/* SPDX-License-Identifier: Apache-2.0
 *
 * Candidates: read in one child, which runs none of their code; loaded and asked in a second, in which the core tries
 * each in a process of its own first. Should a plugin end the second all the same, each is loaded in a child alone, so
 * that one sees which it was. */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

enum { READING = 10, LOADING = 20, EACH = 12 }; /* seconds; the core gives each plugin 10 */

/* ---- in a child: statuses as JSON */

static json_t *note_json(const tn_plugin_note *note)
{
    char abi[32];
    if (!note) return json_null();
    snprintf(abi, sizeof abi, "%u.%u", note->abi_major, note->abi_minor);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "abi", abi, "name", tool_json_text(note->name), "version",
                     tool_json_text(note->version), "vendor", tool_json_text(note->vendor), "cpu",
                     tool_json_text(note->cpu), "libraries", tool_json_text(note->libraries), "sanitizer",
                     tool_json_text(note->sanitizer));
}

static json_t *needed_json(const char *const *needed)
{
    json_t *list = json_array();
    for (; needed && *needed; needed++) json_array_append_new(list, tool_json_text(*needed));
    return list;
}

static json_t *status_json(const tn_backend_status *b)
{
    json_t *devices = json_array();
    for (int i = 0; i < b->n_devices; i++) json_array_append_new(devices, tool_device_json(&b->devices[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:b, s:f}", "name",
                     tool_json_text(b->name), "path", tool_json_text(b->path), "found_by", tool_json_text(b->found_by),
                     "version", tool_json_text(b->version), "vendor", tool_json_text(b->vendor), "library",
                     tool_json_text(b->library), "note", note_json(b->note), "needed", needed_json(b->needed), "usable",
                     b->refused == NULL, "rule", tool_json_text(b->rule), "refused", tool_json_text(b->refused),
                     "devices", devices, "chosen", b->chosen, "load_seconds", 1e-9 * (double)b->load_nanoseconds);
}

/* `only`: a path; NULL: all that is found. */
static void tell_statuses(FILE *to, const tn_backend_status *all, int n, const char *only)
{
    for (int i = 0; i < n; i++)
        if (!only || !strcmp(all[i].path, only)) doctor_tell(to, status_json(&all[i]));
}

/* From here on there is nothing but this file ("": none), and what is built in. */
static void look_at_alone(const char *path)
{
    unsetenv("TENON_PLUGIN_FILES");
    setenv("TENON_PLUGIN_PATH", "", 1);
    if (*path) tn_add_plugin_file(path);
}

static void read_files(FILE *to, const void *plugin)
{
    int n;
    if (plugin) look_at_alone(plugin);
    const tn_backend_status *all = tn_plugin_files(&n);
    tell_statuses(to, all, n, plugin);
}

/* ---- in a child: is what a program would get of any use? */

static bool keeps_data(tn_context *tn)
{
    static const float written[] = {1.5f, -2, 0.25f};
    float found[] = {0, 0, 0};
    tn_tensor *x = tn_from(tn, written, TN_F32, TN_SHAPE(3));
    return tn_read(x, found, sizeof found) == TN_OK && memcmp(written, found, sizeof found) == 0;
}

/* spec: NULL for what the environment says. The message's first line alone, since a list of candidates follows. */
static void try_to_open(FILE *to, const char *spec)
{
    const char *asked = spec ? spec : getenv("TENON_BACKEND");
    char message[1000];
    tn_context *tn = tn_open(spec);
    bool ok = tn_check(tn) == TN_OK && keeps_data(tn);
    snprintf(message, sizeof message, "%.*s", (int)strcspn(tn_message(tn), "\n"), tn_message(tn));
    char *list = strstr(message, ". Candidates:");
    if (list) *list = '\0';
    if (!ok && !*message) strcpy(message, "what was written to it was not there when it was read back");
    json_t *device = tn_check(tn) == TN_OK ? tool_json_text(tn_default_device(tn)) : json_null();
    doctor_tell(to, json_pack("{s:o, s:o, s:b, s:o}", "spec", tool_json_text(asked && *asked ? asked : "auto"),
                              "device", device, "ok", ok, "message", tool_json_text(message)));
    tn_clear(tn);
    tn_close(tn);
}

static void load_files(FILE *to, const void *plugin)
{
    int n;
    setenv("TENON_PROBE", "all", 1);
    if (plugin) look_at_alone(plugin);
    const tn_backend_status *all = tn_backends(&n);
    tell_statuses(to, all, n, plugin);
    for (int i = 0; i < n && plugin; i++)
        if (!strcmp(all[i].path, plugin) && !all[i].refused) try_to_open(to, all[i].name);
    if (!plugin) try_to_open(to, NULL);
}

/* ---- in the parent */

/* Moves the trial, which has no name, out of the lines; null if it is not there. */
static json_t *take_trial(json_t *lines)
{
    size_t last = json_array_size(lines) - 1;
    json_t *line = json_array_get(lines, last);
    if (!line || json_object_get(line, "name")) return json_null();
    json_incref(line);
    json_array_remove(lines, last);
    return line;
}

static double time_for(const json_t *read, const doctor_options *options)
{
    return options->seconds > 0 ? options->seconds : LOADING + EACH * (double)json_array_size(read);
}

static void refuse(json_t *plugin, const char *rule, const char *sentence)
{
    json_object_set_new(plugin, "usable", json_false());
    json_object_set_new(plugin, "rule", json_string(rule));
    json_object_set_new(plugin, "refused", json_string(sentence));
}

/* Brings up to date what was read of a candidate, by loading it alone. */
static void load_alone(json_t *plugin, double seconds)
{
    doctor_child child;
    char sentence[300];
    doctor_child_run(&child, load_files, doctor_text(plugin, "path"), seconds);
    json_t *line = json_array_get(child.lines, 0);
    if (line) {
        json_object_set(line, "found_by", json_object_get(plugin, "found_by"));
        json_object_set(line, "chosen", json_object_get(plugin, "chosen"));
        json_object_update(plugin, line);
    }
    if (strcmp(child.end, "done") != 0 && (!line || doctor_true(line, "usable"))) {
        snprintf(sentence, sizeof sentence, "the process that loaded and opened it came to a bad end: %s", child.what);
        refuse(plugin, child.end, sentence);
    }
    doctor_child_release(&child);
}

static void load_each_alone(json_t *plugins, const doctor_options *options)
{
    size_t i;
    json_t *plugin;
    json_array_foreach(plugins, i, plugin) if (doctor_true(plugin, "usable"))
        load_alone(plugin, options->seconds > 0 ? options->seconds : LOADING);
}

/* Libraries and advice for each. */
static void examine(json_t *plugins, const doctor_options *options)
{
    static const char *const loaded[] = {"", "declined", "table", "device"}; /* rules that only loading tells */
    size_t i;
    json_t *plugin;
    json_array_foreach(plugins, i, plugin)
    {
        bool loads = false;
        for (size_t k = 0; k < sizeof loaded / sizeof loaded[0]; k++)
            loads |= !strcmp(doctor_text(plugin, "rule"), loaded[k]);
        if (options->plugin) json_object_set_new(plugin, "found_by", json_string("command line"));
        json_object_set_new(plugin, "libraries", doctor_libraries(plugin, loads));
        json_object_del(plugin, "needed");
        json_object_set_new(plugin, "remedy", doctor_remedy(plugin));
    }
}

void doctor_load(json_t *report, const doctor_options *options)
{
    doctor_child reading, loading;
    doctor_child_run(&reading, read_files, options->plugin, READING);
    doctor_child_run(&loading, load_files, options->plugin, time_for(reading.lines, options));
    json_t *trial = take_trial(loading.lines);
    bool complete = json_array_size(loading.lines) >= json_array_size(reading.lines);
    json_t *plugins = json_incref(complete ? loading.lines : reading.lines);
    if (strcmp(loading.end, "done") != 0) load_each_alone(plugins, options);
    examine(plugins, options);
    json_object_set_new(report, "plugins", plugins);
    json_object_set_new(report, "loading",
                        json_pack("{s:s, s:o, s:o}", "outcome", loading.end, "what",
                                  tool_json_text(*loading.what ? loading.what : NULL), "printed",
                                  tool_json_text(*loading.printed ? loading.printed : NULL)));
    json_object_set_new(report, "trial", trial);
    doctor_child_release(&reading);
    doctor_child_release(&loading);
}
