/* SPDX-License-Identifier: Apache-2.0
 *
 * A training run: what it is made of, and how it goes through an epoch. Used by train.c and the benchmark. */
#ifndef TENON_TRAINING_H
#define TENON_TRAINING_H

#include "tool.h"

enum { TOOL_SCHEDULE_NONE, TOOL_SCHEDULE_STEP, TOOL_SCHEDULE_COSINE };

typedef struct tool_recipe {
    tool_setup setup;
    tn_dtype dtype; /* of weights and activations; 0: f32 */
    int64_t epochs, batch_size;
    const char *optimizer; /* "adam", "adamw" or "sgd" */
    double lr, momentum;
    double weight_decay; /* negative: the optimizer's default */
    int schedule;        /* TOOL_SCHEDULE_* */
    int64_t step_size;
    double gamma;
    uint64_t seed;
    bool allow_nan;
    bool eager; /* operator by operator, not as a program */
} tool_recipe;
extern const tool_recipe tool_default_recipe;

/* What a step consists of, in this order. A program is one piece: all but TOOL_DATA is TOOL_OTHER. */
typedef enum tool_phase { TOOL_DATA, TOOL_FORWARD, TOOL_BACKWARD, TOOL_OPTIMIZER, TOOL_OTHER, TOOL_PHASES } tool_phase;

typedef struct tool_training {
    const tool_recipe *recipe;
    tn_context *tn;
    tn_dataset *data;
    tn_checkpoint state;                        /* model, optimizer, scheduler (NULL without a schedule), loader */
    tn_tensor *loss_sum;                        /* on the device, since it was last read */
    int64_t unread;                             /* images in loss_sum */
    tn_program *program;                        /* a step, from the bytes of a batch on; NULL: eager */
    void (*ended)(void *arg, tool_phase phase); /* told of the end of each phase of a step; may be NULL */
    void *ended_arg;
} tool_training;

/* Reads the data, then does the same as the next; an error is left in the context. */
void tool_training_init(tool_training *training, tn_context *tn, const tool_recipe *recipe);
/* Builds model, optimizer, schedule and loader anew from the recipe's seed. */
void tool_training_restart(tool_training *training);
/* One batch, forward to optimizer step. False at the end of the epoch and on error. */
bool tool_training_step(tool_training *training);
/* Reads the sum of the losses of all images since the last call, and how many these are. Waits for the device. */
double tool_training_read_loss(tool_training *training, int64_t *images);

typedef struct tool_epoch {
    int64_t number; /* from 1 */
    double loss;    /* mean over the images seen */
    double seconds;
    int64_t images;
    bool finished; /* false: stopped by *stop, or by an error in the context */
} tool_epoch;
/* Trains to the end of the epoch, showing how far it is. */
tool_epoch tool_training_epoch(tool_training *training, bool quiet, const volatile sig_atomic_t *stop);

#endif
