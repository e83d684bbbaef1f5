/* SPDX-License-Identifier: Apache-2.0
 *
 * Template (for_each_real.h): average pooling of planes, and its gradient. */

static void FN(mean_planes)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const tn_pool2d *pool = &j->pool;
    for (int64_t plane = begin; plane < end; plane++) {
        const REAL *x = (const REAL *)j->from + plane * pool->image[0] * pool->image[1];
        REAL *y = (REAL *)j->to + plane * pool->out[0] * pool->out[1];
        for (int64_t row = 0; row < pool->out[0]; row++)
            for (int64_t col = 0; col < pool->out[1]; col++) {
                box b = box_of(j, row, col);
                REAL sum = 0;
                for (int64_t h = b.top; h < b.bottom; h++)
                    for (int64_t w = b.left; w < b.right; w++) sum += x[h * pool->image[1] + w];
                *y++ = b.divisor ? sum / (REAL)b.divisor : 0;
            }
    }
}

static void FN(spread_planes)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const tn_pool2d *pool = &j->pool;
    const int64_t pixels = pool->image[0] * pool->image[1];
    for (int64_t plane = begin; plane < end; plane++) {
        const REAL *dy = (const REAL *)j->from + plane * pool->out[0] * pool->out[1];
        REAL *dx = (REAL *)j->to + plane * pixels;
        for (int64_t i = 0; i < pixels; i++) dx[i] = 0;
        for (int64_t row = 0; row < pool->out[0]; row++)
            for (int64_t col = 0; col < pool->out[1]; col++, dy++) {
                box b = box_of(j, row, col);
                REAL share = b.divisor ? *dy / (REAL)b.divisor : 0;
                for (int64_t h = b.top; h < b.bottom; h++)
                    for (int64_t w = b.left; w < b.right; w++) dx[h * pool->image[1] + w] += share;
            }
    }
}
