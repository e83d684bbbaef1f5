/* SPDX-License-Identifier: Apache-2.0
 *
 * What convolution and its two gradients share. All three are matrix products with the windows of the image
 * (patches.h), group by group:
 *     y[out, windows] = w[out, cells] x[cells, windows]
 *     dx[cells, windows] = w^T dy, added up where windows overlap
 *     dw[out, cells] = dy x^T, summed over the images */
#ifndef TENON_CONV2D_H
#define TENON_CONV2D_H

#include "ops/gemm.h"
#include "ops/patches.h"

/* ---- for gradients: like tn_conv2d; x, or w, is only asked for its size */
tn_tensor *tn__conv2d_grad_input(tn_tensor *dy, tn_tensor *w, tn_tensor *x, const tn_conv2d_attrs *how);
/* db: where to put the gradient of the bias as well, or NULL */
tn_tensor *tn__conv2d_grad_weight(tn_tensor *dy, tn_tensor *x, tn_tensor *w, const tn_conv2d_attrs *how,
                                  tn_tensor **db);
/* Sends the gradients of conv2d(x, w, b), dz being the one of its result. */
void tn__conv2d_send_grads(tn_grad *g, tn_tensor *dz);

tn_conv2d_attrs tn__conv2d_attrs_of(const tn_conv2d_grad_attrs *how);
/* size: the last two dims of x, or of w */
tn_conv2d_grad_attrs tn__conv2d_grad_attrs(const tn_conv2d_attrs *how, const tn_tensor *sized);
/* A copy with PyTorch's defaults where fields are 0; how may be NULL. */
tn_conv2d_attrs tn__conv2d_defaults(const tn_conv2d_attrs *how);

/* ---- shape inference */

bool tn__conv2d_infer(tn_infer *infer); /* of conv2d and conv2d_relu */
#define TN_CONV2D_SAMPLES                                                                                              \
    "x[2,3,8,8] w[6,3,3,3] b[6]; padding=1,1", "x[2,3,8,8] w[6,3,3,3]", "x[2,2,8,8] w[5,2,3,3] b[5]; stride=2,2",      \
        "x[1,2,7,9] w[4,2,3,2] b[4]; stride=2,1 padding=1,0 dilation=1,2",                                             \
        "x[2,4,5,5] w[4,1,3,3] b[4]; padding=1,1 groups=4", "x[2,3,6,6] w[6,1,3,3]; groups=3",                         \
        "x[1,6,5,5] w[6,2,2,2] b[6]; groups=3", "x[3,2,5,4] w[4,2,5,4] b[4]", "x[2,2,1,1] w[3,2,1,1] b[3]",            \
        "x[1,1,1,1] w[2,1,3,3] b[2]; padding=1,1", "x[1,2,6,6] w[2,2,1,1]; stride=2,2",                                \
        "x[1,1,3,3] w[1,1,2,2]; padding=3,2 dilation=2,1", "x[0,2,6,6] w[3,2,3,3] b[3]", "x[2,0,4,4] w[3,0,3,3] b[3]", \
        "x:f32[3,1,28,28] w:f32[32,1,3,3] b:f32[32]", "x:f32[2,32,13,13] w:f32[64,32,3,3] b:f32[64]",                  \
        "x:f32[1,3,40,43] w:f32[8,3,5,5]; stride=2,2 padding=2,2"
/* Do `groups` divide `channels`? False after raising. */
bool tn__conv2d_check_groups(tn_infer *infer, int64_t groups, int64_t channels, const char *of);
/* Writes how many windows an image has; false after raising. */
bool tn__conv2d_windows(tn_infer *infer, const tn_conv2d_attrs *how, const int64_t image[2], const int64_t kernel[2],
                        int64_t windows[2]);
/* The same for a gradient: are these the rows and columns that dy has? */
bool tn__conv2d_check_dy(tn_infer *infer, const tn_conv2d_attrs *how, const int64_t image[2], const int64_t kernel[2]);

/* ---- reference kernels */

typedef struct tn_conv2d_shape {
    tn_dtype dtype;
    int64_t size;           /* bytes of an element */
    int64_t images, groups; /* a part is one group of one image: part p is group p % groups */
    int64_t out;            /* channels of y in a group */
    int64_t cells, windows;
    int64_t x_part, y_part, w_group; /* their elements */
    tn_patches patches;
} tn_conv2d_shape;

tn_conv2d_shape tn__conv2d_shape(const tn_tensor_desc *x, const tn_tensor_desc *w, const tn_tensor_desc *y,
                                 const tn_conv2d_attrs *how);
uint64_t tn__conv2d_flops(const tn_conv2d_shape *shape); /* multiplications and additions */
/* As many windows, in whole tiles, as fit the second-level cache at bytes_per_window each; at most all. */
int64_t tn__conv2d_block(const tn_conv2d_shape *shape, int64_t bytes_per_window);

/* w of all groups, or its transpose, as A of the product; group g begins at g * tn__conv2d_weight_bytes. */
uint64_t tn__conv2d_weight_bytes(const tn_conv2d_shape *shape, bool transposed);
void tn__conv2d_pack_weights(const tn_conv2d_shape *shape, const void *w, bool transposed, void *panels);

/* Addresses further on; NULL stays NULL, as empty arrays and empty scratch memory have it. */
static inline char *tn__bytes_on(const void *memory, uint64_t bytes)
{
    return bytes ? (char *)memory + bytes : (char *)memory;
}
static inline char *tn__element(const tn_conv2d_shape *shape, const void *array, int64_t elements)
{
    return tn__bytes_on(array, (uint64_t)(elements * shape->size));
}

#endif
