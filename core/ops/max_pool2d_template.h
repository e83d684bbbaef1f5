/* SPDX-License-Identifier: Apache-2.0
 *
 * Template (for_each_real.h): max pooling of one plane, its gradient, and the gradient of that. */

/* `n` windows of one output row, from output column `first`. */
TN_MULTIVERSION static void FN(max_windows)(const tn_pool2d *pool, int64_t out_row, int64_t first, int64_t n,
                                            const REAL *restrict x, REAL *restrict y, int32_t *restrict cell)
{
    const tn_window high = pool->window[0], wide = pool->window[1];
    const int64_t top = out_row * high.stride - high.padding, width = pool->image[1];
    start_cells(pool, top, first, n, cell);
    for (int64_t i = 0; i < n; i++) y[i] = -(REAL)INFINITY;
    for (int64_t kh = 0; kh < high.kernel; kh++) {
        int64_t row = top + kh * high.dilation;
        if (row < 0 || row >= pool->image[0]) continue;
        for (int64_t kw = 0; kw < wide.kernel; kw++) {
            int64_t col = first * wide.stride - wide.padding + kw * wide.dilation, begin, end;
            inside(col, wide.stride, width, n, &begin, &end);
            const int32_t here = (int32_t)(kh * wide.kernel + kw);
            const REAL *from = x + row * width;
            for (int64_t i = begin; i < end; i++) {
                REAL v = from[col + i * wide.stride];
                bool take = (v > y[i]) | ((v != v) & (y[i] == y[i])); /* the first NaN wins */
                y[i] = take ? v : y[i];
                cell[i] = take ? here : cell[i];
            }
        }
    }
}

static void FN(max_planes)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const tn_pool2d *pool = &j->pool;
    for (int64_t plane = begin; plane < end; plane++) {
        const REAL *x = (const REAL *)j->run->in[0] + plane * pool->image[0] * pool->image[1];
        for (int64_t row = 0; row < pool->out[0]; row++)
            for (int64_t col = 0; col < pool->out[1]; col += STRIP) {
                int32_t cell[STRIP];
                int64_t n = pool->out[1] - col < STRIP ? pool->out[1] - col : STRIP;
                int64_t at = (plane * pool->out[0] + row) * pool->out[1] + col;
                FN(max_windows)(pool, row, col, n, x, (REAL *)j->run->out[0] + at, cell);
                store_cells(j, at, n, cell);
            }
    }
}

static void FN(grad_planes)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const tn_pool2d *pool = &j->pool;
    const int64_t pixels = pool->image[0] * pool->image[1];
    for (int64_t plane = begin; plane < end; plane++) {
        REAL *dx = (REAL *)j->run->out[0] + plane * pixels;
        int64_t at = plane * pool->out[0] * pool->out[1];
        for (int64_t i = 0; i < pixels; i++) dx[i] = 0;
        for (int64_t row = 0; row < pool->out[0]; row++)
            for (int64_t col = 0; col < pool->out[1]; col++, at++) {
                int64_t pixel = pixel_of(j, at, row, col);
                if (pixel >= 0) dx[pixel] += ((const REAL *)j->run->in[0])[at];
            }
    }
}

static void FN(gather_planes)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const tn_pool2d *pool = &j->pool;
    for (int64_t plane = begin; plane < end; plane++) {
        const REAL *x = (const REAL *)j->run->in[0] + plane * pool->image[0] * pool->image[1];
        int64_t at = plane * pool->out[0] * pool->out[1];
        for (int64_t row = 0; row < pool->out[0]; row++)
            for (int64_t col = 0; col < pool->out[1]; col++, at++) {
                int64_t pixel = pixel_of(j, at, row, col);
                ((REAL *)j->run->out[0])[at] = pixel >= 0 ? x[pixel] : 0;
            }
    }
}
