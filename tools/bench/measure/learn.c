/* SPDX-License-Identifier: Apache-2.0
 *
 * Learning: whole epochs from the seed, with the loss along the way and the accuracy on the test images. Lanes take
 * turns by epochs. Testing is not part of an epoch's time. */
#include <math.h>
#include <stdlib.h>

#include "bench/measure/session.h"

enum { PIECES = 20, PIECES_TO_TEST = 4, WARM_STEPS = 10 }; /* of an epoch; tests on the way to a target */

/* A lane of its own, whose worker is fresh, and where its results go. */
typedef struct learner {
    bench_lane lane;
    json_t *result; /* the row that is told about */
    double step;    /* seconds, as the rounds saw it */
    double images, seconds;
} learner;

static void skip(learner *l, const char *why)
{
    json_object_set_new(json_object_get(l->result, "epochs"), "skipped", tool_json_text(why));
    bench_lane_close(&l->lane);
}

static void test(learner *l)
{
    json_t *answer = bench_lane_ask(&l->lane, json_pack("{s:s}", "do", "evaluate"));
    if (!answer) return;
    json_t *point = json_pack("{s:f, s:f}", "images", l->images, "seconds", l->seconds);
    json_object_update(point, answer);
    json_array_append_new(json_object_get(l->result, "evaluations"), point);
    json_decref(answer);
}

static void train(learner *l, int64_t steps)
{
    json_t *answer = bench_lane_ask(
        &l->lane, json_pack("{s:s, s:I, s:b}", "do", "steps", "count", (json_int_t)steps, "times", false));
    if (!answer) return;
    l->images += bench_number(answer, "images");
    l->seconds += bench_number(answer, "seconds");
    json_array_append_new(json_object_get(l->result, "losses"),
                          json_pack("{s:f, s:f, s:O}", "images", l->images, "seconds", l->seconds, "loss",
                                    json_object_get(answer, "loss")));
    json_decref(answer);
}

static void run_epoch(bench_session *session, const bench_group *group, learner *l, int64_t epoch)
{
    int64_t steps = l->lane.steps_per_epoch;
    double before = l->seconds;
    char what[64];
    snprintf(what, sizeof what, "epoch %lld/%lld", (long long)epoch + 1, (long long)session->plan->epochs);
    for (int64_t piece = 0; piece < PIECES; piece++) {
        int64_t count = steps * (piece + 1) / PIECES - steps * piece / PIECES;
        bench_progress(session, group, &l->lane, what);
        if (bench_must_stop(session))
            skip(l, bench_stopped ? "interrupted" : "--max-seconds were over within an epoch");
        if (!l->lane.open) return;
        if (count) train(l, count);
        bool last = piece + 1 == PIECES, on_the_way = (piece + 1) % PIECES_TO_TEST == 0;
        if (last || (on_the_way && !isnan(session->plan->target))) test(l);
    }
    if (l->lane.open)
        json_array_append_new(json_object_get(json_object_get(l->result, "epochs"), "seconds"),
                              json_real(l->seconds - before));
}

/* ---- all lanes */

/* An epoch that cannot end in time is not begun. */
static bool has_time(bench_session *session, learner *l)
{
    double needed = l->step * (double)l->lane.steps_per_epoch;
    if (tool_now() + needed < session->deadline) return true;
    char why[160];
    snprintf(why, sizeof why, "an epoch would take %.1f s, and --max-seconds is %g", needed,
             session->plan->max_seconds);
    skip(l, why);
    return false;
}

/* A few steps make the plans; then the model starts anew. */
static void learner_open(bench_session *session, const bench_group *group, const bench_lane *measured, learner *l)
{
    l->result = measured->row;
    l->step = measured->step;
    json_object_set_new(l->result, "epochs", json_pack("{s:s, s:[]}", "unit", "s", "seconds"));
    json_object_set_new(l->result, "losses", json_array());
    json_object_set_new(l->result, "evaluations", json_array());
    l->lane = (bench_lane){.row = json_deep_copy(measured->row),
                           .command = measured->command,
                           .math = measured->math,
                           .to = -1,
                           .from = -1,
                           .log = -1};
    if (bench_must_stop(session)) {
        skip(l, bench_stopped ? "interrupted" : "--max-seconds were over before an epoch");
        return;
    }
    bench_lane_configure(session, group, &l->lane);
    bench_lane_open(&l->lane, bench_set_up_limit(session));
    static const char *const verbs[] = {"steps", "restart"};
    for (int i = 0; i < 2; i++)
        json_decref(bench_lane_ask(&l->lane, json_pack("{s:s, s:i}", "do", verbs[i], "count", WARM_STEPS)));
}

static void learner_close(learner *l)
{
    const char *why = json_string_value(json_object_get(l->lane.row, "error"));
    if (why) skip(l, why);
    bench_lane_close(&l->lane);
    json_decref(l->lane.row);
}

double bench_learn_units(const bench_session *session)
{
    return (double)(session->plan->epochs * PIECES);
}

void bench_group_learn(bench_session *session, bench_group *group)
{
    learner *learners = calloc((size_t)group->n, sizeof *learners);
    if (!learners) error(TOOL_FAILED, errno, "%d backends", group->n);
    int n = 0;
    for (int i = 0; i < group->n; i++)
        if (group->lanes[i].step > 0 && !json_is_string(json_object_get(group->lanes[i].row, "error")))
            learner_open(session, group, &group->lanes[i], &learners[n++]);
    for (int64_t epoch = 0; epoch < session->plan->epochs; epoch++)
        for (int i = 0; i < n; i++)
            if (learners[i].lane.open && has_time(session, &learners[i]))
                run_epoch(session, group, &learners[i], epoch);
    for (int i = 0; i < n; i++) learner_close(&learners[i]);
    free(learners);
}
