/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and 2 x 2 max pooling in one: what the kernels work on. All images are dense and channels-last, weights
 * lie as O KH KW I, indices are u8: 2 * row + column in the window. Padding and groups there are none. Include isa.h, or
 * simd.h, first. */
#ifndef DN_POOLED_H
#define DN_POOLED_H

#include <stdint.h>

typedef struct dn_conv_pool {
    int64_t images, in, out; /* channels of x, of y */
    int64_t height, width;   /* of x */
    int64_t rows, columns;   /* of y */
    int64_t step[2];         /* of x, from one window's first cell to the next window's */
} dn_conv_pool;

enum { DN_TAPS = 9 }; /* of the gradients: 3 x 3 weights, applied at every pixel */

typedef struct dn_conv_pool_grad_weight_job {
    dn_conv_pool at;
    const float *dy, *x;
    const uint8_t *index;
    int64_t shares;
    float *sums;      /* of each share: dw, then db */
    int64_t sum_size; /* floats */
} dn_conv_pool_grad_weight_job;

/* Shares [begin, end) of the images. */
DN_DECLARE(void, dn_conv_pool_grad_weight, (void *job, int64_t begin, int64_t end));

#endif
