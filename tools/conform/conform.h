/* SPDX-License-Identifier: Apache-2.0
 *
 * The conformance suite: what a plugin must do, as checks in levels. Each check runs in a child process of its own that
 * loads the plugin afresh, so that a crash, an exit or a hang of one is a finding and not the end of the suite. The parent
 * never loads the plugin, nor opens a context. */
#ifndef TENON_CONFORM_H
#define TENON_CONFORM_H

#include "tool.h"

#define CONFORM_SUITE "1.0" /* changes when a check is added or becomes stricter */

enum { CONFORM_LEVELS = 6, CONFORM_WHY = 1500 };

typedef enum conform_outcome { CONFORM_PASS, CONFORM_FAIL, CONFORM_SKIP } conform_outcome;

/* What is tested and how. */
typedef struct conform_options {
    const char *path; /* the plugin's file; NULL: the built-in reference backend */
    const char *ops;  /* pattern of fnmatch(3): which operators level 2 runs; NULL: all */
    int level;        /* highest level to run */
    uint64_t seed;    /* of random shapes, values and graphs */
    uint32_t device;  /* index */
    double timeout;   /* seconds that one check may take */
} conform_options;

/* One check at work, in its child. */
typedef struct conform_run {
    const conform_options *options;
    const char *op;          /* the operator, for checks that run once for each; else NULL */
    conform_outcome outcome; /* PASS until conform_fail or conform_skip */
    char why[CONFORM_WHY];   /* the first failure, or why it was skipped, or a note */
    int64_t compared; /* things looked at: samples, buffers, steps; a check that passes has looked at one at least */
} conform_run;

/* One promise. */
typedef struct conform_check {
    const char *name;    /* "memory.copies" */
    const char *promise; /* "copies of odd sizes arrive whole, in all directions" */
    void (*run)(conform_run *run);
    bool per_operator; /* runs once for each operator of the plugin that options->ops matches */
} conform_check;

/* level0.c ... level5.c: ended by a check without a name */
extern const conform_check conform_level0[], conform_level1[], conform_level2[], conform_level3[], conform_level4[],
    conform_level5[];

/* Keeps the first message; later ones change nothing. conform_fail returns false, so that `return conform_fail(...)`
 * reads well. */
bool conform_fail(conform_run *run, const char *format, ...) TN_PRINTF(2, 3);
void conform_skip(conform_run *run, const char *format, ...) TN_PRINTF(2, 3);
/* Something worth knowing of a check that passes. */
void conform_note(conform_run *run, const char *format, ...) TN_PRINTF(2, 3);
/* What went wrong in a context becomes the run's failure; true if nothing did. */
bool conform_check_context(conform_run *run, tn_context *tn, const char *doing);

/* ---- load.c: the plugin as it is, without a core around it */

/* dlopen and query, with the guarded host functions of guard.c. NULL after conform_fail. */
const tn_plugin *conform_load(conform_run *run);
/* Of the catalogue; NULL if it has none of that name. */
const tn_op_status *conform_find_op(const char *name);
/* The plugin's row for an operator of the catalogue; NULL if it has none. */
const tn_kernel *conform_find_kernel(const tn_plugin *plugin, const char *op);
/* The same, with its device `options->device` open and a stream on it; closed by conform_device_close. */
typedef struct conform_device {
    const tn_plugin *plugin;
    tn_device *handle;
    tn_stream *stream;
    tn_device_info info;
} conform_device;
bool conform_device_open(conform_run *run, conform_device *device);
void conform_device_close(conform_device *device);

/* Is what plan_create gave whole? False after conform_fail, in which `what` names it; then it cannot be destroyed. */
bool conform_plan_usable(conform_run *run, const tn_plan *plan, const char *what);

/* ---- shim.c: the plugin wrapped in a table that watches it, under the core
 *
 * Every plan_create and execute that the core asks for goes through checks. The first executions of each plan, and some
 * later ones, are looked at from all sides: outputs are poisoned with NaN bytes before; canaries surround the workspace,
 * which is no larger than the plan said; inputs, gaps between the elements of a strided output, and what lies around
 * outputs must be as they were; the floating-point mode, locale, signal handlers, affinity and standard output, too. The
 * device is waited for then; other executions are queued as they come. No execution may call host->alloc; what one takes
 * elsewhere and keeps shows as growth, at level 4. What is noticed becomes the run's failure. */

/* A context on the plugin's device, named "candidate", through the shim; an operator that it lacks is an error unless
 * `fallback`. NULL after conform_fail. Close it with conform_close. */
tn_context *conform_open(conform_run *run, bool fallback);
/* A context on the reference backend. */
tn_context *conform_open_reference(conform_run *run);
/* Closes it; a pending error becomes the run's failure. */
void conform_close(conform_run *run, tn_context *tn);

#endif
