/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, 2 x 2 max pooling and relu by Winograd's minimal filtering: a window's 4 x 4 pixels and the 3 x 3 weights
 * are transformed to 16 numbers each, by additions and halvings; their products, summed over the input channels, are 16
 * small matrix products; and another transform gives the window's four results. */
#include "simd.h"

#include "largest.h"
#include "pooled.h"

enum { WIDE = DN_POOLED_VECTORS * DN_LANES, ROWS = DN_REGISTERS >= 32 ? 12 : 6 };
_Static_assert(DN_TILES % ROWS == 0, "whole rows of the product");

typedef dn_winograd_job job;

typedef struct tiles {
    float x[16][DN_TILES][DN_TILE_CHANNELS];
    float y[16][DN_TILES][WIDE];
} tiles;

/* ---- transforms, of rows and columns alike: from[k * step] are the numbers along one axis */

DN_INLINE void transform_input(const dn_vec *from, int step, dn_vec *to, int to_step)
{
    to[0] = from[0] - from[2 * step];
    to[to_step] = from[step] + from[2 * step];
    to[2 * to_step] = from[2 * step] - from[step];
    to[3 * to_step] = from[step] - from[3 * step];
}

DN_INLINE void transform_weight(const dn_vec *from, int step, dn_vec *to, int to_step)
{
    const dn_vec ends = 0.5f * (from[0] + from[2 * step]), middle = 0.5f * from[step];
    to[0] = from[0];
    to[to_step] = ends + middle;
    to[2 * to_step] = ends - middle;
    to[3 * to_step] = from[2 * step];
}

DN_INLINE void transform_output(const dn_vec *from, int step, dn_vec *to, int to_step)
{
    to[0] = from[0] + from[step] + from[2 * step];
    to[to_step] = from[step] - from[2 * step] - from[3 * step];
}

void DN_SIMD(dn_winograd_weights)(const float *w, int64_t channel, int64_t channels, float *group)
{
    for (int v = 0; v < WIDE; v += DN_LANES) {
        dn_vec weight[9], half[12], whole[16];
        DN_UNROLL for (int t = 0; t < 9; t++) weight[t] = dn_load(w + t * WIDE + v);
        DN_UNROLL for (int k = 0; k < 3; k++) transform_weight(weight + k, 3, half + k, 3);
        DN_UNROLL for (int k = 0; k < 4; k++) transform_weight(half + 3 * k, 1, whole + 4 * k, 1);
        DN_UNROLL for (int k = 0; k < 16; k++) dn_store(group + (k * channels + channel) * WIDE + v, whole[k]);
    }
}

int DN_SIMD(dn_all_finite)(const float *x, int64_t n)
{
    dn_mask odd = {0};
    int64_t i = 0;
    for (; i + DN_LANES <= n; i += DN_LANES) {
        const dn_vec v = dn_load(x + i);
        odd |= v - v != v - v;
    }
    const dn_vec rest = dn_load_some(x + i, n - i);
    odd |= rest - rest != rest - rest;
    int any = 0;
    for (int k = 0; k < DN_LANES; k++) any |= odd[k];
    return !any;
}

/* ---- the kernel */

/* n windows from `first` on, counted over all images; `channels` input channels from x on. */
static void load_tiles(const dn_conv_pool *at, const float *x, int64_t channels, int64_t first, int64_t n, tiles *all)
{
    const int64_t in = at->in, row = at->width * in, windows = at->rows * at->columns;
    if (n < DN_TILES) memset(all->x, 0, sizeof all->x);
    for (int64_t t = 0; t < n; t++) {
        const int64_t image = (first + t) / windows, p = (first + t) % windows / at->columns,
                      q = (first + t) % windows % at->columns;
        const float *from = x + ((image * at->height + p * at->step[0]) * at->width + q * at->step[1]) * in;
        for (int64_t i = 0; i < channels; i += DN_LANES) {
            dn_vec pixel[16], half[16], whole[16];
            DN_UNROLL for (int k = 0; k < 16; k++) pixel[k] =
                dn_load_some(from + k / 4 * row + k % 4 * in + i, channels - i);
            DN_UNROLL for (int k = 0; k < 4; k++) transform_input(pixel + k, 4, half + k, 4);
            DN_UNROLL for (int k = 0; k < 4; k++) transform_input(half + 4 * k, 1, whole + 4 * k, 1);
            DN_UNROLL for (int k = 0; k < 16; k++) dn_store(&all->x[k][t][i], whole[k]);
        }
    }
}

/* y = x w for one of the 16 matrices and ROWS tiles, added to what is there unless `fresh`. */
DN_INLINE void multiply(float (*x)[DN_TILE_CHANNELS], const float *w, int64_t channels, int fresh, float (*y)[WIDE])
{
    dn_vec sum[ROWS][DN_POOLED_VECTORS];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < DN_POOLED_VECTORS; v++) sum[r][v] = fresh ? (dn_vec){0} : dn_load(&y[r][v * DN_LANES]);
    for (int64_t i = 0; i < channels; i++, w += WIDE) {
        dn_vec weight[DN_POOLED_VECTORS];
        for (int v = 0; v < DN_POOLED_VECTORS; v++) weight[v] = dn_load(w + v * DN_LANES);
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < DN_POOLED_VECTORS; v++) sum[r][v] += weight[v] * dn_all(x[r][i]);
    }
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < DN_POOLED_VECTORS; v++) dn_store(&y[r][v * DN_LANES], sum[r][v]);
}

/* Output channels [o, o + channels) of n windows. */
static void store_tiles(const job *j, tiles *all, int64_t o, int64_t channels, int64_t first, int64_t n)
{
    for (int64_t t = 0; t < n; t++)
        for (int64_t v = 0; v < channels; v += DN_LANES) {
            const int64_t to = (first + t) * j->at.out + o + v;
            const dn_vec bias = dn_load(j->bias + o + v);
            dn_vec product[16], half[8], whole[4];
            DN_UNROLL for (int k = 0; k < 16; k++) product[k] = dn_load(&all->y[k][t][v]);
            DN_UNROLL for (int k = 0; k < 4; k++) transform_output(product + k, 4, half + k, 4);
            DN_UNROLL for (int k = 0; k < 2; k++) transform_output(half + 4 * k, 1, whole + 2 * k, 1);
            DN_UNROLL for (int k = 0; k < 4; k++) whole[k] += bias;
            store_largest(whole, channels - v, j->y + to, j->index + to);
        }
}

static void run_group(const job *j, int64_t first, int64_t n)
{
    const dn_conv_pool *at = &j->at;
    const float *w = j->w;
    tiles all __attribute__((aligned(64)));
    for (int64_t o = 0; o < at->out; o += WIDE) {
        for (int64_t i = 0; i < at->in; i += DN_TILE_CHANNELS) {
            const int64_t channels = at->in - i < DN_TILE_CHANNELS ? at->in - i : DN_TILE_CHANNELS;
            if (o == 0 || at->in > DN_TILE_CHANNELS) load_tiles(at, j->x + i, channels, first, n, &all);
            for (int k = 0; k < 16; k++, w += channels * WIDE)
                for (int r = 0; r < DN_TILES; r += ROWS) multiply(all.x[k] + r, w, channels, i == 0, all.y[k] + r);
        }
        store_tiles(j, &all, o, at->out - o < WIDE ? at->out - o : WIDE, first, n);
    }
}

void DN_SIMD(dn_winograd)(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const int64_t windows = j->at.images * j->at.rows * j->at.columns;
    for (int64_t first = begin * DN_TILES; first < end * DN_TILES && first < windows; first += DN_TILES)
        run_group(j, first, windows - first < DN_TILES ? windows - first : DN_TILES);
}
