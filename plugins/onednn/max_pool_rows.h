/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops of max_pool2d.c for one type of index. Included once for each, with INDEX the type and FN(name) the name
 * with a suffix for it. */

/* One window, one channel: the first largest wins, NaN before all. */
DN_INLINE void FN(largest)(const dn_window *w, const float *image, const span *down, const span *across, float *y,
                           INDEX *index)
{
    float best = -INFINITY;
    int64_t which = -1;
    for (int64_t kh = down->first; kh < down->end; kh++)
        for (int64_t kw = across->first; kw < across->end; kw++) {
            const float x = image[place(w, down, across, kh, kw)];
            if (which >= 0 && !(x > best || (x != x && best == best))) continue;
            best = x;
            which = kh * w->kernel[1] + kw;
        }
    if (which < 0) which = beginning(w, down, across);
    *y = best;
    *index = (INDEX)which;
}

/* The same for LANES channels at once. */
DN_INLINE void FN(largest_lanes)(const dn_window *w, const float *image, const span *down, const span *across, float *y,
                                 INDEX *index)
{
    typedef INDEX indices __attribute__((vector_size(LANES * sizeof(INDEX)), aligned(sizeof(INDEX)), may_alias));
    floats best = *(const floats *)(image + place(w, down, across, down->first, across->first));
    ints which = (ints){0} + (int32_t)(down->first * w->kernel[1] + across->first);
    for (int64_t kh = down->first; kh < down->end; kh++)
        for (int64_t kw = across->first; kw < across->end; kw++) {
            const floats x = *(const floats *)(image + place(w, down, across, kh, kw));
            const ints wins = (x > best) | ((x != x) & (best == best));
            best = (floats)(((ints)x & wins) | ((ints)best & ~wins));
            which = (((ints){0} + (int32_t)(kh * w->kernel[1] + kw)) & wins) | (which & ~wins);
        }
    *(floats *)y = best;
    *(indices *)index = __builtin_convertvector(which, indices);
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
            int64_t c = 0;
            if (down.first < down.end && across.first < across.end)
                for (; c + LANES <= channels; c += LANES)
                    FN(largest_lanes)(w, image + c, &down, &across, y + c, index + c);
            for (; c < channels; c++) FN(largest)(w, image + c, &down, &across, y + c, index + c);
        }
    }
}

/* dx += dy where the index names this cell. */
DN_INLINE void FN(add_where)(int64_t channels, const float *dy, const INDEX *index, INDEX cell, float *dx)
{
    typedef INDEX indices __attribute__((vector_size(LANES * sizeof(INDEX)), aligned(sizeof(INDEX)), may_alias));
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        const ints which = __builtin_convertvector(*(const indices *)(index + c), ints);
        *(floats *)(dx + c) += (floats)(*(const ints *)(dy + c) & (which == (int32_t)cell));
    }
    for (; c < channels; c++) dx[c] += index[c] == cell ? dy[c] : 0;
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
                    FN(add_where)(channels, dy, index, (INDEX)(kh * w->kernel[1] + kw), dx + column * channels);
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
