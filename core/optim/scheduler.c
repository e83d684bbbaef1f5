/* SPDX-License-Identifier: Apache-2.0
 *
 * Learning-rate schedules, in closed form: the rate depends on the base rate and the epoch alone, so that a schedule
 * can be set to any epoch. */
#include "optim/optim.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* rate * gamma^n, multiplied one by one as PyTorch does, so that the digits agree. Nobody sees those beyond. */
static double decay(double rate, double gamma, int64_t n)
{
    if (n > 10000) return rate * pow(gamma, (double)n);
    while (n-- > 0) rate *= gamma;
    return rate;
}

static double step_rate(const tn_scheduler *self, int64_t epoch)
{
    return decay(self->base_lr, self->value, epoch / self->length);
}

static double multi_step_rate(const tn_scheduler *self, int64_t epoch)
{
    int passed = 0;
    for (int i = 0; i < self->n_milestones; i++) passed += self->milestones[i] <= epoch;
    return decay(self->base_lr, self->value, passed);
}

static double cosine_rate(const tn_scheduler *self, int64_t epoch)
{
    double angle = acos(-1) * (double)epoch / (double)self->length;
    return self->value + (self->base_lr - self->value) * (1 + cos(angle)) / 2;
}

static double warmup_rate(const tn_scheduler *self, int64_t epoch)
{
    double done = epoch < self->length ? (double)epoch / (double)self->length : 1;
    return self->base_lr * (self->value + (1 - self->value) * done);
}

static const tn_lr_kind step_kind = {"StepLR", step_rate};
static const tn_lr_kind multi_step_kind = {"MultiStepLR", multi_step_rate};
static const tn_lr_kind cosine_kind = {"CosineAnnealingLR", cosine_rate};
static const tn_lr_kind warmup_kind = {"LinearLR", warmup_rate};

static void release(void *object)
{
    tn_scheduler *self = object;
    free(self->milestones);
    free(self);
}

static bool check(tn_optimizer *opt, const tn_lr_kind *kind, int64_t length, const char *name, double value, double low,
                  double high)
{
    if (!opt || !tn__optim_range(opt->tn, kind->type, name, value, low, high)) return false;
    if (length >= 1) return true;
    tn_raise(opt->tn, TN_INVALID, "%s: the length is %" PRId64 ", it must be at least 1", kind->type, length);
    return false;
}

/* The base rate is the optimizer's first: a second schedule does not start from what the first one has set. */
static tn_scheduler *make(tn_optimizer *opt, const tn_lr_kind *kind, int64_t length, double value)
{
    tn_scheduler *self = calloc(1, sizeof *self);
    if (!self) {
        tn_raise(opt->tn, TN_OUT_OF_MEMORY, "%s: no memory for the schedule", kind->type);
        return NULL;
    }
    if (isnan(opt->initial_lr)) opt->initial_lr = opt->lr;
    *self = (tn_scheduler){.opt = opt, .kind = kind, .base_lr = opt->initial_lr, .length = length, .value = value};
    tn_on_close(opt->tn, release, self);
    return self;
}

static tn_scheduler *start(tn_scheduler *self)
{
    tn_lr_set_epoch(self, 0);
    return self;
}

tn_scheduler *tn_lr_step(tn_optimizer *opt, int64_t step_size, double gamma)
{
    if (!check(opt, &step_kind, step_size, "gamma", gamma, 0, DBL_MAX)) return NULL;
    return start(make(opt, &step_kind, step_size, gamma));
}

tn_scheduler *tn_lr_multi_step(tn_optimizer *opt, int n, const int64_t *milestones, double gamma)
{
    if (!check(opt, &multi_step_kind, 1, "gamma", gamma, 0, DBL_MAX)) return NULL;
    if (n < 0 || (n > 0 && !milestones)) {
        tn_raise(opt->tn, TN_INVALID, "%s: there are %d milestones, and their list is %s", multi_step_kind.type, n,
                 milestones ? "given" : "NULL");
        return NULL;
    }
    tn_scheduler *self = make(opt, &multi_step_kind, 1, gamma);
    if (!self || n == 0) return start(self);
    self->milestones = calloc((size_t)n, sizeof *milestones);
    if (!self->milestones) {
        tn_raise(opt->tn, TN_OUT_OF_MEMORY, "%s: no memory for %d milestones", multi_step_kind.type, n);
        return NULL;
    }
    memcpy(self->milestones, milestones, (size_t)n * sizeof *milestones);
    self->n_milestones = n;
    return start(self);
}

tn_scheduler *tn_lr_cosine(tn_optimizer *opt, int64_t t_max, double eta_min)
{
    if (!check(opt, &cosine_kind, t_max, "eta_min", eta_min, 0, DBL_MAX)) return NULL;
    return start(make(opt, &cosine_kind, t_max, eta_min));
}

tn_scheduler *tn_lr_linear_warmup(tn_optimizer *opt, double start_factor, int64_t total)
{
    if (!check(opt, &warmup_kind, total, "start_factor", start_factor, 0, 1)) return NULL;
    return start(make(opt, &warmup_kind, total, start_factor));
}

void tn_lr_advance(tn_scheduler *self)
{
    if (self) tn_lr_set_epoch(self, self->epoch + 1);
}

int64_t tn_lr_epoch(const tn_scheduler *self)
{
    return self ? self->epoch : 0;
}

void tn_lr_set_epoch(tn_scheduler *self, int64_t epoch)
{
    if (!self) return;
    if (epoch < 0) {
        tn_raise(self->opt->tn, TN_INVALID, "%s: the epoch is %" PRId64 ", it must be at least 0", self->kind->type,
                 epoch);
        return;
    }
    self->epoch = epoch;
    tn_optim_set_lr(self->opt, self->kind->rate(self, epoch));
}
