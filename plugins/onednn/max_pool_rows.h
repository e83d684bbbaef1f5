/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops of max_pool2d.c for one type of index. Included once for each, with INDEX the type and FN(name) the name
 * with a suffix for it. */

/* One window, n <= BLOCK channels of it. */
DN_INLINE void FN(largest)(const dn_window *w, const float *image, const span *down, const span *across, int64_t n,
                           float *best, INDEX *index)
{
    int32_t which[BLOCK];
    start(w, image, down, across, n, best, which);
    for (int64_t kh = down->first; kh < down->end; kh++)
        for (int64_t kw = across->first; kw < across->end; kw++)
            keep_larger(n, image + place(w, down, across, kh, kw), (int32_t)(kh * w->kernel[1] + kw), best, which);
    DN_INDEPENDENT for (int64_t c = 0; c < n; c++) index[c] = (INDEX)which[c];
}

/* Rows of y, counted over all images. */
DN_MULTIVERSION static void FN(largest_rows)(void *arg, int64_t begin, int64_t end)
{
    const job *all = arg;
    const dn_window *w = &all->window;
    const int64_t channels = w->channels;
    for (int64_t row = begin; row < end; row++) {
        const float *image = (const float *)all->at[0] + row / w->out_height * w->height * w->width * channels;
        const span down = span_of(w, 0, row % w->out_height);
        for (int64_t q = 0; q < w->out_width; q++) {
            const span across = span_of(w, 1, q);
            float *y = (float *)all->at[1] + (row * w->out_width + q) * channels;
            INDEX *index = (INDEX *)all->at[2] + (row * w->out_width + q) * channels;
            for (int64_t c = 0; c < channels; c += BLOCK)
                FN(largest)(w, image + c, &down, &across, dn_min(BLOCK, channels - c), y + c, index + c);
        }
    }
}

/* Rows of dx, counted over all images. */
DN_MULTIVERSION static void FN(grad_rows)(void *arg, int64_t begin, int64_t end)
{
    const job *all = arg;
    const dn_window *w = &all->window;
    const int64_t channels = w->channels;
    for (int64_t row = begin; row < end; row++) {
        float *dx = (float *)all->at[2] + row * w->width * channels;
        const int64_t n = row / w->height, h = row % w->height;
        memset(dx, 0, (size_t)(w->width * channels) * sizeof *dx);
        for (int64_t kh = 0; kh < w->kernel[0]; kh++) {
            const int64_t p = dn_window_of_row(w, h, kh);
            if (p < 0) continue;
            const int64_t out = (n * w->out_height + p) * w->out_width * channels;
            const float *dy = (const float *)all->at[0] + out;
            const INDEX *index = (const INDEX *)all->at[1] + out;
            for (int64_t q = 0; q < w->out_width; q++, dy += channels, index += channels) {
                for (int64_t kw = 0; kw < w->kernel[1]; kw++) {
                    const int64_t column = dn_window_cell(w, 1, q, kw);
                    if (column < 0 || column >= w->width) continue;
                    const INDEX cell = (INDEX)(kh * w->kernel[1] + kw);
                    float *to = dx + column * channels;
                    DN_INDEPENDENT for (int64_t c = 0; c < channels; c++) to[c] += index[c] == cell ? dy[c] : 0;
                }
            }
        }
    }
}

/* Rows of y, counted over all images. */
static void FN(gather_rows)(void *arg, int64_t begin, int64_t end)
{
    const job *all = arg;
    const dn_window *w = &all->window;
    const int64_t channels = w->channels;
    for (int64_t row = begin; row < end; row++) {
        const float *image = (const float *)all->at[0] + row / w->out_height * w->height * w->width * channels;
        const INDEX *index = (const INDEX *)all->at[1] + row * w->out_width * channels;
        float *y = (float *)all->at[2] + row * w->out_width * channels;
        for (int64_t i = 0; i < w->out_width * channels; i++) {
            const int64_t h = dn_window_cell(w, 0, row % w->out_height, index[i] / w->kernel[1]);
            const int64_t column = dn_window_cell(w, 1, i / channels, index[i] % w->kernel[1]);
            const int inside = h >= 0 && h < w->height && column >= 0 && column < w->width;
            y[i] = inside ? image[(h * w->width + column) * channels + i % channels] : 0;
        }
    }
}
