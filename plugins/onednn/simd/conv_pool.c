/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, 2 x 2 max pooling and relu. Lanes are output channels; the convolution is computed at the four places of
 * one window or two, in registers, and only what wins goes to memory. */
#include "simd.h"

#include "largest.h"
#include "pooled.h"

enum { WINDOWS = DN_REGISTERS >= 32 ? 2 : 1, WIDE = DN_POOLED_VECTORS * DN_LANES };

typedef dn_conv_pool_job job;

/* Some windows next to each other, the first of which begins at x; n output channels, of which w is the packed part. */
DN_INLINE void pool(const job *j, const float *x, const float *w, int64_t n, int windows, int vectors, float *y,
                    uint8_t *index)
{
    const float *from[4 * WINDOWS];
    dn_vec sum[DN_POOLED_VECTORS * WINDOWS][4];
    for (int p = 0; p < 4 * windows; p++)
        from[p] = dn_base(x + p / 4 * j->next + p / 2 % 2 * j->down + p % 2 * j->right);
    for (int v = 0; v < vectors; v++)
        for (int p = 0; p < 4 * windows; p++) sum[p / 4 * vectors + v][p % 4] = dn_load(w + v * DN_LANES);
    w += WIDE; /* past the bias */
    for (int64_t t = 0; t < j->taps; t++, w += WIDE) {
        dn_vec weight[DN_POOLED_VECTORS];
        for (int v = 0; v < vectors; v++) weight[v] = dn_load(w + v * DN_LANES);
        for (int p = 0; p < 4 * windows; p++) {
            const dn_vec pixel = dn_all(from[p][j->tap[t]]);
            for (int v = 0; v < vectors; v++) sum[p / 4 * vectors + v][p % 4] += pixel * weight[v];
        }
    }
    for (int window = 0; window < windows; window++)
        for (int v = 0; v < vectors; v++) {
            const int64_t at = window * j->at.out + v * DN_LANES;
            store_largest(sum[window * vectors + v], n - v * DN_LANES, y + at, index + at);
        }
}

DN_INLINE void pool_row(const job *j, const float *x, const float *w, int64_t n, int vectors, float *y, uint8_t *index)
{
    int64_t q = 0;
    for (; q + WINDOWS <= j->at.columns; q += WINDOWS)
        pool(j, x + q * j->next, w, n, WINDOWS, vectors, y + q * j->at.out, index + q * j->at.out);
    for (; q < j->at.columns; q++) pool(j, x + q * j->next, w, n, 1, vectors, y + q * j->at.out, index + q * j->at.out);
}

/* Rows of windows, counted over all images. */
void DN_SIMD(dn_conv_pool)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const dn_conv_pool *at = &j->at;
    for (int64_t row = begin; row < end; row++) {
        const int64_t image = row / at->rows, first = row * at->columns * at->out;
        const float *x = j->x + (image * at->height + row % at->rows * at->step[0]) * at->width * at->in, *w = j->w;
        for (int64_t o = 0; o < at->out; o += WIDE, w += WIDE * (j->taps + 1)) {
            const int64_t n = at->out - o < WIDE ? at->out - o : WIDE;
            if (n > DN_LANES)
                pool_row(j, x, w, n, DN_POOLED_VECTORS, j->y + first + o, j->index + first + o);
            else
                pool_row(j, x, w, n, 1, j->y + first + o, j->index + first + o);
        }
    }
}

int DN_SIMD(dn_conv_pool_lanes)(void)
{
    return DN_LANES;
}
