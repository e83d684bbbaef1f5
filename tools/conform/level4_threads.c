/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 4: several threads at once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { THREADS = 4, ROUNDS = 60, SHAPES = 5 };

typedef struct worker {
    conform_run *run;
    int index;
    rig *shared; /* where device and plugin come from */
    const rig_use *plans;
    double *sums; /* of all samples: what one thread alone has found */
    int64_t done;
} worker;

static bool start_all(conform_run *run, worker *workers, void *(*work)(void *arg))
{
    pthread_t threads[THREADS];
    int n = 0;
    while (n < THREADS && pthread_create(&threads[n], NULL, work, &workers[n]) == 0) n++;
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        run->compared += workers[i].done;
    }
    return n == THREADS || conform_fail(run, "no thread could be made");
}

/* ---- contexts of their own */

/* Of all that a call gives; what is not finite counts as 1. */
static double sum_results(tn_context *tn, tn_op_call *call)
{
    double sum = 0;
    int n;
    const tn_mark mark = tn_begin(tn);
    const tn_op_operand *results = tn_op_call_results(call, &n);
    for (int i = 0; i < n; i++) {
        const int64_t count = tn_numel(results[i].tensor);
        double *values = malloc(((size_t)count + 1) * sizeof *values);
        if (!values) error(TOOL_FAILED, errno, "no memory for an operator's results");
        if (tn_read_f64(results[i].tensor, values, count) == TN_OK)
            for (int64_t k = 0; k < count; k++) sum += isfinite(values[k]) ? fabs(values[k]) : 1;
        free(values);
    }
    tn_end(tn, mark, NULL);
    return sum;
}

/* The first sample of each operator that it has. sums: kept, or compared with. */
static void run_all(worker *w, bool compare)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    tn_context *tn = conform_open(w->run, false);
    for (int i = 0; tn && i < n && w->run->outcome == CONFORM_PASS; i++) {
        if (!tn_backend_has_op("candidate", ops[i].name) || !ops[i].samples[0]) continue;
        tn_op_call *call = tn_op_call_open(tn, ops[i].name, ops[i].samples[0], &(tn_op_call_options){.batch = 3});
        const double sum = call ? sum_results(tn, call) : 0;
        tn_op_call_close(call);
        if (tn_check(tn) == TN_UNSUPPORTED) {
            tn_clear(tn);
            continue;
        }
        if (!compare)
            w->sums[i] = sum;
        else if (fabs(sum - w->sums[i]) > 1e-5 * (1 + fabs(w->sums[i])))
            conform_fail(w->run, "%s on \"%s\" gives other numbers while other threads work: they sum up to %g, not %g",
                         ops[i].name, ops[i].samples[0], sum, w->sums[i]);
        w->done++;
        conform_check_context(w->run, tn, ops[i].name);
    }
    conform_close(w->run, tn);
}

static void *work_alone(void *arg)
{
    for (int round = 0; round < 3; round++) run_all(arg, true);
    return NULL;
}

void conform_threads_contexts(conform_run *run)
{
    double sums[CONFORM_OPS] = {0};
    worker workers[THREADS];
    worker first = {.run = run, .sums = sums};
    run_all(&first, false);
    for (int i = 0; i < THREADS; i++) workers[i] = (worker){.run = run, .index = i, .sums = sums};
    if (run->outcome == CONFORM_PASS) start_all(run, workers, work_alone);
    if (run->outcome == CONFORM_PASS && !run->compared) conform_skip(run, "it has no operators");
}

/* ---- one device, and plans made at the same time */

/* The shared device with a stream of its own. */
static bool join(const worker *w, rig *own)
{
    *own = (rig){.run = w->run, .d = w->shared->d};
    return (own->d.stream = rig_stream(own));
}

static void leave(rig *own)
{
    while (own->n_blocks--)
        own->d.plugin->memory_free(own->d.handle, own->blocks[own->n_blocks].kind, own->blocks[own->n_blocks].memory);
    if (own->d.stream) own->d.plugin->stream_destroy(own->d.handle, own->d.stream);
}

static void *make_plans(void *arg)
{
    worker *w = arg;
    for (int round = 0; round < ROUNDS && w->run->outcome == CONFORM_PASS; round++) {
        rig own;
        const unsigned seed = (unsigned)(round * THREADS + w->index);
        bool ok = join(w, &own);
        for (int i = 0; ok && i < RIG_OPS; i++) {
            rig_use use;
            const int64_t rows = 3 + (round + w->index) % SHAPES, columns = 4 + (round + 2 * w->index) % SHAPES;
            if (rig_plan(&own, &use, i, rows, columns, 1)) {
                ok = rig_bind(&own, &use) && rig_draw(&own, &use, seed) && rig_execute(&own, &use, own.d.stream) &&
                     rig_right(&own, &use, seed);
                w->done++;
            }
            rig_plan_close(&use);
        }
        leave(&own);
    }
    return NULL;
}

static void share_device(conform_run *run, void *(*work)(void *arg), const rig_use *plans, rig *r)
{
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) workers[i] = (worker){.run = run, .index = i, .shared = r, .plans = plans};
    start_all(run, workers, work);
    if (run->outcome == CONFORM_PASS && !run->compared)
        conform_skip(run, "it takes none of the simple operators that this check knows");
}

void conform_threads_plans(conform_run *run)
{
    rig r;
    if (!rig_open(run, &r, false)) return;
    share_device(run, make_plans, NULL, &r);
    rig_close(&r);
}

/* ---- one plan, executed by all */

static void *use_plans(void *arg)
{
    worker *w = arg;
    rig own;
    bool ok = join(w, &own);
    for (int i = 0; ok && i < RIG_OPS; i++) {
        rig_use use = w->plans[i];
        if (!use.plan) continue;
        ok = rig_bind(&own, &use);
        for (unsigned round = 0; ok && round < ROUNDS; round++, w->done++) {
            const unsigned seed = round * THREADS + (unsigned)w->index;
            ok = rig_draw(&own, &use, seed) && rig_execute(&own, &use, own.d.stream) && rig_right(&own, &use, seed);
        }
    }
    leave(&own);
    return NULL;
}

void conform_threads_one_plan(conform_run *run)
{
    rig_use plans[RIG_OPS];
    rig r;
    if (!rig_open(run, &r, false)) return;
    for (int i = 0; i < RIG_OPS; i++) rig_plan(&r, &plans[i], i, 33, 33, 1);
    share_device(run, use_plans, plans, &r);
    for (int i = 0; i < RIG_OPS; i++) rig_plan_close(&plans[i]);
    rig_close(&r);
}
