/* SPDX-License-Identifier: Apache-2.0
 *
 * A run under way: groups of lanes that do the same work on several backends, taking turns. */
#ifndef TENON_BENCH_SESSION_H
#define TENON_BENCH_SESSION_H

#include "bench/measure/lane.h"
#include "bench/plan.h"

typedef struct bench_session {
    const bench_plan *plan;
    json_t *run; /* of the result schema */
    tool_meter meter;
    double started, deadline; /* seconds of tool_now; deadline INFINITY: none */
    double units, done;       /* of progress */
    bool cut;                 /* there was no time for all rounds */
    double limits_measured;   /* when the CPU's limits were, in seconds of tool_now; -INFINITY: never */
} bench_session;

typedef struct bench_group {
    const char *task, *model, *op, *sample, *dtype, *math;
    int64_t batch_size;
    bench_lane *lanes;
    int n;
} bench_group;

/* Measures all that the plan asks for; the document is the caller's. What was stopped half-way is in it, marked. */
json_t *bench_measure(const bench_plan *plan);

/* ---- round.c: speed, profile, memory; an error stays in its row */
void bench_group_measure(bench_session *session, bench_group *group);
/* How many units of progress that is for one lane. */
double bench_group_units(const bench_session *session);

/* ---- learn.c: whole epochs in fresh processes */
void bench_group_learn(bench_session *session, bench_group *group);
double bench_learn_units(const bench_session *session);

/* ---- session.c */

/* Makes a lane's configuration anew; its row is set. */
void bench_lane_configure(bench_session *session, const bench_group *group, bench_lane *lane);
/* One unit is done: draws the bar. */
void bench_progress(bench_session *session, const bench_group *group, const bench_lane *lane, const char *what);
/* How long a worker's setup may take now. */
double bench_set_up_limit(const bench_session *session);
/* Stopped by Ctrl-C, or out of time? */
bool bench_must_stop(const bench_session *session);

/* ---- fingerprint.c: `machine` and `software` of the result schema */
json_t *bench_fingerprint_machine(void);
json_t *bench_fingerprint_software(void);

#endif
