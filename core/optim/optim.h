/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to core/optim: what an optimizer and a scheduler are. */
#ifndef TENON_OPTIM_H
#define TENON_OPTIM_H

#include "tenon.h"

enum { TN_OPTIM_SLOTS = 2 };

/* The tensors of one step, all of one dtype: the parameters that have a gradient, their gradients and their state. */
typedef struct tn_optim_lists {
    int n;
    tn_tensor **params, **grads, **state[TN_OPTIM_SLOTS];
} tn_optim_lists;

/* What a kind of optimizer does. */
typedef struct tn_optim_kind {
    const char *type;                  /* "Adam" */
    const char *slots[TN_OPTIM_SLOTS]; /* names of the state of one parameter: "exp_avg" */
    bool counts;                       /* has a count of steps among its state */
    void (*step)(tn_optimizer *opt, const tn_optim_lists *lists);
} tn_optim_kind;

typedef struct tn_optim_entry {
    char *name;
    tn_tensor *tensor; /* retained */
} tn_optim_entry;

struct tn_optimizer {
    tn_context *tn;
    const tn_optim_kind *kind;
    tn_optim_entry *params; /* each tensor once */
    int n_params;
    /* For checkpoints: the count of steps if there is one, then slot after slot a tensor for each parameter. */
    tn_optim_entry *state;
    int n_state, n_slots;
    tn_optim_lists lists; /* room for all parameters */
    double lr;
    double initial_lr; /* before any scheduler changed it; NAN if there is none */
    tn_tensor *lr_tensor;
    union {
        tn_sgd_step_attrs sgd;
        tn_adam_step_attrs adam;
    } attrs;
};

/* An optimizer of all parameters of the model, with state of zeros; n_slots: how many of the kind's slots it uses.
 * NULL after raising. */
tn_optimizer *tn__optim_make(tn_module *model, const tn_optim_kind *kind, int n_slots, double lr);
/* The tensor that counts the steps. */
static inline tn_tensor *tn__optim_count(const tn_optimizer *opt)
{
    return opt->state[0].tensor;
}
/* Is value in [low, high]? If not, raises "<type>: <name> is <value>, it must lie in [low, high]". */
bool tn__optim_range(tn_context *tn, const char *type, const char *name, double value, double low, double high);

typedef struct tn_lr_kind {
    const char *type; /* "StepLR" */
    double (*rate)(const tn_scheduler *self, int64_t epoch);
} tn_lr_kind;

struct tn_scheduler {
    tn_optimizer *opt;
    const tn_lr_kind *kind;
    double base_lr;
    int64_t epoch;
    int64_t length; /* step_size, t_max, total */
    double value;   /* gamma, eta_min, start_factor */
    int64_t *milestones;
    int n_milestones;
};

#endif
