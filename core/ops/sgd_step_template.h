/* SPDX-License-Identifier: Apache-2.0
 *
 * Template of sgd_step.c (for_each_real.h). */

TN_MULTIVERSION static void FN(plain)(REAL *restrict p, const REAL *restrict g, int64_t n, REAL lr, REAL decay)
{
    for (int64_t i = 0; i < n; i++) p[i] -= lr * (g[i] + decay * p[i]);
}

TN_MULTIVERSION static void FN(momentum)(REAL *restrict p, const REAL *restrict g, REAL *restrict v, int64_t n, REAL lr,
                                         REAL decay, REAL momentum)
{
    for (int64_t i = 0; i < n; i++) {
        v[i] = FN(tn__faded)(momentum * v[i] + (g[i] + decay * p[i]));
        p[i] -= lr * v[i];
    }
}

TN_MULTIVERSION static void FN(nesterov)(REAL *restrict p, const REAL *restrict g, REAL *restrict v, int64_t n, REAL lr,
                                         REAL decay, REAL momentum)
{
    for (int64_t i = 0; i < n; i++) {
        REAL slope = g[i] + decay * p[i];
        v[i] = FN(tn__faded)(momentum * v[i] + slope);
        p[i] -= lr * (slope + momentum * v[i]);
    }
}

static void FN(update)(void *const at[TN_STEP_LISTS], int64_t n, const void *how)
{
    const sgd *s = how;
    REAL lr = (REAL)s->lr, decay = (REAL)s->attrs->weight_decay, momentum = (REAL)s->attrs->momentum;
    if (!at[V])
        FN(plain)(at[P], at[G], n, lr, decay);
    else if (s->attrs->nesterov)
        FN(nesterov)(at[P], at[G], at[V], n, lr, decay, momentum);
    else
        FN(momentum)(at[P], at[G], at[V], n, lr, decay, momentum);
}
