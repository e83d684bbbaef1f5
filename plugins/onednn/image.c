/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory orders of images, and copies between them. */
#include "image.h"

static const uint32_t channels_last[] = {1, 3, 2, 0}, row_major[] = {3, 2, 1, 0}; /* fastest first */

static tn_tensor_desc ordered(const tn_tensor_desc *x, const uint32_t *order)
{
    tn_tensor_desc y = *x;
    int64_t stride = 1;
    for (int i = 0; i < 4; stride *= x->dims[order[i++]]) y.strides[order[i]] = stride;
    return y;
}

static int same_places(const tn_tensor_desc *a, const tn_tensor_desc *b)
{
    for (int i = 0; i < 4; i++)
        if (a->dims[i] != 1 && a->strides[i] != b->strides[i]) return 0;
    return 1;
}

tn_tensor_desc dn_image_stored(const tn_tensor_desc *x)
{
    const tn_tensor_desc last = ordered(x, channels_last), plain = ordered(x, row_major);
    return !same_places(x, &last) && same_places(x, &plain) ? plain : last;
}

static void add_image(dn_images *images, dn_loop *loop, int is_output, uint64_t index)
{
    const tn_tensor_desc *x = is_output ? loop->desc.out[index] : loop->desc.in[index];
    const int i = images->n++;
    images->of[i].is_output = is_output;
    images->of[i].index = index;
    images->of[i].offset = -1;
    if (!x || x->rank != 4 || tn_desc_numel(x) == 0) return;
    const tn_tensor_desc last = ordered(x, channels_last);
    if (same_places(x, &last)) return;
    if (is_output)
        dn_copy_init(&images->of[i].copy, x, &last);
    else
        dn_copy_init(&images->of[i].copy, &last, x);
    images->of[i].offset = (int64_t)loop->plan.workspace_bytes;
    loop->plan.workspace_bytes += dn_round_up((uint64_t)tn_desc_numel(x) * tn_dtype_size(x->dtype), DN_ALIGNMENT);
}

void dn_images_init(dn_images *images, dn_loop *loop)
{
    images->n = 0;
    for (uint64_t i = 0; i < loop->desc.n_in; i++) add_image(images, loop, 0, i);
    for (uint64_t i = 0; i < loop->desc.n_out; i++) add_image(images, loop, 1, i);
}

void dn_images_enter(const dn_images *images, const tn_bindings *at, void **where)
{
    for (int i = 0; i < images->n; i++) {
        void *given = images->of[i].is_output ? at->out[images->of[i].index] : at->in[images->of[i].index];
        where[i] = images->of[i].offset < 0 ? given : (char *)at->workspace + images->of[i].offset;
        if (where[i] != given && !images->of[i].is_output) dn_copy_run(&images->of[i].copy, where[i], given);
    }
}

void dn_images_leave(const dn_images *images, const tn_bindings *at, void *const *where)
{
    for (int i = 0; i < images->n; i++)
        if (images->of[i].offset >= 0 && images->of[i].is_output)
            dn_copy_run(&images->of[i].copy, at->out[images->of[i].index], where[i]);
}
