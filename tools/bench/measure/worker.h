/* SPDX-License-Identifier: Apache-2.0
 *
 * The process behind one row of a benchmark: it does a task when asked. benchmarks/peers/PROTOCOL.md says how. */
#ifndef TENON_BENCH_WORKER_H
#define TENON_BENCH_WORKER_H

#include "training.h"

typedef struct bench_worker bench_worker;

/* One of the tasks. */
typedef struct bench_work {
    const char *task;
    void (*open)(bench_worker *w);           /* an error is left in the context */
    int64_t (*step)(bench_worker *w);        /* one step or call; images done, 0 after an error */
    double (*loss)(bench_worker *w);         /* mean since it was last read; NULL: there is none */
    void (*restart)(bench_worker *w);        /* NULL: cannot */
    tool_score (*evaluate)(bench_worker *w); /* NULL: cannot */
} bench_work;
extern const bench_work bench_work_train, bench_work_infer, bench_work_op;

struct bench_worker {
    const json_t *config;
    const bench_work *work;
    tn_context *tn;
    tn_dtype dtype;
    int64_t batch_size;
    bool synchronous;                      /* the device's work is done when a call returns */
    double opening, data_time, model_time; /* seconds */

    tool_recipe recipe;
    tool_training training; /* of train */
    tn_loader *test;

    tn_module *model;    /* of infer */
    tn_tensor *x;        /* images of a call */
    tn_program *program; /* NULL: eager */
    float *images;       /* n_batches batches, in host memory */
    void *logits;
    int64_t image_floats, n_batches, next_batch;

    tn_op_call *call; /* of op */
};

/* Serves until standard input ends; the exit code. */
int bench_worker_run(const char *config);

/* ---- profile.c: answers of the same names */
json_t *bench_worker_profile(bench_worker *w, int64_t steps);
json_t *bench_worker_fallback(tn_context *tn);
/* "tf32" if any of the implementations that ran says so, else the dtype. */
const char *bench_worker_math(const bench_worker *w);
/* All plans made so far, and the seconds that took. */
void bench_worker_plans(tn_context *tn, int64_t *plans, double *seconds);

#endif
