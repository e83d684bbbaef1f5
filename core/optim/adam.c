/* SPDX-License-Identifier: Apache-2.0
 *
 * Adam and AdamW. State: step, exp_avg, exp_avg_sq. The two differ in where the weight decay goes. */
#include "optim/optim.h"

#include <float.h>

static void step(tn_optimizer *opt, const tn_optim_lists *lists)
{
    tn_adam_step_(lists->n, lists->params, lists->grads, lists->state[0], lists->state[1], opt->lr_tensor,
                  tn__optim_count(opt), &opt->attrs.adam);
}

static const tn_optim_kind adam = {"Adam", {"exp_avg", "exp_avg_sq"}, true, step};
static const tn_optim_kind adamw = {"AdamW", {"exp_avg", "exp_avg_sq"}, true, step};

static double or_default(double given, double otherwise)
{
    return given == 0 ? otherwise : given;
}

static bool check(tn_context *tn, const char *type, const tn_adam_options *o)
{
    const double below_1 = 1 - DBL_EPSILON / 2;
    return tn__optim_range(tn, type, "beta1", o->beta1, 0, below_1) &&
           tn__optim_range(tn, type, "beta2", o->beta2, 0, below_1) &&
           tn__optim_range(tn, type, "eps", o->eps, 0, DBL_MAX) &&
           tn__optim_range(tn, type, "weight_decay", o->weight_decay, 0, DBL_MAX);
}

static tn_optimizer *make(tn_module *model, const tn_optim_kind *kind, const tn_adam_options *options, bool decoupled)
{
    tn_adam_options o = {0};
    if (options) o = *options;
    o.lr = or_default(o.lr, 0.001);
    o.beta1 = or_default(o.beta1, 0.9);
    o.beta2 = or_default(o.beta2, 0.999);
    o.eps = or_default(o.eps, 1e-8);
    if (decoupled) o.weight_decay = o.weight_decay < 0 ? 0 : or_default(o.weight_decay, 0.01);
    if (!model || !check(tn_nn_context(model), kind->type, &o)) return NULL;
    tn_optimizer *opt = tn__optim_make(model, kind, 2, o.lr);
    if (!opt) return NULL;
    opt->attrs.adam = (tn_adam_step_attrs){.struct_size = sizeof opt->attrs.adam,
                                           .beta1 = o.beta1,
                                           .beta2 = o.beta2,
                                           .eps = o.eps,
                                           .weight_decay = o.weight_decay,
                                           .decoupled = decoupled};
    return opt;
}

tn_optimizer *tn_optim_adam(tn_module *model, const tn_adam_options *options)
{
    return make(model, &adam, options, false);
}

tn_optimizer *tn_optim_adamw(tn_module *model, const tn_adam_options *options)
{
    return make(model, &adamw, options, true);
}
