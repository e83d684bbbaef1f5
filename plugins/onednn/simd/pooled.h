/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and 2 x 2 max pooling in one: what the kernels work on. Images are dense and channels-last, indices are
 * u8, 2 * row + column in the window. There are neither padding nor groups. Include isa.h, or simd.h, first. */
#ifndef DN_POOLED_H
#define DN_POOLED_H

#include <stdint.h>

typedef struct dn_conv_pool {
    int64_t images, in, out; /* channels of x, of y */
    int64_t height, width;   /* of x */
    int64_t rows, columns;   /* of y */
    int64_t step[2];         /* pixels of x from one window's first cell to the next window's */
} dn_conv_pool;

/* ---- forward */

enum { DN_POOLED_VECTORS = 2 }; /* of output channels at a time */

typedef struct dn_conv_pool_job {
    dn_conv_pool at;
    int64_t next, right, down; /* elements of x to the next window, and to the neighbours in a window */
    int64_t taps;              /* elements of x that an element of the convolution is made of */
    const int64_t *tap;        /* where, from the first */
    const float *x;
    const float *w; /* blocks of DN_POOLED_VECTORS vectors of channels, the last filled up: bias, then tap by tap */
    float *y;
    uint8_t *index;
} dn_conv_pool_job;

/* Rows [begin, end) of windows, counted over all images. */
DN_DECLARE(void, dn_conv_pool, (void *job, int64_t begin, int64_t end));
DN_DECLARE(int, dn_conv_pool_lanes, (void)); /* floats in a vector */

/* The same for 3 x 3 weights applied at every pixel, by a quarter to a half of the multiplications: Winograd's F(2 x 2,
 * 3 x 3) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016), whose tiles are the windows. */
enum { DN_TILES = 12, DN_TILE_CHANNELS = 32 }; /* at a time: windows, and input channels */

typedef struct dn_winograd_job {
    dn_conv_pool at;
    const float *x;
    const float *bias; /* of each output channel, filled up to whole blocks */
    const float *w; /* blocks as above; in each, the groups of DN_TILE_CHANNELS input channels, in each 16 matrices */
    float *y;
    uint8_t *index;
} dn_winograd_job;

/* Groups of DN_TILES windows, counted over all images. */
DN_DECLARE(void, dn_winograd, (void *job, int64_t begin, int64_t end));

/* 16 matrices of transformed weights: those of one block of output channels for input channel `channel` of a group of
 * `channels`; w: 9 times a block of output channels. */
DN_DECLARE(void, dn_winograd_weights, (const float *w, int64_t channel, int64_t channels, float *group));
/* Are n numbers finite? */
DN_DECLARE(int, dn_all_finite, (const float *x, int64_t n));

/* ---- gradients: weights are 3 x 3, applied at every pixel */

enum { DN_TAPS = 9 };

enum { DN_POOLED_MOST_OUT = 4096 }; /* output channels that the gradient of the input takes */

typedef struct dn_conv_pool_grad_input_job {
    dn_conv_pool at;
    const float *dy, *w; /* w: blocks of one vector of input channels, the last filled up with zeros: O KH KW */
    const uint8_t *index;
    float *dx;
} dn_conv_pool_grad_input_job;

/* Images [begin, end). */
DN_DECLARE(void, dn_conv_pool_grad_input, (void *job, int64_t begin, int64_t end));

typedef struct dn_conv_pool_grad_weight_job {
    dn_conv_pool at;
    const float *dy, *x;
    const uint8_t *index;
    int64_t shares;
    float *sums;      /* of each share: dw as O KH KW I, then db */
    int64_t sum_size; /* floats */
} dn_conv_pool_grad_weight_job;

/* Shares [begin, end) of the images. */
DN_DECLARE(void, dn_conv_pool_grad_weight, (void *job, int64_t begin, int64_t end));

#endif
