/* SPDX-License-Identifier: Apache-2.0
 *
 * Template of softmax.c (for_each_real.h). */

/* n columns of `size` elements, which lie `stride` apart. The largest is subtracted first, so that nothing overflows;
 * sums are in f64. */
static void FN(columns)(const void *from, void *to, int64_t size, int64_t stride, int64_t n, bool logarithm)
{
    const REAL *x = from;
    REAL *y = to, top[WIDTH];
    double sum[WIDTH] = {0};
    for (int64_t i = 0; i < n; i++) top[i] = x[i];
    for (int64_t k = 1; k < size; k++)
        for (int64_t i = 0; i < n; i++) top[i] = x[k * stride + i] > top[i] ? x[k * stride + i] : top[i];
    for (int64_t k = 0; k < size; k++)
        for (int64_t i = 0; i < n; i++) {
            REAL e = MATH(exp)(x[k * stride + i] - top[i]);
            y[k * stride + i] = e;
            sum[i] += e;
        }
    for (int64_t i = 0; i < n; i++) sum[i] = logarithm ? log(sum[i]) : 1 / sum[i];
    for (int64_t k = 0; k < size; k++)
        for (int64_t i = 0; i < n; i++) {
            int64_t at = k * stride + i;
            y[at] = logarithm ? x[at] - top[i] - (REAL)sum[i] : y[at] * (REAL)sum[i];
        }
}
