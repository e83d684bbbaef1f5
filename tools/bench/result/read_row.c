/* SPDX-License-Identifier: Apache-2.0
 *
 * A row of a document, as it was measured. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/row.h"

static const char *const task_names[] = {[BENCH_TRAIN] = "train", [BENCH_INFER] = "infer", [BENCH_OP] = "op"};

static void read_task(bench_reader *r, const json_t *json, bench_row *row)
{
    const char *name = bench_read_text(r, json, "task");
    for (int i = 0; name && i < 3; i++)
        if (!strcmp(name, task_names[i])) {
            row->task = (bench_task)i;
            return;
        }
    bench_reader_fail(r, "has the task \"%s\"; this version knows train, infer and op", name ? name : "");
}

static void read_names(bench_reader *r, const json_t *json, bench_row *row)
{
    row->model = bench_read_text(r, json, "model");
    row->op = bench_read_text(r, json, "op");
    row->sample = bench_read_text(r, json, "sample");
    row->backend = bench_read_text(r, json, "backend");
    row->variant = bench_read_text(r, json, "variant");
    row->device = bench_read_text(r, json, "device");
    row->library = bench_read_text(r, json, "library");
    row->dtype = bench_read_text(r, json, "dtype");
    row->math = bench_read_text(r, json, "math");
    if (!row->math) row->math = row->dtype; /* older results knew nothing else */
    row->batch_size = bench_read_integer(r, json, "batch_size", 0);
    row->error = bench_read_text(r, json, "error");
    if (!row->backend || !row->dtype || row->batch_size < 1 || !(row->task == BENCH_OP ? row->op : row->model))
        bench_reader_fail(r, "does not say what it measured: backend, dtype, batch_size, and model or op");
}

static void read_fallback(bench_reader *r, const json_t *json, bench_row *row)
{
    const json_t *fallback = bench_read_array(r, json, "fallback");
    if (json_array_size(fallback) > 0) {
        row->fell_back = bench_read_text(r, bench_read_element(r, fallback, 0), "op");
        if (!row->fell_back) bench_reader_fail(r, "has no name of an operator");
        bench_reader_leave(r);
    }
    bench_reader_leave(r);
}

static void read_limits_name(bench_reader *r, const json_t *json, bench_row *row)
{
    const char *name = bench_read_text(r, json, "limits");
    for (int i = 0; name && i < row->run->n_limits; i++)
        if (!strcmp(row->run->limits[i].name, name)) row->limits = &row->run->limits[i];
}

static void read_setup(bench_reader *r, const json_t *json, bench_row *row)
{
    const json_t *setup = bench_read_object(r, json, "setup");
    bench_read_unit(r, setup, "s");
    row->start_up = bench_read_number(r, setup, "start_up");
    row->plugin_load = bench_read_number(r, setup, "plugin_load");
    row->first_step = bench_read_number(r, setup, "first_step");
    row->plan_creation = bench_read_number(r, setup, "plan_creation");
    row->plans = bench_read_number(r, setup, "plans");
    bench_reader_leave(r);
    const json_t *memory = bench_read_object(r, json, "memory");
    bench_read_unit(r, memory, "B");
    row->host_peak = bench_read_number(r, memory, "host_peak");
    row->device_peak = bench_read_number(r, memory, "device_peak");
    bench_reader_leave(r);
    const json_t *warm_up = bench_read_object(r, json, "warm_up");
    row->warm_up = bench_read_number(r, warm_up, "seconds");
    row->warm = bench_read_flag(r, warm_up, "settled");
    bench_reader_leave(r);
}

static void read_rounds(bench_reader *r, const json_t *json, bench_row *row)
{
    const json_t *rounds = bench_read_array(r, json, "rounds");
    row->n_rounds = json_array_size(rounds);
    row->rates = bench_reader_alloc(r, row->n_rounds, sizeof *row->rates);
    for (size_t i = 0; i < row->n_rounds; i++) {
        const json_t *round = bench_read_element(r, rounds, i);
        double seconds = bench_read_number(r, round, "seconds"), images = bench_read_number(r, round, "images");
        row->rates[i] = images / seconds;
        if (!(seconds > 0 && images >= 0)) bench_reader_fail(r, "has no duration above 0 and number of images");
        bench_reader_leave(r);
    }
    bench_reader_leave(r);
}

/* The samples of all rounds, one after the other. */
static void read_times(bench_reader *r, const json_t *json, bench_row *row)
{
    const json_t *times = bench_read_object(r, json, "step_times");
    bench_read_unit(r, times, "s");
    const json_t *rounds = bench_read_array(r, times, "rounds");
    size_t i, k;
    const json_t *round, *value;
    json_array_foreach(rounds, i, round) row->n_times += json_array_size(round);
    row->times = bench_reader_alloc(r, row->n_times, sizeof *row->times);
    double *to = row->times;
    json_array_foreach(rounds, i, round) json_array_foreach(round, k, value)
    {
        if (!json_is_number(value)) bench_reader_fail(r, "has something else than numbers");
        *to++ = json_number_value(value);
    }
    bench_reader_leave(r);
    bench_reader_leave(r);
}

static bench_point *read_points(bench_reader *r, const json_t *json, const char *key, size_t *n)
{
    const json_t *array = bench_read_array(r, json, key);
    *n = json_array_size(array);
    bench_point *points = bench_reader_alloc(r, *n, sizeof *points);
    for (size_t i = 0; i < *n; i++) {
        const json_t *point = bench_read_element(r, array, i);
        points[i] = (bench_point){
            .images = bench_read_number(r, point, "images"),
            .seconds = bench_read_number(r, point, "seconds"),
            .loss = bench_read_number(r, point, "loss"),
            .accuracy = bench_read_number(r, point, "accuracy"),
        };
        bench_reader_leave(r);
    }
    bench_reader_leave(r);
    return points;
}

static void read_learning(bench_reader *r, const json_t *json, bench_row *row)
{
    const json_t *epochs = bench_read_object(r, json, "epochs");
    bench_read_unit(r, epochs, "s");
    row->epoch_times = bench_read_numbers(r, epochs, "seconds", &row->n_epochs);
    row->epochs_skipped = bench_read_text(r, epochs, "skipped");
    bench_reader_leave(r);
    row->losses = read_points(r, json, "losses", &row->n_losses);
    row->evaluations = read_points(r, json, "evaluations", &row->n_evaluations);
}

/* ---- where the time goes */

static double or_zero(double value)
{
    return isnan(value) ? 0 : value;
}

static int by_seconds(const void *a, const void *b)
{
    double x = ((const bench_operator *)a)->seconds, y = ((const bench_operator *)b)->seconds;
    return (x < y) - (x > y);
}

static void read_operators(bench_reader *r, const json_t *json, bench_profile *profile)
{
    const json_t *operators = bench_read_array(r, json, "operators");
    profile->n_operators = (int)json_array_size(operators);
    profile->operators = bench_reader_alloc(r, (size_t)profile->n_operators, sizeof *profile->operators);
    for (int i = 0; i < profile->n_operators; i++) {
        const json_t *each = bench_read_element(r, operators, (size_t)i);
        const char *implementation = bench_read_text(r, each, "implementation");
        profile->operators[i] = (bench_operator){
            .op = bench_read_text(r, each, "op"),
            .device = bench_read_text(r, each, "device"),
            .implementation = implementation ? implementation : "",
            .fell_back = bench_read_flag(r, each, "fell_back"),
            .calls = or_zero(bench_read_number(r, each, "calls")),
            .seconds = or_zero(bench_read_number(r, each, "seconds")),
            .flops = or_zero(bench_read_number(r, each, "flops")),
            .bytes = or_zero(bench_read_number(r, each, "bytes")),
        };
        if (!profile->operators[i].op) bench_reader_fail(r, "has no name of an operator");
        profile->in_operators += profile->operators[i].seconds;
        profile->calls += profile->operators[i].calls;
        bench_reader_leave(r);
    }
    bench_reader_leave(r);
    qsort(profile->operators, (size_t)profile->n_operators, sizeof *profile->operators, by_seconds);
}

static void read_profile(bench_reader *r, const json_t *json, bench_row *row)
{
    const json_t *object = bench_read_object(r, json, "profile");
    bench_profile *profile = &row->profile;
    bench_read_unit(r, object, "s");
    profile->step = bench_read_number(r, object, "step");
    const json_t *phases = bench_read_object(r, object, "phases");
    profile->data = or_zero(bench_read_number(r, phases, "data"));
    profile->forward = or_zero(bench_read_number(r, phases, "forward"));
    profile->backward = or_zero(bench_read_number(r, phases, "backward"));
    profile->optimizer = or_zero(bench_read_number(r, phases, "optimizer"));
    bench_reader_leave(r);
    profile->other = fmax(0, profile->step - profile->data - profile->forward - profile->backward - profile->optimizer);
    read_operators(r, object, profile);
    profile->idle =
        profile->n_operators && profile->in_operators <= profile->step ? profile->step - profile->in_operators : NAN;
    row->has_profile = object && profile->step > 0;
    if (!row->has_profile || !profile->n_operators) profile->in_operators = profile->calls = NAN;
    bench_reader_leave(r);
}

void bench_read_row(bench_reader *r, const json_t *json, const bench_run *run, bench_row *row)
{
    row->run = run;
    read_task(r, json, row);
    read_names(r, json, row);
    read_fallback(r, json, row);
    read_limits_name(r, json, row);
    read_setup(r, json, row);
    read_rounds(r, json, row);
    read_times(r, json, row);
    read_learning(r, json, row);
    read_profile(r, json, row);
    bench_derive(r, row);
}
