/* SPDX-License-Identifier: Apache-2.0
 *
 * Template of cross_entropy.c (for_each_real.h). */

/* p = softmax(x) of one row; returns the loss of `target`. */
static double FN(row)(const REAL *x, REAL *p, int64_t classes, int64_t target)
{
    REAL top = x[0];
    double sum = 0;
    for (int64_t c = 1; c < classes; c++) top = x[c] > top ? x[c] : top;
    for (int64_t c = 0; c < classes; c++) {
        p[c] = MATH(exp)(x[c] - top);
        sum += p[c];
    }
    for (int64_t c = 0; c < classes; c++) p[c] = (REAL)(p[c] / sum);
    return log(sum) - ((double)x[target] - top);
}

static void FN(forward)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = (const REAL *)j->x + i * j->classes;
        j->losses[i] = FN(row)(x, (REAL *)j->y + i * j->classes, j->classes, j->target[i]);
    }
}

static void FN(backward)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    REAL scale = (REAL)(*(const REAL *)j->dy / (double)j->n);
    for (int64_t i = begin; i < end; i++) {
        const REAL *p = (const REAL *)j->x + i * j->classes;
        REAL *dx = (REAL *)j->y + i * j->classes;
        for (int64_t c = 0; c < j->classes; c++) dx[c] = p[c] * scale;
        dx[j->target[i]] = (p[j->target[i]] - 1) * scale;
    }
}
