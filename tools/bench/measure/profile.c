/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the time of a step goes: by phase as the clock tells it, by operator as the placements tell it. */
#include <string.h>

#include "bench/measure/worker.h"

void bench_worker_plans(tn_context *tn, int64_t *plans, double *seconds)
{
    int n;
    const tn_placement *placed = tn_placements(tn, &n);
    *plans = 0;
    *seconds = 0;
    for (int i = 0; i < n; i++) {
        *plans += (int64_t)placed[i].plans;
        *seconds += 1e-9 * (double)placed[i].plan_nanoseconds;
    }
}

const char *bench_worker_math(const bench_worker *w)
{
    int n;
    const tn_placement *placed = tn_placements(w->tn, &n);
    for (int i = 0; i < n; i++)
        if (strstr(placed[i].implementation, "tf32")) return "tf32";
    return tn_dtype_name(w->dtype);
}

json_t *bench_worker_fallback(tn_context *tn)
{
    int n;
    const tn_placement *placed = tn_placements(tn, &n);
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        if (placed[i].fell_back)
            json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "op", placed[i].op, "device", placed[i].device,
                                                  "calls", (json_int_t)placed[i].calls));
    return list;
}

static json_t *operators(tn_context *tn, double steps)
{
    int n;
    const tn_placement *placed = tn_placements(tn, &n);
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        if (placed[i].calls)
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s, s:b, s:f, s:f, s:f, s:f}", "op", placed[i].op, "device",
                                            placed[i].device, "implementation", placed[i].implementation, "fell_back",
                                            placed[i].fell_back, "calls", (double)placed[i].calls / steps, "seconds",
                                            1e-9 * (double)placed[i].nanoseconds / steps, "flops",
                                            (double)placed[i].flops / steps, "bytes", (double)placed[i].bytes / steps));
    return list;
}

typedef struct stopwatch {
    double since, phases[TOOL_PHASES];
} stopwatch;

static void end_phase(void *arg, tool_phase phase)
{
    stopwatch *watch = arg;
    double now = tool_now();
    watch->phases[phase] += now - watch->since;
    watch->since = now;
}

static json_t *phases(const stopwatch *watch, double steps)
{
    static const char *const names[TOOL_PHASES] = {"data", "forward", "backward", "optimizer", "other"};
    json_t *object = json_object();
    for (int i = 0; i < TOOL_PHASES; i++) json_object_set_new(object, names[i], json_real(watch->phases[i] / steps));
    return object;
}

json_t *bench_worker_profile(bench_worker *w, int64_t steps)
{
    stopwatch watch = {0};
    bool trains = !strcmp(w->work->task, "train");
    if (trains) {
        w->training.ended = end_phase;
        w->training.ended_arg = &watch;
    }
    tn_synchronize(w->tn);
    tn_reset_placements(w->tn);
    tn_set_profiling(w->tn, true);
    double start = watch.since = tool_now();
    for (int64_t i = 0; i < steps && w->work->step(w); i++) {
    }
    tn_synchronize(w->tn);
    double seconds = tool_now() - start;
    tn_set_profiling(w->tn, false);
    w->training.ended = NULL;
    if (!trains) watch.phases[TOOL_FORWARD] = seconds;
    return json_pack("{s:{s:s, s:I, s:f, s:o, s:o}}", "profile", "unit", "s", "steps", (json_int_t)steps, "step",
                     seconds / (double)steps, "phases", phases(&watch, (double)steps), "operators",
                     operators(w->tn, (double)steps));
}
