/* SPDX-License-Identifier: Apache-2.0
 *
 * Curves of losses. The oracle is the reference backend from the same weights, on the same batches of drawn patterns. How
 * far apart two right curves may be is measured: the reference trains again from weights nudged by more than kernels
 * round, and ten times what that changes is the envelope. It widens with the steps, and wherever the loss is sensitive:
 * where the largest of a window is a matter of the last bits, say, which decides what its gradient goes to. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "level3.h"

enum { STEPS = 100, FEWER_STEPS = 50, BATCH = 4, CLASSES = 10, PIXELS = 784 };
enum { LAST = 10 };               /* steps whose losses are averaged */
static const float NUDGE = 1e-5f; /* 84 units in the last place */
static const double WIDENING = 10, ULPS = 64, LEARNT = 0.5;

typedef struct course {
    const char *model;
    tn_optimizer *(*optimizer)(tn_module *model);
    int steps;
    uint64_t seed;
    double losses[STEPS];
} course;

static tn_optimizer *sgd(tn_module *model)
{
    return tn_optim_sgd(model, &(tn_sgd_options){.lr = 0.02, .momentum = 0.9});
}

static tn_optimizer *adam(tn_module *model)
{
    return tn_optim_adam(model, NULL);
}

/* ---- data: each class has a pattern of its own, behind some noise */

static float part(uint64_t seed, uint64_t index)
{
    return (float)(shapes_random(seed, index) >> 40) / (1 << 24);
}

static void draw_batch(uint64_t seed, int step, float *images, int64_t *labels)
{
    for (int i = 0; i < BATCH; i++) {
        const uint64_t example = 1000 + (uint64_t)(step * BATCH + i);
        labels[i] = (int64_t)(shapes_random(seed, example) % CLASSES);
        for (int p = 0; p < PIXELS; p++) {
            const float pattern = part(seed + 1, (uint64_t)(labels[i] * PIXELS + p / 4)); /* in blots of four */
            images[i * PIXELS + p] = 1.6f * pattern + 0.4f * part(seed + 2, example * PIXELS + (uint64_t)p) - 1;
        }
    }
}

/* ---- weights */

enum { WEIGHTS = 16 };

typedef struct weights {
    float *of[WEIGHTS];
    int64_t numel[WEIGHTS];
    int n;
} weights;

static void weights_release(weights *w)
{
    for (int i = 0; i < w->n; i++) free(w->of[i]);
}

static void weights_read(tn_module *model, weights *w)
{
    w->n = tn_nn_state_count(model);
    if (w->n > WEIGHTS) error(TOOL_FAILED, 0, "a model has %d weights; there is room for %d", w->n, WEIGHTS);
    for (int i = 0; i < w->n; i++) {
        tn_tensor *x = tn_nn_state(model, i, NULL, NULL);
        w->numel[i] = tn_numel(x);
        w->of[i] = malloc((size_t)w->numel[i] * sizeof(float));
        if (!w->of[i]) error(TOOL_FAILED, errno, "no memory for weights");
        tn_read(x, w->of[i], (size_t)w->numel[i] * sizeof(float));
    }
}

static void weights_write(tn_module *model, const weights *w)
{
    bool was = tn_set_grad_enabled(tn_nn_context(model), false);
    for (int i = 0; i < w->n; i++)
        tn_write(tn_nn_state(model, i, NULL, NULL), w->of[i], (size_t)w->numel[i] * sizeof(float));
    tn_set_grad_enabled(tn_nn_context(model), was);
}

/* Each weight a little up or down. */
static void weights_nudge(weights *w, uint64_t seed)
{
    for (int i = 0; i < w->n; i++)
        for (int64_t k = 0; k < w->numel[i]; k++)
            w->of[i][k] *= 1 + (shapes_random(seed, (uint64_t)k) & 1 ? NUDGE : -NUDGE);
}

/* ---- training */

static double train_step(tn_module *model, tn_optimizer *optimizer, uint64_t seed, int step)
{
    tn_context *tn = tn_nn_context(model);
    float images[BATCH * PIXELS];
    int64_t labels[BATCH];
    draw_batch(seed, step, images, labels);
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = tn_from(tn, images, TN_F32, 4, (int64_t[]){BATCH, 1, 28, 28});
    tn_tensor *y = tn_from(tn, labels, TN_I64, 1, (int64_t[]){BATCH});
    tn_tensor *loss = tn_cross_entropy(tn_nn_forward(model, x), y);
    tn_optim_zero_grad(optimizer);
    tn_backward(loss);
    tn_optim_step(optimizer);
    const double value = tn_item(tn_detach(loss));
    tn_end(tn, mark, NULL);
    return value;
}

/* w: the weights to start from; if it has none, they are drawn, and given back. */
static void train(tn_context *tn, course *c, weights *w)
{
    tn_manual_seed(tn, c->seed);
    tn_module *model = tn_nn_model(tn, c->model);
    if (!model) return;
    if (w->n)
        weights_write(model, w);
    else
        weights_read(model, w);
    tn_optimizer *optimizer = c->optimizer(model);
    for (int step = 0; step < c->steps && tn_check(tn) == TN_OK; step++)
        c->losses[step] = train_step(model, optimizer, c->seed, step);
}

/* ---- judging */

static double mean(const double *losses)
{
    double sum = 0;
    for (int i = 0; i < LAST; i++) sum += losses[i];
    return sum / LAST;
}

static bool learnt(conform_run *run, const course *c)
{
    const double first = mean(c->losses), last = mean(c->losses + c->steps - LAST);
    if (last < LEARNT * first) return true;
    return conform_fail(run, "%s does not learn: the mean loss of %d steps goes from %.4f to %.4f in %d", c->model,
                        LAST, first, last, c->steps);
}

/* The envelope widens with the steps, as far as nudged weights have led away so far. */
static bool stays_near(conform_run *run, const course *found, const course *expected, const course *nudged)
{
    double away = 0;
    for (int i = 0; i < found->steps; i++) {
        const double loss = expected->losses[i], e = (double)FLT_EPSILON;
        away = fmax(away, fabs(nudged->losses[i] - loss));
        const double most = WIDENING * away + ULPS * e * fmax(1, loss);
        if (!trial_same(found->losses[i], loss, most))
            return conform_fail(run,
                                "%s: the loss of step %d is %.7f, and %.7f on the reference backend; %.1e apart, where "
                                "rounding explains %.1e",
                                found->model, i + 1, found->losses[i], loss, fabs(found->losses[i] - loss), most);
        run->compared++;
    }
    return true;
}

static void compare_courses(conform_run *run, course found)
{
    found.seed = run->options->seed + 1;
    course expected = found, nudged = found;
    weights w = {.n = 0};
    tn_context *candidate = conform_open(run, true), *reference = candidate ? conform_open_reference(run) : NULL;
    if (reference) {
        train(reference, &expected, &w);
        train(candidate, &found, &w);
        weights_nudge(&w, run->options->seed);
        train(reference, &nudged, &w);
        if (conform_check_context(run, reference, "training on the reference backend") &&
            conform_check_context(run, candidate, "training") && stays_near(run, &found, &expected, &nudged) &&
            learnt(run, &found))
            level3_takes_part(run, candidate);
    }
    weights_release(&w);
    conform_close(run, reference);
    conform_close(run, candidate);
}

void level3_simplenet_sgd(conform_run *run)
{
    compare_courses(run, (course){.model = "simplenet", .optimizer = sgd, .steps = STEPS});
}

void level3_simplenet_adam(conform_run *run)
{
    compare_courses(run, (course){.model = "simplenet", .optimizer = adam, .steps = STEPS});
}

void level3_convnet_sgd(conform_run *run)
{
    compare_courses(run, (course){.model = "convnet", .optimizer = sgd, .steps = FEWER_STEPS});
}

void level3_convnet_adam(conform_run *run)
{
    compare_courses(run, (course){.model = "convnet", .optimizer = adam, .steps = FEWER_STEPS});
}
