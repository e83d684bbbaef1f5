/* SPDX-License-Identifier: Apache-2.0
 *
 * What the suite's own machinery shares; checks use conform.h, and the few things here that their level is about. */
#ifndef TENON_CONFORM_PARTS_H
#define TENON_CONFORM_PARTS_H

#include "conform.h"

/* ---- child.c: a function at work in a process of its own */

typedef struct child_fate {
    bool finished; /* the function returned */
    char how
        [200]; /* how the process ended otherwise, in a clause: "was ended by signal 11 (...)"; "" if it ended well */
    char *errors; /* the end of what it wrote to stderr; owned; "" if nothing */
    double seconds;
} child_fate;

/* Zeros that a child shares with its parent. Ends the process if there is no memory. */
void *child_share(size_t bytes);
void child_unshare(void *memory, size_t bytes);
/* body(arg) runs in a forked child; its whole process group is killed after `timeout` seconds, and when it is done. */
void child_run(double timeout, void (*body)(void *arg), void *arg, child_fate *fate);
void child_release(child_fate *fate);

/* ---- candidate.c: what is tested, as told by a child that has loaded it */

enum { CONFORM_OPS = 512 }; /* at least as many as the catalogue has */

typedef struct conform_candidate {
    bool loaded;
    char why[CONFORM_WHY]; /* if it could not be loaded, or has no device: the reason */
    char name[64], version[64], vendor[128], library[128];
    char device[128], architecture[64];
    uint32_t devices;
    bool has[CONFORM_OPS]; /* by index in the catalogue */
} conform_candidate;

void conform_meet(const conform_options *options, conform_candidate *candidate);

/* ---- suite.c: all checks, run one after the other */

typedef struct conform_result {
    const conform_check *check;
    const char *op; /* NULL if it is not per operator */
    int level;
    conform_outcome outcome;
    char *why, *errors; /* owned; errors: what was written to stderr, kept of failures alone */
    int64_t compared;
    double seconds;
} conform_result;

typedef struct conform_results {
    conform_candidate candidate;
    conform_result *items;
    int n;
    int levels; /* how many levels were run */
    uint64_t hash;
} conform_results;

extern const char *const conform_level_names[CONFORM_LEVELS];
extern const conform_check *const conform_levels[CONFORM_LEVELS];

/* FNV-1a, 64 bits, over CONFORM_SUITE, the names and promises of all checks, and the catalogue: schemas, bounds and
 * samples. Two reports with one hash tell of the same questions. */
uint64_t conform_hash(void);
/* progress: one line for each check goes to stderr if that is a terminal. */
void conform_suite_run(const conform_options *options, conform_results *results);
void conform_results_release(conform_results *results);
/* The highest level without a failure, and none below it; -1 if level 0 has one. */
int conform_reached(const conform_results *results);
bool conform_passed(const conform_results *results);

/* ---- report.c, junit.c */

void conform_print(const conform_options *options, const conform_results *results);
bool conform_print_json(const conform_options *options, const conform_results *results);
bool conform_write_junit(const char *path, const conform_results *results);

/* ---- load.c */

/* The entry function; NULL after conform_fail. */
tn_plugin_query_fn conform_find_query(conform_run *run);

/* ---- guard.c: the host as the plugin sees it */

extern const tn_host_api conform_host;

#endif
