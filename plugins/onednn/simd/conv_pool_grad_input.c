/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of the input. Lanes are input channels. In each window, output channels are sorted by the place of their
 * maximum, those without a gradient left out; what the rest contribute to the window's 4 x 4 pixels is summed in
 * registers and then added to dx. */
#include "simd.h"

#include "pooled.h"

typedef dn_conv_pool_grad_input_job job;

/* The output channels of one window that have a gradient, by place. */
typedef struct sorted {
    const int32_t *first, *end[4];
} sorted;

enum { MOST_WINDOWS = 64, ROOM = 2 * DN_POOLED_MOST_OUT };

/* `to` has room for one more vector than there are channels. */
DN_INLINE sorted sort_window(int64_t out, const float *dy, const uint8_t *index, int32_t *to)
{
    sorted by = {.first = to};
    dn_mask number = {0};
    for (int k = 0; k < DN_LANES; k++) number[k] = k;
    for (int k = 0; k < 4; k++) {
        for (int64_t o = 0; o < out; o += DN_LANES) {
            const dn_mask zero = ((dn_mask)dn_load_some(dy + o, out - o) & INT32_MAX) == 0;
            to += dn_pack((dn_load_bytes(index + o, out - o) == k) & ~zero, number + (int32_t)o, to);
        }
        by.end[k] = to;
    }
    return by;
}

/* dx of one window's pixels and n <= DN_LANES input channels += what its maxima contribute. */
DN_INLINE void add_window(const job *j, const float *dy, const sorted *by, const float *w, int64_t n, float *dx)
{
    const int64_t in = j->at.in, row = j->at.width * in;
    const int32_t *o = by->first;
    dn_vec sum[16] = {{0}};
    DN_UNROLL for (int k = 0; k < 4; k++)
    {
        for (const int32_t *const end = by->end[k]; o < end; o++) {
            const dn_vec all = dn_all(dy[*o]);
            const float *weight = w + *o * (DN_TAPS * DN_LANES);
            DN_UNROLL for (int t = 0; t < DN_TAPS; t++) sum[(k / 2 + t / 3) * 4 + k % 2 + t % 3] +=
                all * dn_load(weight + t * DN_LANES);
        }
    }
    DN_UNROLL for (int p = 0; p < 16; p++)
    {
        float *to = dx + p / 4 * row + p % 4 * in;
        dn_store_some(to, dn_load_some(to, n) + sum[p], n);
    }
}

/* Windows [first, first + n) of an image. */
static void add_windows(const job *j, const float *dy, const uint8_t *index, int64_t first, int64_t n, float *dx)
{
    const dn_conv_pool *at = &j->at;
    const float *w = j->w;
    sorted by[MOST_WINDOWS];
    int32_t channel[ROOM];
    for (int64_t i = 0; i < n; i++)
        by[i] = sort_window(at->out, dy + (first + i) * at->out, index + (first + i) * at->out,
                            channel + i * (at->out + DN_LANES));
    for (int64_t c = 0; c < at->in; c += DN_LANES, w += at->out * DN_TAPS * DN_LANES)
        for (int64_t i = 0; i < n; i++) {
            const int64_t row = (first + i) / at->columns, column = (first + i) % at->columns;
            const float *of = dy + (first + i) * at->out;
            float *to = dx + (row * at->step[0] * at->width + column * at->step[1]) * at->in + c;
            if (at->in - c >= DN_LANES)
                add_window(j, of, &by[i], w, DN_LANES, to);
            else
                add_window(j, of, &by[i], w, at->in - c, to);
        }
}

void DN_SIMD(dn_conv_pool_grad_input)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const dn_conv_pool *at = &j->at;
    const int64_t windows = at->rows * at->columns, y_size = windows * at->out,
                  x_size = at->height * at->width * at->in;
    const int64_t fit = ROOM / (at->out + DN_LANES), most = fit < MOST_WINDOWS ? fit : MOST_WINDOWS;
    for (int64_t n = begin; n < end; n++) {
        float *dx = j->dx + n * x_size;
        memset(dx, 0, (size_t)x_size * sizeof *dx);
        for (int64_t first = 0; first < windows; first += most)
            add_windows(j, j->dy + n * y_size, j->index + n * y_size, first,
                        windows - first < most ? windows - first : most, dx);
    }
}
