/* SPDX-License-Identifier: Apache-2.0
 *
 * What `auto` takes and why, and whether all is well. */
#include <string.h>

#include "doctor.h"

/* ---- auto */

static const char *kind_of(const json_t *plugin)
{
    return doctor_text(json_array_get(json_object_get(plugin, "devices"), 0), "kind");
}

static bool built_in(const json_t *plugin)
{
    return !strcmp(doctor_text(plugin, "found_by"), "built in");
}

/* How many usable backends there are with this kind of first device; the built-in one does not count. */
static int rivals(const json_t *plugins, const char *kind)
{
    int n = 0;
    size_t i;
    json_t *plugin;
    json_array_foreach(plugins, i, plugin) n +=
        doctor_true(plugin, "usable") && !built_in(plugin) && !strcmp(kind_of(plugin), kind);
    return n;
}

/* The core's order: GPU, accelerator, integrated GPU, CPU, and the reference backend last. */
static json_t *why(const json_t *plugins, const json_t *chosen)
{
    const char *kind = kind_of(chosen);
    if (built_in(chosen)) return json_string("no plugin is usable, and this is built in");
    if (rivals(plugins, kind) > 1)
        return json_sprintf("it is the first in search order whose device is of kind %s", kind);
    if (!strcmp(kind, "GPU")) return json_string("its device is a GPU, which comes before everything else");
    if (!strcmp(kind, "CPU"))
        return json_string("no usable plugin has a GPU or an accelerator, and it comes before the built-in backend");
    return json_sprintf("its device is of kind %s, and no usable plugin has one that comes before that", kind);
}

json_t *doctor_auto(const json_t *plugins)
{
    size_t i;
    json_t *plugin;
    json_array_foreach(plugins, i, plugin) if (doctor_true(plugin, "chosen")) return json_pack(
        "{s:s, s:s, s:o}", "backend", doctor_text(plugin, "name"), "device",
        doctor_text(json_array_get(json_object_get(plugin, "devices"), 0), "name"), "why", why(plugins, plugin));
    return json_null();
}

/* ---- verdict */

static int count_usable(const json_t *plugins)
{
    int n = 0;
    size_t i;
    json_t *plugin;
    json_array_foreach(plugins, i, plugin) n += doctor_true(plugin, "usable");
    return n;
}

static json_t *judge_plugin(const json_t *report, const char *path, bool *ok)
{
    const json_t *plugin = json_array_get(json_object_get(report, "plugins"), 0);
    const json_t *trial = json_object_get(report, "trial");
    if (!plugin) return json_sprintf("%s could not be examined", path);
    if (!doctor_true(plugin, "usable"))
        return json_sprintf("%s does not work with this core: %s", path, doctor_text(plugin, "refused"));
    *ok = doctor_true(trial, "ok");
    if (*ok) return json_sprintf("%s works with this core, as %s", path, doctor_text(trial, "device"));
    return json_sprintf("%s loads, but does not work: %s", path, doctor_text(trial, "message"));
}

static json_t *judge_all(const json_t *report, bool *ok)
{
    const json_t *trial = json_object_get(report, "trial"), *loading = json_object_get(report, "loading");
    int usable = count_usable(json_object_get(report, "plugins"));
    if (usable == 0) return json_string("no backend is usable");
    if (!json_is_object(trial))
        return json_sprintf(
            "a program that does not name a backend would not live: the process that loaded them came to "
            "a bad end: %s",
            doctor_text(loading, "what"));
    *ok = doctor_true(trial, "ok");
    if (!*ok)
        return json_sprintf("a program that asks for \"%s\" gets an error: %s", doctor_text(trial, "spec"),
                            doctor_text(trial, "message"));
    return json_sprintf("%d backend%s usable; a program that asks for \"%s\" gets %s", usable,
                        usable == 1 ? " is" : "s are", doctor_text(trial, "spec"), doctor_text(trial, "device"));
}

bool doctor_judge(json_t *report, const doctor_options *options)
{
    bool ok = false;
    json_t *verdict = options->plugin ? judge_plugin(report, options->plugin, &ok) : judge_all(report, &ok);
    json_object_set_new(report, "ok", json_boolean(ok));
    json_object_set_new(report, "verdict", verdict ? verdict : json_string("the report is not whole"));
    return ok;
}
