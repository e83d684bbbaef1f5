/* SPDX-License-Identifier: Apache-2.0
 *
 * Template (for_each_real.h): moves one kernel column's cells between an image and a strip of windows. */

/* to[cell, window] = image, 0 outside of it */
static void FN(gather)(const tn_patches *shape, const strip *s, int64_t kernel_col, layout at, const void *image,
                       void *to)
{
    const REAL *x = image;
    const int64_t width = shape->image[1], stride = shape->stride[1], step = at.window_step;
    for (int64_t line = 0; line < shape->channels * shape->kernel[0]; line++) {
        int64_t channel = line / shape->kernel[0], kernel_row = line % shape->kernel[0];
        REAL *cell = (REAL *)to + cell_offset(at, line * shape->kernel[1] + kernel_col);
        for (int k = 0; k < s->n; k++) {
            const run *r = &s->runs[k];
            int64_t row = image_row(shape, r, kernel_row), from = (channel * shape->image[0] + row) * width + r->col;
            bool inside = row >= 0 && row < shape->image[0];
            int64_t begin = inside ? r->begin : r->n, end = inside ? r->end : r->n;
            REAL *restrict window = cell + r->lane * step;
            for (int64_t i = 0; i < begin; i++) window[i * step] = 0;
            for (int64_t i = begin; i < end; i++) window[i * step] = x[from + i * stride];
            for (int64_t i = end; i < r->n; i++) window[i * step] = 0;
        }
    }
}

/* image += from[cell, window] */
static void FN(scatter)(const tn_patches *shape, const strip *s, int64_t kernel_col, layout at, const void *from,
                        void *image)
{
    REAL *x = image;
    const int64_t width = shape->image[1], stride = shape->stride[1], step = at.window_step;
    for (int64_t line = 0; line < shape->channels * shape->kernel[0]; line++) {
        int64_t channel = line / shape->kernel[0], kernel_row = line % shape->kernel[0];
        const REAL *cell = (const REAL *)from + cell_offset(at, line * shape->kernel[1] + kernel_col);
        for (int k = 0; k < s->n; k++) {
            const run *r = &s->runs[k];
            int64_t row = image_row(shape, r, kernel_row), to = (channel * shape->image[0] + row) * width + r->col;
            const REAL *restrict window = cell + r->lane * step;
            if (row < 0 || row >= shape->image[0]) continue;
            for (int64_t i = r->begin; i < r->end; i++) x[to + i * stride] += window[i * step];
        }
    }
}
