/* SPDX-License-Identifier: Apache-2.0
 *
 * What all optimizers share: the list of parameters, the state, the learning rate, and the frame of a step. */
#include "optim/optim.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- making */

static void release_entries(tn_optim_entry *entries, int n)
{
    for (int i = 0; entries && i < n; i++) {
        tn_release(entries[i].tensor);
        free(entries[i].name);
    }
    free(entries);
}

static void release(void *object)
{
    tn_optimizer *opt = object;
    release_entries(opt->params, opt->n_params);
    release_entries(opt->state, opt->n_state);
    tn_release(opt->lr_tensor);
    free(opt->lists.params);
    free(opt);
}

/* Appends to a list that has room. */
static bool add(tn_optim_entry *entries, int *n, char *name, tn_tensor *tensor)
{
    if (!name) return false;
    entries[(*n)++] = (tn_optim_entry){name, tn_retain(tensor)};
    return true;
}

/* A tensor that two modules share is stepped once. */
static bool is_known(const tn_optimizer *opt, const tn_tensor *param)
{
    for (int i = 0; i < opt->n_params; i++)
        if (opt->params[i].tensor == param) return true;
    return false;
}

static bool collect_params(tn_optimizer *opt, tn_module *model)
{
    int count = tn_nn_state_count(model);
    opt->params = calloc((size_t)count + 1, sizeof *opt->params);
    if (!opt->params) return false;
    for (int i = 0; i < count; i++) {
        const char *name;
        bool is_parameter;
        tn_tensor *tensor = tn_nn_state(model, i, &name, &is_parameter);
        if (!is_parameter || is_known(opt, tensor)) continue;
        if (!add(opt->params, &opt->n_params, strdup(name), tensor)) return false;
    }
    return true;
}

static bool make_state(tn_optimizer *opt)
{
    opt->state = calloc((size_t)opt->n_params * (size_t)opt->n_slots + 1, sizeof *opt->state);
    if (!opt->state) return false;
    if (opt->kind->counts && !add(opt->state, &opt->n_state, strdup("step"), tn_zeros(opt->tn, TN_I64, TN_SCALAR)))
        return false;
    for (int slot = 0; slot < opt->n_slots; slot++)
        for (int i = 0; i < opt->n_params; i++) {
            char *name;
            if (asprintf(&name, "%s.%s", opt->kind->slots[slot], opt->params[i].name) < 0) return false;
            if (!add(opt->state, &opt->n_state, name, tn_zeros_like(opt->params[i].tensor))) return false;
        }
    return true;
}

static bool make_lists(tn_optimizer *opt)
{
    size_t n = (size_t)opt->n_params;
    tn_tensor **room = calloc(n * (2 + TN_OPTIM_SLOTS) + 1, sizeof *room);
    opt->lists = (tn_optim_lists){.params = room, .grads = room + n};
    for (int slot = 0; slot < TN_OPTIM_SLOTS; slot++) opt->lists.state[slot] = room + n * (size_t)(2 + slot);
    return room != NULL;
}

bool tn__optim_range(tn_context *tn, const char *type, const char *name, double value, double low, double high)
{
    if (value >= low && value <= high) return true;
    if (high < HUGE_VAL)
        tn_raise(tn, TN_INVALID, "%s: %s is %g, it must lie in [%g, %g]", type, name, value, low, high);
    else
        tn_raise(tn, TN_INVALID, "%s: %s is %g, it must be at least %g", type, name, value, low);
    return false;
}

tn_optimizer *tn__optim_make(tn_module *model, const tn_optim_kind *kind, int n_slots, double lr)
{
    tn_context *tn = tn_nn_context(model);
    if (tn_check(tn) != TN_OK || !tn__optim_range(tn, kind->type, "lr", lr, 0, DBL_MAX)) return NULL;
    tn_optimizer *opt = calloc(1, sizeof *opt);
    if (!opt) goto no_memory;
    tn_on_close(tn, release, opt);
    *opt = (tn_optimizer){.tn = tn, .kind = kind, .n_slots = n_slots, .lr = lr, .initial_lr = NAN};
    if (!collect_params(opt, model) || !make_state(opt) || !make_lists(opt)) goto no_memory;
    opt->lr_tensor = tn_retain(tn_scalar(tn, TN_F64, lr));
    if (opt->n_params == 0)
        tn_raise(tn, TN_INVALID, "%s: the %s has no parameters to optimize", kind->type, tn_nn_type(model));
    return tn_check(tn) == TN_OK ? opt : NULL;
no_memory:
    tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory for the optimizer", kind->type);
    return NULL;
}

/* ---- a step */

void tn_optim_zero_grad(tn_optimizer *opt)
{
    for (int i = 0; opt && i < opt->n_params; i++) tn_set_grad(opt->params[i].tensor, NULL);
}

/* The parameters of a dtype that have a gradient. */
static void gather(tn_optimizer *opt, tn_dtype dtype)
{
    tn_optim_lists *lists = &opt->lists;
    lists->n = 0;
    for (int i = 0; i < opt->n_params; i++) {
        tn_tensor *param = opt->params[i].tensor;
        if (tn_dtype_of(param) != dtype || !tn_has_grad(param)) continue;
        lists->params[lists->n] = param;
        lists->grads[lists->n] = tn_grad_of(param);
        for (int slot = 0; slot < opt->n_slots; slot++)
            lists->state[slot][lists->n] = opt->state[opt->kind->counts + slot * opt->n_params + i].tensor;
        lists->n++;
    }
}

/* On the device, so that a step can be part of a program. */
static void count_step(tn_optimizer *opt)
{
    if (opt->kind->counts) tn_copy_(tn__optim_count(opt), tn_add_scalar(tn__optim_count(opt), 1));
}

static void step_all(tn_optimizer *opt)
{
    static const tn_dtype dtypes[] = {TN_F32, TN_F64};
    bool counted = false;
    for (int k = 0; k < 2; k++) {
        gather(opt, dtypes[k]);
        if (opt->lists.n == 0) continue;
        if (!counted) count_step(opt);
        counted = true;
        if (tn_check(opt->tn) == TN_OK) opt->kind->step(opt, &opt->lists);
    }
}

tn_status tn_optim_step(tn_optimizer *opt)
{
    if (!opt) return TN_INVALID;
    if (tn_check(opt->tn) != TN_OK) return tn_check(opt->tn);
    tn_mark mark = tn_begin(opt->tn);
    bool was = tn_set_grad_enabled(opt->tn, false);
    step_all(opt);
    tn_set_grad_enabled(opt->tn, was);
    tn_end(opt->tn, mark, NULL);
    return tn_check(opt->tn);
}

/* ---- looking */

double tn_optim_get_lr(const tn_optimizer *opt)
{
    return opt ? opt->lr : NAN;
}

void tn_optim_set_lr(tn_optimizer *opt, double lr)
{
    if (!opt || !tn__optim_range(opt->tn, opt->kind->type, "lr", lr, 0, DBL_MAX)) return;
    if (lr == opt->lr) return;
    if (tn_is_recording(opt->tn)) {
        tn_raise(
            opt->tn, TN_UNSUPPORTED,
            "%s: the host sets the learning rate (%g), which a function that is being recorded cannot: set it between "
            "runs",
            opt->kind->type, lr);
        return;
    }
    opt->lr = lr;
    tn_write(opt->lr_tensor, &lr, sizeof lr);
}

const char *tn_optim_type(const tn_optimizer *opt)
{
    return opt ? opt->kind->type : "";
}

int tn_optim_state_count(tn_optimizer *opt)
{
    return opt ? opt->n_state : 0;
}

tn_tensor *tn_optim_state(tn_optimizer *opt, int i, const char **name)
{
    if (name) *name = "";
    if (!opt) return NULL;
    if (i < 0 || i >= opt->n_state)
        return tn_raise(opt->tn, TN_INVALID, "%s: there is no state %d, it has %d", opt->kind->type, i, opt->n_state);
    if (name) *name = opt->state[i].name;
    return opt->state[i].tensor;
}
