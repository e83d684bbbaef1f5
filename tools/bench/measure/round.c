/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring a group: each lane is opened and warmed up alone; then they take turns, and each round begins with another
 * lane, so that neither drift nor the order favours one. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/limits.h"
#include "bench/measure/session.h"
#include "bench/stats/stats.h"

enum { MOST_BLOCKS = 60, FEWEST_STEPS = 3, MOST_STEPS = 1000000, MOST_PROFILED = 300 };
static const useconds_t settle_us = 5000; /* threads that wait for work spin that long before they sleep */
static const double limits_hold = 10;     /* seconds */
static const double block_seconds = 0.05, warm_up_seconds = 5, profile_seconds = 0.15, slack = 0.05;

static int64_t steps_in(double seconds, double step, int64_t most)
{
    double n = step > 0 ? seconds / step : FEWEST_STEPS;
    return n < FEWEST_STEPS ? FEWEST_STEPS : n > (double)most ? most : (int64_t)n;
}

static json_t *ask_steps(bench_lane *lane, int64_t count)
{
    return bench_lane_ask(lane, json_pack("{s:s, s:I}", "do", "steps", "count", (json_int_t)count));
}

static double median_time(const json_t *answer)
{
    const json_t *times = json_object_get(answer, "times");
    size_t n = json_array_size(times);
    double *values = calloc(n + 1, sizeof *values);
    if (!values) error(TOOL_FAILED, errno, "%zu times", n);
    for (size_t i = 0; i < n; i++) values[i] = json_number_value(json_array_get(times, i));
    double median = bench_median(values, n);
    free(values);
    return median;
}

/* ---- warm-up */

static void take_plans(bench_lane *lane, const json_t *answer)
{
    json_t *setup = json_object_get(lane->row, "setup");
    if (!json_is_number(json_object_get(answer, "plans"))) return;
    json_object_set(setup, "plans", json_object_get(answer, "plans"));
    json_object_set(setup, "plan_creation", json_object_get(answer, "plan_seconds"));
}

static bool first_step(bench_lane *lane)
{
    json_t *answer = ask_steps(lane, 1);
    lane->step = bench_number(answer, "seconds");
    if (answer) json_object_set_new(json_object_get(lane->row, "setup"), "first_step", json_real(lane->step));
    bool good = answer && bench_lane_check_math(lane, answer);
    json_decref(answer);
    return good;
}

/* Blocks of steps until they get no faster. */
static void warm_up(bench_lane *lane, double round_seconds)
{
    double medians[MOST_BLOCKS], spent = 0;
    int64_t steps = 1;
    size_t n = 0;
    if (!first_step(lane)) return;
    bool warm = false;
    while (!warm && n < MOST_BLOCKS && spent < warm_up_seconds) {
        int64_t count = steps_in(block_seconds, lane->step, MOST_STEPS);
        json_t *answer = ask_steps(lane, count);
        if (!answer) return;
        spent += bench_number(answer, "seconds");
        steps += count;
        medians[n++] = lane->step = median_time(answer);
        warm = bench_is_warm(medians, n, slack);
        take_plans(lane, answer);
        json_decref(answer);
    }
    lane->count = steps_in(round_seconds, lane->step, MOST_STEPS);
    json_object_set_new(lane->row, "warm_up",
                        json_pack("{s:I, s:f, s:b}", "steps", (json_int_t)steps, "seconds", spent, "settled", warm));
}

/* ---- rounds */

static void run_round(bench_lane *lane)
{
    json_t *answer = ask_steps(lane, lane->count);
    if (!answer) return;
    json_t *rounds = json_object_get(lane->row, "rounds"), *times = json_object_get(lane->row, "step_times");
    json_t *round = json_object();
    static const char *const keys[] = {"steps", "images", "seconds", "loss"};
    for (int i = 0; i < 4; i++) {
        json_t *value = json_object_get(answer, keys[i]);
        if (value) json_object_set(round, keys[i], value);
    }
    json_array_append_new(rounds, round);
    json_t *fallback = json_object_get(answer, "fallback"); /* with each round: a run that is stopped may not hide it */
    if (fallback) json_object_set(lane->row, "fallback", fallback);
    json_array_append(json_object_get(times, "rounds"), json_object_get(answer, "times"));
    json_decref(answer);
}

static void run_rounds(bench_session *session, bench_group *group)
{
    for (bench_lane *lane = group->lanes; lane < group->lanes + group->n; lane++) {
        json_object_set_new(lane->row, "rounds", json_array());
        json_object_set_new(lane->row, "step_times", json_pack("{s:s, s:[]}", "unit", "s", "rounds"));
    }
    for (int64_t round = 0; round < session->plan->rounds; round++)
        for (int i = 0; i < group->n && !bench_must_stop(session); i++) {
            bench_lane *lane = &group->lanes[(round + i) % group->n];
            char what[64];
            snprintf(what, sizeof what, "round %lld/%lld", (long long)round + 1, (long long)session->plan->rounds);
            bench_progress(session, group, lane, what);
            usleep(settle_us); /* else the lane before disturbs this one */
            run_round(lane);
        }
}

/* ---- the rest */

static void ask_memory(bench_lane *lane)
{
    json_t *answer = bench_lane_ask(lane, json_pack("{s:s}", "do", "memory"));
    if (!answer) return;
    json_t *memory = json_pack("{s:s}", "unit", "B");
    json_object_update(memory, answer);
    json_object_set_new(lane->row, "memory", memory);
    json_decref(answer);
}

static void ask_profile(bench_lane *lane)
{
    int64_t count = steps_in(profile_seconds, lane->step, MOST_PROFILED);
    json_t *answer = bench_lane_ask(lane, json_pack("{s:s, s:I}", "do", "profile", "count", (json_int_t)count));
    if (answer) json_object_update(lane->row, answer);
    json_decref(answer);
}

/* Joins a measurement with those of the same name. */
static const char *add_limits(bench_session *session, json_t *limits)
{
    json_t *all = json_object_get(session->run, "limits"), *one;
    const char *name = json_string_value(json_object_get(limits, "name"));
    size_t i;
    json_array_foreach(all, i, one)
    {
        const char *other = json_string_value(json_object_get(one, "name"));
        if (!name || !other || strcmp(other, name) != 0) continue;
        bench_limits_add(one, limits);
        json_decref(limits);
        return other;
    }
    if (name) json_array_append(all, limits);
    json_decref(limits);
    return name;
}

static bool same_text(const json_t *a, const json_t *b)
{
    return json_is_string(a) && json_equal(a, b);
}

/* A device is measured once in a group, by the first who can: with other libraries another one might attain less. */
static const char *limits_before(const bench_group *group, const bench_lane *lane)
{
    for (const bench_lane *other = group->lanes; other < lane; other++) {
        const char *name = json_string_value(json_object_get(other->row, "limits"));
        if (name && same_text(json_object_get(other->row, "device"), json_object_get(lane->row, "device"))) return name;
    }
    return NULL;
}

static void measure_limits(bench_session *session, bench_group *group)
{
    for (bench_lane *lane = group->lanes; lane < group->lanes + group->n; lane++) {
        if (!lane->open || bench_must_stop(session)) continue;
        const char *name = lane->on_cpu ? "cpu" : limits_before(group, lane);
        if (lane->on_cpu) {
            if (tool_now() > session->limits_measured + limits_hold) {
                add_limits(session, bench_limits_of_cpu(session->plan->setup.threads));
                session->limits_measured = tool_now();
            }
        } else if (!name) {
            json_t *answer = bench_lane_ask(lane, json_pack("{s:s}", "do", "limits"));
            name = add_limits(session, json_incref(json_object_get(answer, "limits")));
            json_decref(answer);
        }
        json_object_set_new(lane->row, "limits", tool_json_text(name));
    }
}

double bench_group_units(const bench_session *session)
{
    return (double)(session->plan->rounds + 2);
}

void bench_group_measure(bench_session *session, bench_group *group)
{
    bench_lane *end = group->lanes + group->n;
    for (bench_lane *lane = group->lanes; lane < end; lane++) {
        bench_progress(session, group, lane, "warming up");
        if (bench_must_stop(session) || json_is_string(json_object_get(lane->row, "error"))) continue;
        bench_lane_configure(session, group, lane);
        bench_lane_open(lane, bench_set_up_limit(session));
        if (!lane->ready && bench_must_stop(session)) /* through no fault of its own */
            json_object_set_new(lane->row, "error", json_null());
        if (lane->open) warm_up(lane, session->plan->round_seconds);
    }
    measure_limits(session, group);
    run_rounds(session, group);
    for (bench_lane *lane = group->lanes; lane < end; lane++) {
        bench_progress(session, group, lane, "profile");
        if (lane->open) ask_memory(lane);
        if (lane->open) ask_profile(lane);
        bench_lane_close(lane);
    }
}
