/* SPDX-License-Identifier: Apache-2.0
 *
 * Images (N C H W by dims), channels-last in memory: the order that oneDNN and our own loops are fast with. */
#ifndef DN_IMAGE_H
#define DN_IMAGE_H

#include "copy.h"

/* x as it is stored when dense and channels-last. */
tn_tensor_desc dn_channels_last(const tn_tensor_desc *x);

/* Loops over images that know one order only: channels-last, dense. Tensors of another order go through copies in the
 * workspace. Rank-4 tensors alone are images; others pass as they are. */
enum { DN_MAX_IMAGES = 8 };

typedef struct dn_images {
    int n;
    struct {
        int is_output;
        uint64_t index; /* among the inputs, or outputs */
        int64_t offset; /* of the copy in the workspace; -1: used in place */
        dn_copy copy;
    } of[DN_MAX_IMAGES]; /* inputs, then outputs; absent ones and those that are no images have a place, too */
} dn_images;

/* Plans the copies, and adds their memory to the loop's workspace. */
void dn_images_init(dn_images *images, dn_loop *loop);
/* The same, but the tensor with this place among the inputs and outputs passes as it is. */
void dn_images_init_but(dn_images *images, dn_loop *loop, int raw);
/* Fills in where each tensor is to be found, after copying those inputs that need it. */
void dn_images_enter(const dn_images *images, const tn_bindings *at, void **where);
/* Copies the outputs that need it to their places. */
void dn_images_leave(const dn_images *images, const tn_bindings *at, void *const *where);

#endif
