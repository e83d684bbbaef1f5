/* SPDX-License-Identifier: Apache-2.0
 *
 * A benchmark's results, read from a document of benchmarks/result-1.schema.json and reduced to what reports tell.
 * Numbers are in base units: seconds, bytes, FLOP/s, bytes/s, images/s. What was not measured is NaN; texts that are
 * absent are NULL, and arrays empty. */
#ifndef TENON_BENCH_RESULT_H
#define TENON_BENCH_RESULT_H

#include <jansson.h>
#include <stdint.h>

#include "bench/stats/stats.h"

#define BENCH_SCHEMA "tenon.bench/1"

typedef enum bench_task { BENCH_TRAIN, BENCH_INFER, BENCH_OP } bench_task;

/* The machine's limits, measured in the same run. */
typedef struct bench_limits {
    const char *name;                        /* "cpu", or a device: "cuda:0" */
    double f32_flops, tf32_flops, f64_flops; /* peak of fused multiply-adds, FLOP/s */
    int n_bandwidths;
    struct {
        double bytes, rate; /* working set; bytes/s */
    } * bandwidths;         /* smallest working set first; the last is main memory */
} bench_limits;

/* One operator of a step. */
typedef struct bench_operator {
    const char *op, *device, *implementation;
    bool fell_back;
    double calls, seconds, flops, bytes;
} bench_operator;

/* Where a step's time goes, seconds per step. Their sum is `step`: data, forward, backward, optimizer and other tell
 * by what was being done; operators + idle is the same time, told by whether an operator ran. */
typedef struct bench_profile {
    double step, data, forward, backward, optimizer, other;
    double calls, in_operators; /* of all operators; NaN without a profile */
    double idle;                /* NaN where a profiler's own cost made operators longer than the step */
    int n_operators;
    bench_operator *operators; /* longest first */
} bench_profile;

typedef struct bench_point {
    double images, seconds; /* trained on so far, and the time that took */
    double loss, accuracy;  /* accuracy: 0 to 1; NaN where only the training loss is known */
} bench_point;

typedef struct bench_run bench_run;

typedef struct bench_row {
    const bench_run *run;
    bench_task task;
    const char *model;                    /* "simplenet"; NULL for an operator */
    const char *op, *sample;              /* "conv2d", "x:f32[64,32,13,13] ..."; NULL for a model */
    const char *backend, *variant;        /* "onednn"; "channels_last" or NULL */
    const char *device, *library, *dtype; /* "onednn:0", "oneDNN 2.6.3", "f32" */
    const char *math;                     /* what products are computed in: the dtype, or "tf32" */
    int64_t batch_size;
    char label[96]; /* the backend as people see it, without the machine: "onednn", "cuda:1", "pytorch channels_last" */
    char work[192]; /* what it did, the same text for rows that may be compared: "train simplenet f32 64" */

    const char *error;     /* why there are no figures */
    const char *fell_back; /* an operator that ran on another backend: no headline figure; NULL if all ran here */
    bool noisy;            /* the rate's interval is wider than +-5 % */
    bool warm;             /* the warm-up was seen to end */

    size_t n_rounds;
    double *rates;       /* of each round: images/s, or calls/s of an operator */
    bench_interval rate; /* their median: the headline */
    bench_spread step;   /* seconds of a step (of a call) */
    size_t n_times;
    double *times; /* the samples behind it */

    double start_up, plugin_load, first_step, plan_creation, plans, warm_up; /* seconds, but for the number of plans */
    double host_peak, device_peak;                                           /* bytes */

    size_t n_epochs;
    double *epoch_times;        /* seconds of training, data path included */
    double epoch_seconds;       /* their median */
    const char *epochs_skipped; /* why there are fewer than asked for; NULL if there are all */
    double loss, accuracy;      /* on the test images, after the last epoch */
    double time_to_target;      /* training seconds; NaN if not asked for or not reached */
    size_t n_losses;
    bench_point *losses; /* mean training loss since the point before */
    size_t n_evaluations;
    bench_point *evaluations;

    bool has_profile;
    bench_profile profile;
    const bench_limits *limits; /* NULL if unknown */
    double flops, bytes;        /* per step, by the plans' formulas */
    double attained;            /* FLOP/s: flops / step.p50 */
    double bound;               /* bench_bound_of each operator, summed: the shortest that a step can be */
    double roofline;            /* bound / step.p50 */
} bench_row;

struct bench_run {
    const char *label;    /* of the machine, as people see it */
    const char *started;  /* "2026-11-25T21:19:36Z" */
    const char *stopped;  /* why the run is partial; NULL if it is whole */
    const char *baseline; /* label of the row that others are compared with; NULL: none was chosen */
    double target;        /* accuracy asked for */
    const json_t *machine, *software, *settings; /* as in the document, for printing */
    int n_limits;
    bench_limits *limits;
    int n_rows;
    bench_row *rows;
};

typedef struct bench_results {
    json_t *document;
    int n_runs;
    bench_run *runs;
    int n_rows; /* of all runs */
    bench_row **rows;
    struct bench_chunk *memory; /* behind all of the arrays */
} bench_results;

/* All single figures of a row, by name. Ended by one without a name. */
typedef struct bench_figure {
    const char *name;
    size_t offset; /* of a double in the row */
} bench_figure;
extern const bench_figure bench_figures[];
double bench_figure_of(const bench_row *row, const bench_figure *figure);

/* Writes what was derived into each row's `summary`. */
void bench_summarise(bench_results *results);
/* Reads and reduces a document, which the results then own, also in case of failure. NULL after a message that names `source`: another schema,
 * wrong types or units, nothing in it. */
bench_results *bench_results_read(json_t *document, const char *source);
/* The same from a file; "-" is stdin. */
bench_results *bench_results_load(const char *path);
void bench_results_close(bench_results *results); /* NULL is allowed */

/* May the row head a comparison: it has rounds, no error, and nothing fell back? */
bool bench_row_counts(const bench_row *row);
/* The row of the same work whose label is its run's baseline; NULL if there is none that counts. */
const bench_row *bench_baseline_of(const bench_row *row);
/* row's rate / baseline's rate with its interval: paired by rounds, as both took turns in one run. */
bench_interval bench_speedup(const bench_row *row, const bench_row *baseline);
/* Bytes/s at a working set: of the smallest measured one that holds it, else main memory's. NaN if unknown. */
double bench_bandwidth_at(const bench_limits *limits, double bytes);
/* The least that the operator could take at the limits of the row's machine: max(flops / peak, bytes / bandwidth of
 * its working set), seconds per step. */
double bench_bound_of(const bench_row *row, const bench_operator *each);
/* Which of the two that is: "FLOP/s" or "B/s". */
const char *bench_limit_of(const bench_row *row, const bench_operator *each);
double bench_peak_for(const bench_limits *limits, const char *math); /* NaN if unknown */

#endif
