/* SPDX-License-Identifier: Apache-2.0
 *
 * Template (for_each_real.h): the loops over the pixels of a channel. Sums are taken in f64, in lanes, so that they
 * are exact enough and a compiler may use vectors. */

/* Sum of x[i] - shift, and of its square, are added to sums. */
TN_MULTIVERSION static void FN(add_moments)(const REAL *x, int64_t n, double shift, double sums[2])
{
    double sum[LANES] = {0}, squares[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double v = (double)x[i + lane] - shift;
            sum[lane] += v;
            squares[lane] += v * v;
        }
    for (; i < n; i++) {
        double v = (double)x[i] - shift;
        sum[0] += v;
        squares[0] += v * v;
    }
    for (int lane = 0; lane < LANES; lane++) {
        sums[0] += sum[lane];
        sums[1] += squares[lane];
    }
}

/* Sum of dy, and of dy times the normalised x, are added to sums. */
TN_MULTIVERSION static void FN(add_products)(const REAL *dy, const REAL *x, int64_t n, double mean, double rstd,
                                             double sums[2])
{
    double sum[LANES] = {0}, products[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            sum[lane] += (double)dy[i + lane];
            products[lane] += (double)dy[i + lane] * (((double)x[i + lane] - mean) * rstd);
        }
    for (; i < n; i++) {
        sum[0] += (double)dy[i];
        products[0] += (double)dy[i] * (((double)x[i] - mean) * rstd);
    }
    for (int lane = 0; lane < LANES; lane++) {
        sums[0] += sum[lane];
        sums[1] += products[lane];
    }
}

/* y = (x - mean) * scale + bias */
TN_MULTIVERSION static void FN(normalise)(const REAL *restrict x, REAL *restrict y, int64_t n, REAL mean, REAL scale,
                                          REAL bias)
{
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale + bias;
}

/* dx = scale * dy + slope * (x - mean) + shift */
TN_MULTIVERSION static void FN(denormalise)(const REAL *restrict dy, const REAL *restrict x, REAL *restrict dx,
                                            int64_t n, REAL mean, REAL scale, REAL slope, REAL shift)
{
    for (int64_t i = 0; i < n; i++) dx[i] = scale * dy[i] + slope * (x[i] - mean) + shift;
}

/* Element i of an optional array. */
static double FN(element)(const void *array, int64_t i, double otherwise)
{
    return array ? (double)((const REAL *)array)[i] : otherwise;
}

static void FN(update)(void *running, int64_t c, double momentum, double value)
{
    REAL *r = (REAL *)running + c;
    *r = (REAL)((1 - momentum) * (double)*r + momentum * value);
}

/* Where channel c of image n begins. */
static int64_t FN(plane)(const job *j, int64_t n, int64_t c)
{
    return (n * j->channels + c) * j->pixels;
}

/* Mean and biased variance of channel c; the second pass corrects what rounding did to the mean. */
static void FN(measure)(const job *j, int64_t c, double *mean, double *variance)
{
    const REAL *x = j->run->in[0];
    double first[2] = {0, 0}, second[2] = {0, 0};
    for (int64_t n = 0; n < j->images; n++) FN(add_moments)(x + FN(plane)(j, n, c), j->pixels, 0, first);
    *mean = first[0] / j->count;
    for (int64_t n = 0; n < j->images; n++) FN(add_moments)(x + FN(plane)(j, n, c), j->pixels, *mean, second);
    *variance = (second[1] - second[0] * second[0] / j->count) / j->count;
}

static void FN(forward)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const tn_batch_norm2d_attrs *how = j->run->attrs;
    void *const *in = j->run->in, *const *out = j->run->out;
    for (int64_t c = begin; c < end; c++) {
        double mean = FN(element)(j->running_mean, c, 0), variance = FN(element)(j->running_var, c, 0);
        if (how->training && j->count > 0) {
            FN(measure)(j, c, &mean, &variance);
            if (j->running_mean) FN(update)(j->running_mean, c, how->momentum, mean);
            if (j->running_var) FN(update)(j->running_var, c, how->momentum, variance * j->count / (j->count - 1));
        }
        double rstd = 1 / sqrt(variance + how->eps);
        ((REAL *)out[1])[c] = (REAL)mean;
        ((REAL *)out[2])[c] = (REAL)rstd;
        for (int64_t n = 0; n < j->images; n++) {
            int64_t at = FN(plane)(j, n, c);
            FN(normalise)
            ((const REAL *)in[0] + at, (REAL *)out[0] + at, j->pixels, (REAL)mean,
             (REAL)(rstd * FN(element)(j->weight, c, 1)), (REAL)FN(element)(j->bias, c, 0));
        }
    }
}

static void FN(backward)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const tn_batch_norm2d_grad_attrs *how = j->run->attrs;
    const REAL *dy = j->run->in[0], *x = j->run->in[1];
    REAL *dx = j->run->out[0];
    for (int64_t c = begin; c < end; c++) {
        double mean = FN(element)(j->run->in[3], c, 0), rstd = FN(element)(j->run->in[4], c, 1), sums[2] = {0, 0};
        for (int64_t n = 0; n < j->images; n++) {
            int64_t at = FN(plane)(j, n, c);
            FN(add_products)(dy + at, x + at, j->pixels, mean, rstd, sums);
        }
        ((REAL *)j->run->out[1])[c] = (REAL)sums[1];
        ((REAL *)j->run->out[2])[c] = (REAL)sums[0];
        double scale = rstd * FN(element)(j->weight, c, 1), slope = 0, shift = 0;
        if (how->training && j->count > 0) {
            slope = -scale * rstd * sums[1] / j->count;
            shift = -scale * sums[0] / j->count;
        }
        for (int64_t n = 0; n < j->images; n++) {
            int64_t at = FN(plane)(j, n, c);
            FN(denormalise)(dy + at, x + at, dx + at, j->pixels, (REAL)mean, (REAL)scale, (REAL)slope, (REAL)shift);
        }
    }
}
