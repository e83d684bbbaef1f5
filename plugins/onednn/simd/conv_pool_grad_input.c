/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of the input. Lanes are input channels. In each window, output channels are sorted by the place of their
 * maximum, those without a gradient left out; what the rest contribute to the window's 4 x 4 pixels is summed in
 * registers and then added to dx. */
#include "simd.h"

#include "pooled.h"

#include <string.h>

typedef dn_conv_pool_grad_input_job job;

/* Output channels by place, of some windows: those of place k of window i begin at channel[(4 * i + k) * out]. */
enum { MOST_WINDOWS = 64, ROOM = 4 * DN_POOLED_MOST_OUT };
typedef struct sorted {
    uint64_t counts[MOST_WINDOWS]; /* 16 bits for each place */
    uint16_t channel[ROOM];
} sorted;

DN_INLINE uint64_t sort_window(int64_t out, const float *dy, const uint8_t *index, uint16_t *channel)
{
    uint64_t counts = 0;
    for (int64_t o = 0; o < out; o++) {
        const unsigned place = index[o] & 3u;
        uint32_t bits;
        memcpy(&bits, dy + o, sizeof bits);
        channel[place * (uint64_t)out + (counts >> 16 * place & 0xffff)] = (uint16_t)o;
        counts += (uint64_t)(bits << 1 != 0) << 16 * place;
    }
    return counts;
}

/* dx of one window's pixels and n <= DN_LANES input channels += what its maxima contribute. */
DN_INLINE void add_window(const job *j, const float *dy, const uint16_t *channel, uint64_t counts, const float *w,
                          int64_t n, float *dx)
{
    const int64_t in = j->at.in, row = j->at.width * in;
    dn_vec sum[16] = {{0}};
    for (int k = 0; k < 4; k++) {
        const uint16_t *o = channel + k * j->at.out, *const end = o + (counts >> 16 * k & 0xffff);
        for (; o < end; o++) {
            const dn_vec all = dn_all(dy[*o]);
            const float *weight = w + *o * (DN_TAPS * DN_LANES);
            for (int t = 0; t < DN_TAPS; t++)
                sum[(k / 2 + t / 3) * 4 + k % 2 + t % 3] += all * dn_load(weight + t * DN_LANES);
        }
    }
    for (int p = 0; p < 16; p++) {
        float *to = dx + p / 4 * row + p % 4 * in;
        if (n >= DN_LANES) {
            dn_store(to, dn_load(to) + sum[p]);
        } else {
            float lane[DN_LANES];
            dn_store(lane, sum[p]);
            for (int64_t i = 0; i < n; i++) to[i] += lane[i];
        }
    }
}

/* Windows [first, first + n) of an image. */
static void add_windows(const job *j, const float *dy, const uint8_t *index, int64_t first, int64_t n, float *dx)
{
    const dn_conv_pool *at = &j->at;
    const float *w = j->w;
    sorted by;
    for (int64_t i = 0; i < n; i++)
        by.counts[i] = sort_window(at->out, dy + (first + i) * at->out, index + (first + i) * at->out,
                                   by.channel + 4 * i * at->out);
    for (int64_t c = 0; c < at->in; c += DN_LANES, w += at->out * DN_TAPS * DN_LANES)
        for (int64_t i = 0; i < n; i++) {
            const int64_t row = (first + i) / at->columns, column = (first + i) % at->columns;
            add_window(j, dy + (first + i) * at->out, by.channel + 4 * i * at->out, by.counts[i], w, at->in - c,
                       dx + (row * at->step[0] * at->width + column * at->step[1]) * at->in + c);
        }
}

void DN_SIMD(dn_conv_pool_grad_input)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const dn_conv_pool *at = &j->at;
    const int64_t windows = at->rows * at->columns, y_size = windows * at->out,
                  x_size = at->height * at->width * at->in;
    const int64_t fit = DN_POOLED_MOST_OUT / at->out, most = fit < MOST_WINDOWS ? fit : MOST_WINDOWS;
    for (int64_t n = begin; n < end; n++) {
        float *dx = j->dx + n * x_size;
        memset(dx, 0, (size_t)x_size * sizeof *dx);
        for (int64_t first = 0; first < windows; first += most)
            add_windows(j, j->dy + n * y_size, j->index + n * y_size, first,
                        windows - first < most ? windows - first : most, dx);
    }
}
