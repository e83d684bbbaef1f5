/* SPDX-License-Identifier: Apache-2.0
 *
 * What to measure, and where the results go: options and suites made into a plan. */
#ifndef TENON_BENCH_PLAN_H
#define TENON_BENCH_PLAN_H

#include "tool.h"

enum { BENCH_LIST = 64 };

typedef struct bench_list {
    int n;
    char *items[BENCH_LIST]; /* owned by the plan */
} bench_list;

/* A program that speaks benchmarks/peers/PROTOCOL.md. */
typedef struct bench_peer {
    char *name, *command;
} bench_peer;

/* Where reports go; NULL: nowhere. */
typedef struct bench_outputs {
    const char *json, *csv, *markdown, *html;
    const char *baseline; /* label that others are compared with; NULL: the run's own */
    bool quiet;           /* no table on the terminal, no progress */
} bench_outputs;

typedef struct bench_plan {
    tool_setup setup;
    bench_list tasks, models, backends, dtypes, maths, ops, samples;
    int64_t batch_sizes[BENCH_LIST];
    int n_batch_sizes;
    bool single_images; /* inference also at batch size 1, which nobody asked for by --batch-sizes */
    bench_peer peers[BENCH_LIST];
    int n_peers;
    int64_t rounds, epochs, seed;
    double round_seconds, target, max_seconds, set_up_seconds; /* target NaN: none; max_seconds 0: no limit */
    const char *suite, *label;
    bool eager; /* all backends but peers */
    bool again; /* a line is being read for the second time */
    bench_outputs outputs;
} bench_plan;

/* Reads the command line, and the suite that it names; usage errors end the process. ops: `tenon bench ops`. */
void bench_plan_read(bench_plan *plan, int argc, char **argv, bool ops);
void bench_plan_release(bench_plan *plan);

/* ---- suite.c: a file's keys as a command line, of options in the tables (ended by NULL); ends the process with a
 * sentence if the file is bad. argv[0] is the path. The result is the caller's. */
char **bench_suite_arguments(const char *path, const struct argp_option *const *known, int *argc);

/* ---- list.c */

/* Splits at commas. False if an item is empty or there are too many. */
bool bench_list_read(bench_list *list, const char *text);
void bench_list_release(bench_list *list);
/* "1,16-64*2,100-120+10": numbers, and ranges that go on by a factor or by a step (of 1 if none is given). False, and
 * why (200 bytes), if it is something else. */
bool bench_numbers_read(const char *text, int64_t max, int64_t *numbers, int *n, char *why);

/* ---- outputs: a child parser that `merge` uses, too */
extern const struct argp bench_outputs_argp; /* its input is a bench_outputs */

#endif
