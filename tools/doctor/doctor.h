/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `tenon doctor`. The examination is one JSON object, which is printed as it is or as text:
 *
 *   tenon        {version, abi, library}: this core, and the path of its library
 *   environment  [{name, value, meaning, remark}]: variables in force; meaning is null for one that nothing here reads
 *   machine      {cpu, architecture, level, cpus, memory_bytes, system, kernel}; level: "x86-64-v3", null elsewhere
 *   search       [{place, from, state, candidates}]: files and folders in search order; from: the variable, or "beside
 *                libtenon", or "installed"; state: "file", "folder", "missing" or "ignored". Not there if one PLUGIN
 *                was named
 *   plugins      in search order, [{name, path, found_by, version, vendor, library, note, libraries, usable, rule,
 *                refused, remedy, devices, chosen, load_seconds}]
 *                  found_by   as in tn_backend_status, or "command line"
 *                  note       {abi, name, version, vendor, cpu, libraries, sanitizer}, as read from the file; or null
 *                  libraries  [{name, by, state, path, why, remedy}]: by: "linked" or "note"; state: "found", "missing",
 *                             or "broken" (loading it ends a process)
 *                  rule       as in tn_backend_status; null if usable
 *                  refused    the sentence for it, and remedy what would help where that is known; or null
 *                  devices    [{name, description, architecture, kind, memory_bytes}]
 *   loading      {outcome, what, printed}: the child process that loaded them; outcome: "done", "crash" or "timeout";
 *                what: a sentence about the last two; printed: the beginning of what plugins wrote to standard output
 *   auto         {backend, device, why}, or null if `auto` finds nothing; not there if one PLUGIN was named, either
 *   trial        {spec, device, ok, message}: a context opened on what $TENON_BACKEND, or PLUGIN, names; a tensor written
 *                and read back. null if it came to no end
 *   plugin       the absolute path of PLUGIN, or null; remark: a sentence about it, or null
 *   ok, verdict  whether all is well (exit code 0), and a sentence that says so */
#ifndef TENON_DOCTOR_H
#define TENON_DOCTOR_H

#include "tool.h"

typedef struct doctor_options {
    char *plugin;   /* NULL: all that programs would find */
    double seconds; /* for loading them; 0: as long as they may need */
    bool json;
} doctor_options;

/* ---- child.c: work that may crash or hang */

typedef struct doctor_child {
    json_t *lines;     /* what it told before its end: an array */
    const char *end;   /* "done", "crash" or "timeout" */
    char what[200];    /* a sentence about the last two */
    char printed[200]; /* the beginning of what it wrote to standard output */
} doctor_child;

/* Runs body(arg) in a child of its own, with its own children if it makes any; none of them outlives the call. */
void doctor_child_run(doctor_child *child, void (*body)(FILE *to, const void *arg), const void *arg, double seconds);
void doctor_child_release(doctor_child *child);
void doctor_tell(FILE *to, json_t *object); /* in the child: a line for its parent; releases the object */

/* ---- load.c: sets "plugins", "loading" and "trial" of the report */

void doctor_load(json_t *report, const doctor_options *options);

/* ---- the rest of the report; each returns a new reference */

json_t *doctor_environment(void); /* environment.c */
json_t *doctor_machine(void);     /* machine.c, as the next */
json_t *doctor_core(void);
json_t *doctor_search(const json_t *plugins); /* search.c */
/* libraries.c: those that a candidate is linked to, or names in its note, found or missing. `loads`: may it be loaded
 * itself, so that they are found as it would find them? */
json_t *doctor_libraries(const json_t *plugin, bool loads);
/* remedy.c: what would make a refused candidate work; null if that is not known. */
json_t *doctor_remedy(const json_t *plugin);
const char *doctor_package(const char *library); /* who has it: a phrase; NULL if that is not known */
json_t *doctor_auto(const json_t *plugins);      /* verdict.c */

/* Sets "ok" and "verdict"; returns the former. */
bool doctor_judge(json_t *report, const doctor_options *options);
/* print.c */
void doctor_print(const json_t *report);

/* Members of objects: "" and false for what is not there. */
static inline const char *doctor_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static inline bool doctor_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

#endif
