/* SPDX-License-Identifier: Apache-2.0
 *
 * A training run. The loss is summed on the device and read back every few steps, so that the device is kept busy. */
#include <math.h>
#include <string.h>

#include "training.h"

enum { READ_EVERY = 50 }; /* steps */

const tool_recipe tool_default_recipe = {
    .setup = TOOL_SETUP,
    .epochs = 3,
    .batch_size = 64,
    .optimizer = "adam",
    .lr = 0.001,
    .weight_decay = -1,
    .seed = 42,
};

static tn_optimizer *make_optimizer(tn_module *model, const tool_recipe *recipe)
{
    double decay = recipe->weight_decay;
    if (!strcmp(recipe->optimizer, "sgd"))
        return tn_optim_sgd(
            model,
            &(tn_sgd_options){.lr = recipe->lr, .momentum = recipe->momentum, .weight_decay = decay > 0 ? decay : 0});
    bool decoupled = !strcmp(recipe->optimizer, "adamw");
    /* To the library 0 means its default and, for AdamW, a negative number means none: here it is the other way. */
    tn_adam_options options = {.lr = recipe->lr,
                               .weight_decay = decay > 0   ? decay
                                               : decay < 0 ? 0
                                               : decoupled ? -1
                                                           : 0};
    return (decoupled ? tn_optim_adamw : tn_optim_adam)(model, &options);
}

static tn_scheduler *make_scheduler(tn_optimizer *optimizer, const tool_recipe *recipe)
{
    switch (recipe->schedule) {
    case TOOL_SCHEDULE_STEP: return tn_lr_step(optimizer, recipe->step_size, recipe->gamma);
    case TOOL_SCHEDULE_COSINE: return tn_lr_cosine(optimizer, recipe->epochs, 0);
    default: return NULL;
    }
}

static void step_of_program(void *arg, tn_tensor *const *in, tn_tensor **out);

void tool_training_init(tool_training *training, tn_context *tn, const tool_recipe *recipe)
{
    *training = (tool_training){.recipe = recipe, .tn = tn, .state = {.rng = true}};
    if (tn_check(tn)) return;
    training->data = tool_dataset(tn, &recipe->setup, true);
    if (training->data) tool_training_restart(training);
}

void tool_training_restart(tool_training *training)
{
    const tool_recipe *recipe = training->recipe;
    tn_context *tn = training->tn;
    tn_manual_seed(tn, recipe->seed);
    tn_module *model = tn_nn_model(tn, recipe->setup.model);
    if (model && recipe->dtype && tn_nn_to(model, recipe->dtype) != TN_OK) return;
    tn_optimizer *optimizer = model ? make_optimizer(model, recipe) : NULL;
    if (!optimizer) return;
    training->state.model = model;
    training->state.optimizer = optimizer;
    training->state.scheduler = make_scheduler(optimizer, recipe);
    training->state.loader = tn_loader_open(
        training->data, &(tn_loader_options){.batch_size = recipe->batch_size, .shuffle = true, .seed = recipe->seed});
    if (!training->loss_sum) training->loss_sum = tn_zeros(tn, TN_F32, TN_SCALAR);
    tn_program_reset(training->program); /* which has the old model in it */
    if (!training->program && !recipe->eager)
        training->program = tn_program_open(tn, "training step", step_of_program, training, 3, 0);
}

/* ---- a step */

static void end_phase(tool_training *training, tool_phase phase)
{
    if (training->ended) training->ended(training->ended_arg, phase);
}

static void add_loss(tool_training *training, tn_tensor *loss, int64_t n)
{
    bool was = tn_set_grad_enabled(training->tn, false);
    tn_copy_(training->loss_sum, tn_add(training->loss_sum, tn_mul_scalar(tn_cast(loss, TN_F32), (double)n)));
    tn_set_grad_enabled(training->tn, was);
}

static void learn(tool_training *training, const tn_raw_batch *raw)
{
    const tn_checkpoint *state = &training->state;
    tn_dtype dtype = training->recipe->dtype;
    tn_batch batch = tn_loader_decode(state->loader, raw);
    tn_tensor *x = dtype ? tn_cast(batch.x, dtype) : batch.x;
    end_phase(training, TOOL_DATA);
    tn_tensor *loss = tn_cross_entropy(tn_nn_forward(state->model, x), batch.y);
    end_phase(training, TOOL_FORWARD);
    tn_optim_zero_grad(state->optimizer);
    tn_backward(loss);
    end_phase(training, TOOL_BACKWARD);
    tn_optim_step(state->optimizer);
    end_phase(training, TOOL_OPTIMIZER);
    add_loss(training, loss, batch.n);
}

/* in: images, labels, rows of a raw batch. */
static void step_of_program(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    tool_training *training = arg;
    void (*ended)(void *arg, tool_phase phase) = training->ended;
    (void)out;
    training->ended = NULL; /* a replay would not tell */
    learn(training, &(tn_raw_batch){.images = in[0], .labels = in[1], .rows = in[2]});
    training->ended = ended;
}

bool tool_training_step(tool_training *training)
{
    tn_raw_batch raw;
    tn_mark mark = tn_begin(training->tn);
    bool more = tn_loader_next_raw(training->state.loader, &raw);
    if (more && training->program) {
        end_phase(training, TOOL_DATA);
        tn_program_run(training->program, (tn_tensor *[]){raw.images, raw.labels, raw.rows}, NULL);
    } else if (more)
        learn(training, &raw);
    if (more) training->unread += raw.n;
    tn_end(training->tn, mark, NULL);
    if (more) end_phase(training, TOOL_OTHER);
    return more && tn_check(training->tn) == TN_OK;
}

double tool_training_read_loss(tool_training *training, int64_t *images)
{
    double sum = tn_item(training->loss_sum);
    tn_fill_(training->loss_sum, 0);
    *images = training->unread;
    training->unread = 0;
    return sum;
}

/* ---- an epoch ----------------------------------------------------------------------------------------------- */

typedef struct progress {
    tool_meter meter;
    double started, loss_sum;
    double recent; /* mean loss between the last two readings */
    int64_t images, first, done, batches;
} progress;

/* Adds what was learnt since the last reading; an error if it is no number. */
static void read_loss(tool_training *training, progress *p)
{
    int64_t images;
    double sum = tool_training_read_loss(training, &images);
    if (images == 0) return;
    p->loss_sum += sum;
    p->images += images;
    p->recent = sum / (double)images;
    if (isfinite(sum) || training->recipe->allow_nan || tn_check(training->tn)) return;
    tn_raise(
        training->tn, TN_INVALID,
        "the loss became %s in epoch %lld, at or before step %lld of %lld: try a --lr below %g, or go on regardless "
        "with --allow-nan",
        isnan(sum) ? "NaN" : "infinite", (long long)tn_loader_epoch(training->state.loader) + 1, (long long)p->done,
        (long long)p->batches, training->recipe->lr);
}

static void show(progress *p)
{
    double elapsed = tool_now() - p->started, steps = (double)(p->done - p->first);
    double left = elapsed / steps * (double)(p->batches - p->done);
    char text[128];
    snprintf(text, sizeof text, "loss %#.4g  %s images/s  %s left", p->recent, TOOL_COUNT((double)p->images / elapsed),
             TOOL_TIME(left));
    tool_meter_draw(&p->meter, (double)p->done / (double)p->batches, text);
}

/* Steps until the epoch ends; true if it did. */
static bool run_steps(tool_training *training, progress *p, const volatile sig_atomic_t *stop)
{
    while (!(*stop && p->done < p->batches)) {
        if (!tool_training_step(training)) return tn_check(training->tn) == TN_OK;
        p->done++;
        bool due = tool_meter_due(&p->meter);
        if (p->done % READ_EVERY && !due) continue;
        read_loss(training, p);
        if (tn_check(training->tn)) return false;
        if (due) show(p);
    }
    return false;
}

tool_epoch tool_training_epoch(tool_training *training, bool quiet, const volatile sig_atomic_t *stop)
{
    tn_loader *loader = training->state.loader;
    tool_epoch epoch = {.number = tn_loader_epoch(loader) + 1};
    char label[64];
    snprintf(label, sizeof label, "epoch %lld/%lld", (long long)epoch.number, (long long)training->recipe->epochs);
    int64_t first = tn_loader_position(loader);
    progress p = {.started = tool_now(), .first = first, .done = first, .batches = tn_loader_batches(loader)};
    tool_meter_init(&p.meter, label, quiet);

    epoch.finished = run_steps(training, &p, stop);
    if (!tn_check(training->tn)) read_loss(training, &p);
    tool_meter_clear(&p.meter);
    epoch.finished = epoch.finished && !tn_check(training->tn);
    epoch.seconds = tool_now() - p.started;
    epoch.images = p.images;
    epoch.loss = p.images ? p.loss_sum / (double)p.images : NAN;
    return epoch;
}
