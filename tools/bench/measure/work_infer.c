/* SPDX-License-Identifier: Apache-2.0
 *
 * Inference as a program does it that embeds a model: each call begins with images in host memory and ends with the
 * logits there. */
#include <stdlib.h>

#include "bench/measure/worker.h"

enum { CLASSES = 10, MOST_IMAGES = 4096, MOST_BATCHES = 64 };

/* Copies whole batches of the test images to host memory. */
static void take_images(bench_worker *w, tn_loader *loader)
{
    int64_t n = MOST_IMAGES / w->batch_size;
    n = n < 1 ? 1 : n > MOST_BATCHES ? MOST_BATCHES : n;
    for (tn_batch batch; w->n_batches < n && tn_check(w->tn) == TN_OK;) {
        tn_mark mark = tn_begin(w->tn);
        bool more = tn_loader_next(loader, &batch);
        if (more && !w->images) {
            w->image_floats = tn_numel(batch.x) / batch.n;
            w->images = calloc((size_t)(n * w->batch_size * w->image_floats), sizeof *w->images);
        }
        size_t floats = (size_t)(w->batch_size * w->image_floats);
        if (more && w->images) tn_read(batch.x, w->images + (size_t)w->n_batches++ * floats, floats * sizeof(float));
        tn_end(w->tn, mark, NULL);
        if (!more || !w->images) break;
    }
}

static void forward(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    bench_worker *w = arg;
    out[0] = tn_nn_forward(w->model, tn_cast(in[0], w->dtype));
}

static void open(bench_worker *w)
{
    double start = tool_now();
    tn_dataset *data = tool_dataset(w->tn, &w->recipe.setup, false);
    tn_loader *loader =
        data ? tn_loader_open(data, &(tn_loader_options){.batch_size = w->batch_size, .drop_last = true}) : NULL;
    if (loader) take_images(w, loader);
    w->data_time = tool_now() - start;
    tn_manual_seed(w->tn, w->recipe.seed);
    w->model = tn_nn_model(w->tn, w->recipe.setup.model);
    if (w->model) tn_nn_to(w->model, w->dtype);
    tn_nn_train(w->model, false);
    tn_set_grad_enabled(w->tn, false);
    w->x = tn_empty(w->tn, TN_F32, TN_SHAPE(w->batch_size, 1, 28, 28));
    if (!w->recipe.eager) w->program = tn_program_open(w->tn, "inference", forward, w, 1, 1);
    w->logits = calloc((size_t)w->batch_size, CLASSES * sizeof(double));
    if (!tn_check(w->tn) && (w->n_batches == 0 || !w->logits))
        tn_raise(w->tn, TN_INVALID, "there are no %lld test images for one batch", (long long)w->batch_size);
    w->model_time = tool_now() - start - w->data_time;
}

static int64_t step(bench_worker *w)
{
    int64_t floats = w->batch_size * w->image_floats;
    const float *images = w->images + w->next_batch * floats;
    w->next_batch = (w->next_batch + 1) % w->n_batches;
    tn_mark mark = tn_begin(w->tn);
    tn_write(w->x, images, (size_t)floats * sizeof *images);
    tn_tensor *logits = NULL;
    if (w->program)
        tn_program_run(w->program, &w->x, &logits);
    else
        forward(w, &w->x, &logits);
    tn_read(logits, w->logits, (size_t)(w->batch_size * CLASSES) * (w->dtype == TN_F64 ? 8 : 4));
    tn_end(w->tn, mark, NULL);
    return tn_check(w->tn) ? 0 : w->batch_size;
}

const bench_work bench_work_infer = {"infer", open, step, NULL, NULL, NULL};
