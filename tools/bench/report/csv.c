/* SPDX-License-Identifier: Apache-2.0
 *
 * A line for each row (RFC 4180): seconds, bytes, FLOP/s, images/s, shares from 0 to 1. What is not known is empty. */
#include <math.h>
#include <stddef.h>

#include "bench/report/table.h"

static void write_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; text && *text; text++) {
        if (*text == '"') fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

/* clang-format off */
static const struct { const char *name; size_t offset; } figures[] = {
    {"rate",           offsetof(bench_row, rate.value)},   {"rate_low",      offsetof(bench_row, rate.low)},
    {"rate_high",      offsetof(bench_row, rate.high)},    {"step_p50",      offsetof(bench_row, step.p50)},
    {"step_mad",       offsetof(bench_row, step.mad)},     {"step_p95",      offsetof(bench_row, step.p95)},
    {"step_p99",       offsetof(bench_row, step.p99)},     {"start_up",      offsetof(bench_row, start_up)},
    {"plugin_load",    offsetof(bench_row, plugin_load)},  {"first_step",    offsetof(bench_row, first_step)},
    {"plans",          offsetof(bench_row, plans)},        {"plan_creation", offsetof(bench_row, plan_creation)},
    {"host_peak",      offsetof(bench_row, host_peak)},    {"device_peak",   offsetof(bench_row, device_peak)},
    {"epoch_seconds",  offsetof(bench_row, epoch_seconds)}, {"loss",         offsetof(bench_row, loss)},
    {"accuracy",       offsetof(bench_row, accuracy)},     {"time_to_target", offsetof(bench_row, time_to_target)},
    {"flops",          offsetof(bench_row, flops)},        {"bytes",         offsetof(bench_row, bytes)},
    {"attained",       offsetof(bench_row, attained)},     {"roofline",      offsetof(bench_row, roofline)},
};
/* clang-format on */
enum { FIGURES = sizeof figures / sizeof figures[0] };

static void write_row(FILE *to, const bench_row *row)
{
    static const char *const tasks[] = {[BENCH_TRAIN] = "train", [BENCH_INFER] = "infer", [BENCH_OP] = "op"};
    const char *const texts[] = {row->run->label, row->run->started, tasks[row->task], row->model, row->op,
                                 row->sample,     row->label,        row->device,      row->dtype};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(to, texts[i]);
        fputc(',', to);
    }
    fprintf(to, "%lld,%s,%s,%s,", (long long)row->batch_size, bench_row_counts(row) ? "yes" : "no",
            row->noisy ? "yes" : "no", row->run->stopped ? "yes" : "no");
    write_text(to, row->error);
    for (int i = 0; i < FIGURES; i++) {
        double value = *(const double *)((const char *)row + figures[i].offset);
        fputc(',', to);
        if (isfinite(value) && !row->fell_back) fprintf(to, "%.9g", value);
    }
    fputs("\r\n", to);
}

bool bench_write_csv(FILE *to, const bench_results *results)
{
    fputs("machine,started,task,model,op,sample,backend,device,dtype,batch_size,counts,noisy,partial,error", to);
    for (int i = 0; i < FIGURES; i++) fprintf(to, ",%s", figures[i].name);
    fputs("\r\n", to);
    for (int i = 0; i < results->n_rows; i++) write_row(to, results->rows[i]);
    return fflush(to) == 0 && !ferror(to);
}
