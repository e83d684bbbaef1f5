/* SPDX-License-Identifier: Apache-2.0
 *
 * The derived figures of each row, for readers of the JSON who want no samples. */
#include <math.h>
#include <stddef.h>

#include "bench/result/result.h"

/* clang-format off */
const bench_figure bench_figures[] = {
    {"rate",           offsetof(bench_row, rate.value)},    {"rate_low",       offsetof(bench_row, rate.low)},
    {"rate_high",      offsetof(bench_row, rate.high)},     {"step_p50",       offsetof(bench_row, step.p50)},
    {"step_mad",       offsetof(bench_row, step.mad)},      {"step_p95",       offsetof(bench_row, step.p95)},
    {"step_p99",       offsetof(bench_row, step.p99)},      {"step_min",       offsetof(bench_row, step.min)},
    {"step_max",       offsetof(bench_row, step.max)},      {"start_up",       offsetof(bench_row, start_up)},
    {"plugin_load",    offsetof(bench_row, plugin_load)},   {"first_step",     offsetof(bench_row, first_step)},
    {"plans",          offsetof(bench_row, plans)},         {"plan_creation",  offsetof(bench_row, plan_creation)},
    {"host_peak",      offsetof(bench_row, host_peak)},     {"device_peak",    offsetof(bench_row, device_peak)},
    {"epoch_seconds",  offsetof(bench_row, epoch_seconds)}, {"loss",           offsetof(bench_row, loss)},
    {"accuracy",       offsetof(bench_row, accuracy)},      {"time_to_target", offsetof(bench_row, time_to_target)},
    {"flops",          offsetof(bench_row, flops)},         {"bytes",          offsetof(bench_row, bytes)},
    {"attained",       offsetof(bench_row, attained)},      {"roofline",       offsetof(bench_row, roofline)},
    {"calls",          offsetof(bench_row, profile.calls)}, {"in_operators",   offsetof(bench_row, profile.in_operators)},
    {NULL, 0},
};
/* clang-format on */

double bench_figure_of(const bench_row *row, const bench_figure *figure)
{
    return *(const double *)((const char *)row + figure->offset);
}

static json_t *summary_of(const bench_row *row)
{
    json_t *summary = json_object();
    for (const bench_figure *figure = bench_figures; figure->name; figure++) {
        double value = bench_figure_of(row, figure);
        if (isfinite(value)) json_object_set_new(summary, figure->name, json_real(value));
    }
    json_object_set_new(summary, "counts", json_boolean(bench_row_counts(row)));
    json_object_set_new(summary, "noisy", json_boolean(row->noisy));
    return summary;
}

void bench_summarise(bench_results *results)
{
    json_t *runs = json_object_get(results->document, "runs");
    for (int i = 0; i < results->n_runs; i++) {
        json_t *rows = json_object_get(json_array_get(runs, (size_t)i), "rows");
        for (int k = 0; k < results->runs[i].n_rows; k++)
            json_object_set_new(json_array_get(rows, (size_t)k), "summary", summary_of(&results->runs[i].rows[k]));
    }
}
