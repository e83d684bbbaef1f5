/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of the weights: each dy is multiplied with the 3 x 3 pixels that its maximum came from. Where input
 * channels fill vectors, one output channel is taken at a time, and zeros, which relu leaves, are skipped; otherwise
 * lanes are output channels, and a window's four places are tried in turn. */
#include "simd.h"

#include "pooled.h"

#include <string.h>

typedef dn_conv_pool_grad_weight_job job;

/* ---- lanes are input channels */

enum { CHUNK = 64, BLOCK = 16 }; /* windows and output channels at a time: their part of dw stays in the cache */

/* Where the 3 x 3 pixels begin that the maxima come from, of n windows from `first` on and BLOCK channels. */
DN_INLINE void locate(const dn_conv_pool *at, const uint8_t *index, int64_t first, int64_t n, int64_t channels,
                      int32_t offset[CHUNK][BLOCK])
{
    const int32_t right = (int32_t)at->in, down = (int32_t)(at->width * at->in);
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = (first + i) / at->columns, column = (first + i) % at->columns;
        const int32_t origin = (int32_t)(row * at->step[0] * down + column * at->step[1] * right);
        for (int64_t k = 0; k < channels; k += DN_LANES) {
            const dn_mask cell = dn_load_bytes(index + (first + i) * at->out + k, channels - k);
            const dn_mask place = origin + (cell & 1) * right + (cell >> 1 & 1) * down;
            memcpy(&offset[i][k], &place, sizeof place);
        }
    }
}

typedef struct places {
    int64_t n;
    int32_t offset[CHUNK];
    float dy[CHUNK];
} places;

/* Those of n windows whose dy, of one channel, is not 0. */
DN_INLINE void find(int64_t n, const float *dy, int64_t out, const int32_t *offset, places *found)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, dy + i * out, sizeof bits);
        memcpy(&found->dy[count], &bits, sizeof bits);
        found->offset[count] = offset[i * BLOCK];
        count += bits << 1 != 0;
    }
    found->n = count;
}

/* dw of `vectors` vectors of input channels += what the places contribute. */
DN_INLINE void add_places(const dn_conv_pool *at, const float *x, const places *found, int vectors, float *dw)
{
    const int64_t in = at->in, row = at->width * in;
    dn_vec sum[DN_TAPS * 2];
    for (int t = 0; t < DN_TAPS; t++)
        for (int v = 0; v < vectors; v++) sum[t * vectors + v] = dn_load(dw + t * in + v * DN_LANES);
    for (int64_t i = 0; i < found->n; i++) {
        const float *pixel = dn_base(x + found->offset[i]);
        const dn_vec dy = dn_all(found->dy[i]);
        const float *const down[3] = {pixel, dn_base(pixel + row), dn_base(pixel + 2 * row)};
        for (int t = 0; t < DN_TAPS; t++)
            for (int v = 0; v < vectors; v++)
                sum[t * vectors + v] += dy * dn_load(down[t / 3] + t % 3 * in + v * DN_LANES);
    }
    for (int t = 0; t < DN_TAPS; t++)
        for (int v = 0; v < vectors; v++) dn_store(dw + t * in + v * DN_LANES, sum[t * vectors + v]);
}

/* What n <= BLOCK output channels get from one image. */
static void add_image(const dn_conv_pool *at, const float *dy, const uint8_t *index, const float *x, int64_t n,
                      float *dw)
{
    enum { PAIR = DN_REGISTERS >= 32 ? 2 : 1 };
    const int64_t windows = at->rows * at->columns, in = at->in;
    int32_t offset[CHUNK][BLOCK];
    places found;
    for (int64_t first = 0; first < windows; first += CHUNK) {
        const int64_t chunk = windows - first < CHUNK ? windows - first : CHUNK;
        locate(at, index, first, chunk, n, offset);
        for (int64_t o = 0; o < n; o++) {
            float *to = dw + o * DN_TAPS * in;
            int64_t i = 0;
            find(chunk, dy + first * at->out + o, at->out, &offset[0][o], &found);
            for (; i + PAIR * DN_LANES <= in; i += PAIR * DN_LANES) add_places(at, x + i, &found, PAIR, to + i);
            for (; i < in; i += DN_LANES) add_places(at, x + i, &found, 1, to + i);
        }
    }
}

static void sum_images(const job *j, int64_t begin, int64_t end, float *dw)
{
    const dn_conv_pool *at = &j->at;
    const int64_t y_size = at->rows * at->columns * at->out, x_size = at->height * at->width * at->in;
    for (int64_t o = 0; o < at->out; o += BLOCK)
        for (int64_t n = begin; n < end; n++)
            add_image(at, j->dy + n * y_size + o, j->index + n * y_size + o, j->x + n * x_size,
                      at->out - o < BLOCK ? at->out - o : BLOCK, dw + o * DN_TAPS * at->in);
}

/* ---- lanes are output channels */

/* What images [begin, end) contribute for one input channel and the n <= vectors * DN_LANES output channels from o on. */
DN_INLINE void sum_lanes(const job *j, int64_t begin, int64_t end, int64_t i, int64_t o, int64_t n, int vectors,
                         float *dw)
{
    const dn_conv_pool *at = &j->at;
    const int64_t in = at->in, row = at->width * in;
    dn_vec sum[DN_TAPS * 2] = {{0}};
    for (int64_t image = begin; image < end; image++)
        for (int64_t p = 0; p < at->rows; p++) {
            const float *x = j->x + ((image * at->height + p * at->step[0]) * at->width) * in + i;
            const int64_t first = (image * at->rows + p) * at->columns * at->out + o;
            const float *dy = j->dy + first;
            const uint8_t *index = j->index + first;
            for (int64_t q = 0; q < at->columns; q++, x += at->step[1] * in, dy += at->out, index += at->out) {
                dn_vec all[2];
                dn_mask which[2];
                for (int v = 0; v < vectors; v++) {
                    all[v] = dn_load_some(dy + v * DN_LANES, n - v * DN_LANES);
                    which[v] = dn_load_bytes(index + v * DN_LANES, n - v * DN_LANES);
                }
                for (int k = 0; k < 4; k++) {
                    dn_vec part[2];
                    for (int v = 0; v < vectors; v++) part[v] = (dn_vec)((dn_mask)all[v] & (which[v] == k));
                    const float *from = dn_base(x + k / 2 * row + k % 2 * in);
                    const float *const down[3] = {from, dn_base(from + row), dn_base(from + 2 * row)};
                    for (int t = 0; t < DN_TAPS; t++)
                        for (int v = 0; v < vectors; v++)
                            sum[t * vectors + v] += part[v] * dn_all(down[t / 3][t % 3 * in]);
                }
            }
        }
    for (int t = 0; t < DN_TAPS; t++)
        for (int v = 0; v < vectors; v++) {
            float lane[DN_LANES];
            dn_store(lane, sum[t * vectors + v]);
            for (int64_t k = 0; k < DN_LANES && v * DN_LANES + k < n; k++)
                dw[((o + v * DN_LANES + k) * DN_TAPS + t) * in + i] = lane[k];
        }
}

static void sum_channel(const job *j, int64_t begin, int64_t end, int64_t i, float *dw)
{
    enum { PAIR = DN_REGISTERS >= 32 ? 2 : 1 };
    const int64_t out = j->at.out;
    int64_t o = 0;
    for (; o + PAIR * DN_LANES <= out; o += PAIR * DN_LANES) sum_lanes(j, begin, end, i, o, PAIR * DN_LANES, PAIR, dw);
    for (; o + DN_LANES <= out; o += DN_LANES) sum_lanes(j, begin, end, i, o, DN_LANES, 1, dw);
    if (o < out) sum_lanes(j, begin, end, i, o, out - o, 1, dw);
}

/* ---- */

static void sum_share(const job *j, int64_t share)
{
    const dn_conv_pool *at = &j->at;
    const int64_t begin = at->images * share / j->shares, end = at->images * (share + 1) / j->shares;
    const int64_t windows = at->rows * at->columns;
    float *dw = j->sums + share * j->sum_size, *db = dw + at->out * DN_TAPS * at->in;
    memset(dw, 0, (size_t)j->sum_size * sizeof *dw);
    for (int64_t i = begin * windows * at->out; i < end * windows * at->out; i += at->out)
        for (int64_t o = 0; o < at->out; o++) db[o] += j->dy[i + o];
    if (at->in % DN_LANES == 0)
        sum_images(j, begin, end, dw);
    else
        for (int64_t i = 0; i < at->in; i++) sum_channel(j, begin, end, i, dw);
}

void DN_SIMD(dn_conv_pool_grad_weight)(void *arg, int64_t begin, int64_t end)
{
    for (int64_t share = begin; share < end; share++) sum_share(arg, share);
}
