/* SPDX-License-Identifier: Apache-2.0
 *
 * Training steps: batches of a shuffled epoch, epoch after epoch. */
#include <math.h>

#include "bench/measure/worker.h"

static const volatile sig_atomic_t never;

static void open(bench_worker *w)
{
    double start = tool_now();
    w->training =
        (tool_training){.recipe = &w->recipe, .tn = w->tn, .data = tool_dataset(w->tn, &w->recipe.setup, true)};
    w->data_time = tool_now() - start;
    if (w->training.data) tool_training_restart(&w->training);
    w->model_time = tool_now() - start - w->data_time;
}

static int64_t step(bench_worker *w)
{
    int64_t before = w->training.unread;
    while (!tool_training_step(&w->training)) /* an epoch has ended */
        if (tn_check(w->tn)) return 0;
    return w->training.unread - before;
}

static double loss(bench_worker *w)
{
    int64_t images;
    double sum = tool_training_read_loss(&w->training, &images);
    return images ? sum / (double)images : NAN;
}

static void restart(bench_worker *w)
{
    tool_training_restart(&w->training);
}

static tool_score evaluate(bench_worker *w)
{
    if (!w->test) w->test = tool_test_loader(tool_dataset(w->tn, &w->recipe.setup, false));
    if (!w->test) return (tool_score){NAN, NAN};
    return tool_evaluate(w->training.state.model, w->test, &never);
}

const bench_work bench_work_train = {"train", open, step, loss, restart, evaluate};
