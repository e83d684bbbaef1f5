/* SPDX-License-Identifier: Apache-2.0
 *
 * One row while it is measured: its worker process, asked from the benchmark's side. */
#ifndef TENON_BENCH_LANE_H
#define TENON_BENCH_LANE_H

#include <sys/types.h>

#include "tool.h"

typedef struct bench_lane {
    json_t *row;         /* of the result schema; the caller's */
    const char *command; /* of a peer; NULL: tenon itself */
    const char *math;    /* what its products are to be computed in */
    char *config;
    bool open;  /* the worker may be asked */
    bool ready; /* and has been set up */
    pid_t pid;
    int to, from, log; /* its standard input and output; a file of its standard error */
    char *line;        /* what was read beyond the last answer */
    size_t length, room;
    double started;
    /* while measuring */
    int64_t count; /* steps in a round */
    double step;   /* seconds, as the warm-up saw it */
    int64_t steps_per_epoch;
    bool on_cpu;
} bench_lane;

/* Set by Ctrl-C: questions are given up at once. */
extern volatile sig_atomic_t bench_stopped;

/* Starts the worker and waits until it is ready, so long at most; fills in the row's device, library and setup. */
void bench_lane_open(bench_lane *lane, double seconds);
/* Asks and waits; takes the request over. NULL if the lane is closed, was stopped, or gave up: then the row has its
 * error. The caller releases the answer. */
json_t *bench_lane_ask(bench_lane *lane, json_t *request);
/* Does an answer to "steps" say that products were computed in what was asked for? If not, the row has its error. */
bool bench_lane_check_math(bench_lane *lane, const json_t *answer);
/* Ends the worker, kindly if it still answers. */
void bench_lane_close(bench_lane *lane);
/* A number of an answer; 0 if it has none. */
double bench_number(const json_t *answer, const char *key);

#endif
