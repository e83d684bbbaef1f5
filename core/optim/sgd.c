/* SPDX-License-Identifier: Apache-2.0
 *
 * SGD with momentum, Nesterov's or the plain one, and weight decay. State, with momentum: momentum_buffer. */
#include "optim/optim.h"

#include <float.h>

static void step(tn_optimizer *opt, const tn_optim_lists *lists)
{
    tn_tensor *const *momentum = opt->n_slots > 0 ? lists->state[0] : NULL;
    tn_sgd_step_(lists->n, lists->params, lists->grads, momentum, opt->lr_tensor, &opt->attrs.sgd);
}

static const tn_optim_kind kind = {.type = "SGD", .slots = {"momentum_buffer"}, .step = step};

static bool check(tn_context *tn, const tn_sgd_options *given)
{
    if (given->lr == 0)
        tn_raise(tn, TN_INVALID, "SGD: lr is not given; it has no default");
    else if (given->nesterov && given->momentum == 0)
        tn_raise(tn, TN_INVALID, "SGD: nesterov needs a momentum above 0");
    else
        return tn__optim_range(tn, kind.type, "momentum", given->momentum, 0, DBL_MAX) &&
               tn__optim_range(tn, kind.type, "weight_decay", given->weight_decay, 0, DBL_MAX);
    return false;
}

tn_optimizer *tn_optim_sgd(tn_module *model, const tn_sgd_options *options)
{
    tn_sgd_options given = {0};
    if (options) given = *options;
    if (!model || !check(tn_nn_context(model), &given)) return NULL;
    tn_optimizer *opt = tn__optim_make(model, &kind, given.momentum != 0, given.lr);
    if (!opt) return NULL;
    opt->attrs.sgd = (tn_sgd_step_attrs){.struct_size = sizeof opt->attrs.sgd,
                                         .momentum = given.momentum,
                                         .weight_decay = given.weight_decay,
                                         .nesterov = given.nesterov};
    return opt;
}
