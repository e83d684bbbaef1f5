/* SPDX-License-Identifier: Apache-2.0
 *
 * Template of adam_step.c (for_each_real.h). */

TN_MULTIVERSION static void FN(elements)(REAL *restrict p, const REAL *restrict grad, REAL *restrict m,
                                         REAL *restrict v, int64_t n, const adam *how)
{
    const REAL b1 = (REAL)how->beta1, b2 = (REAL)how->beta2, a1 = (REAL)(1 - how->beta1), a2 = (REAL)(1 - how->beta2);
    const REAL eps = (REAL)how->eps, keep = (REAL)how->keep, decay = (REAL)how->decay;
    const REAL rate = (REAL)how->rate, root = (REAL)how->root;
    for (int64_t i = 0; i < n; i++) {
        REAL x = p[i] * keep, g = grad[i] + decay * x;
        m[i] = FN(tn__faded)(b1 * m[i] + a1 * g);
        v[i] = FN(tn__faded)(b2 * v[i] + a2 * g * g);
        p[i] = x - rate * (m[i] / (MATH(sqrt)(v[i]) / root + eps));
    }
}

static void FN(update)(void *const at[TN_STEP_LISTS], int64_t n, const void *how)
{
    FN(elements)(at[P], at[G], at[M], at[V], n, how);
}
