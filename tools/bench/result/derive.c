/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows from the samples of a row, and how two rows compare. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/row.h"

static const double noisy_above = 0.05; /* half width of the rate's interval */

/* ---- names */

/* The number of a backend's device is told only where it is not the first. */
static void name_label(bench_row *row)
{
    const char *colon = row->device ? strchr(row->device, ':') : NULL;
    bool first = !colon || !strcmp(colon, ":0");
    snprintf(row->label, sizeof row->label, "%s%s%s%s", row->backend, first ? "" : colon, row->variant ? " " : "",
             row->variant ? row->variant : "");
}

static void name_work(bench_row *row)
{
    if (row->task == BENCH_OP)
        snprintf(row->work, sizeof row->work, "op %s %s %s %lld", row->op, row->sample ? row->sample : "", row->math,
                 (long long)row->batch_size);
    else
        snprintf(row->work, sizeof row->work, "%s %s %s %lld", row->task == BENCH_TRAIN ? "train" : "infer", row->model,
                 row->math, (long long)row->batch_size);
}

/* ---- learning */

static void derive_learning(bench_row *row)
{
    row->epoch_seconds = bench_median(row->epoch_times, row->n_epochs);
    row->loss = row->accuracy = row->time_to_target = NAN;
    for (size_t i = 0; i < row->n_evaluations; i++) {
        const bench_point *point = &row->evaluations[i];
        row->loss = point->loss;
        row->accuracy = point->accuracy;
        if (isnan(row->time_to_target) && point->accuracy >= row->run->target) row->time_to_target = point->seconds;
    }
}

/* ---- the machine's limits */

double bench_bandwidth_at(const bench_limits *limits, double bytes)
{
    if (!limits || limits->n_bandwidths == 0) return NAN;
    for (int i = 0; i < limits->n_bandwidths; i++)
        if (bytes <= limits->bandwidths[i].bytes) return limits->bandwidths[i].rate;
    return limits->bandwidths[limits->n_bandwidths - 1].rate;
}

double bench_peak_for(const bench_limits *limits, const char *math)
{
    if (!limits) return NAN;
    return !strcmp(math, "f64") ? limits->f64_flops : !strcmp(math, "tf32") ? limits->tf32_flops : limits->f32_flops;
}

static double arithmetic_of(const bench_row *row, const bench_operator *each)
{
    return each->flops / bench_peak_for(row->limits, row->math);
}

static double traffic_of(const bench_row *row, const bench_operator *each)
{
    return each->bytes / bench_bandwidth_at(row->limits, each->bytes / (each->calls > 0 ? each->calls : 1));
}

double bench_bound_of(const bench_row *row, const bench_operator *each)
{
    return fmax(arithmetic_of(row, each), traffic_of(row, each));
}

const char *bench_limit_of(const bench_row *row, const bench_operator *each)
{
    return arithmetic_of(row, each) > traffic_of(row, each) ? "FLOP/s" : "B/s";
}

/* A roofline for each operator (Williams, Waterman and Patterson, Roofline, CACM 2009), with the bandwidth of the
 * level of memory that holds what the operator touches (Ilic, Pratas and Sousa, Cache-aware Roofline, 2014). */
static void derive_roofline(bench_row *row)
{
    row->flops = row->bytes = row->attained = row->bound = row->roofline = NAN;
    if (!row->has_profile) return;
    row->flops = row->bytes = row->bound = 0;
    for (int i = 0; i < row->profile.n_operators; i++) {
        const bench_operator *each = &row->profile.operators[i];
        row->flops += each->flops;
        row->bytes += each->bytes;
        row->bound += bench_bound_of(row, each);
    }
    double step = row->step.n ? row->step.p50 : row->profile.step;
    if (!(row->bytes > 0)) { /* a peer that tells less */
        row->flops = row->bytes = row->bound = NAN;
        return;
    }
    row->attained = row->flops / step;
    row->roofline = row->bound / step;
}

void bench_derive(bench_reader *r, bench_row *row)
{
    if (r->failed) return;
    name_label(row);
    name_work(row);
    row->rate = bench_median_interval(row->rates, row->n_rounds);
    row->noisy = bench_half_width(row->rate) > noisy_above;
    row->step = bench_spread_of(row->times, row->n_times);
    derive_learning(row);
    derive_roofline(row);
}

/* ---- comparing */

bool bench_row_counts(const bench_row *row)
{
    return row->n_rounds > 0 && !row->error && !row->fell_back;
}

const bench_row *bench_baseline_of(const bench_row *row)
{
    const bench_run *run = row->run;
    for (int i = 0; run->baseline && i < run->n_rows; i++) {
        const bench_row *other = &run->rows[i];
        if (!strcmp(other->label, run->baseline) && !strcmp(other->work, row->work) && bench_row_counts(other))
            return other;
    }
    return NULL;
}

bench_interval bench_speedup(const bench_row *row, const bench_row *baseline)
{
    if (row->run == baseline->run && row->n_rounds == baseline->n_rounds)
        return bench_paired_ratio_interval(row->rates, baseline->rates, row->n_rounds);
    return bench_ratio_interval(row->rates, row->n_rounds, baseline->rates, baseline->n_rounds);
}
