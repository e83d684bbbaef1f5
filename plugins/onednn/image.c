/* SPDX-License-Identifier: Apache-2.0
 *
 * Channels-last images, and copies from and to other orders. */
#include "image.h"

tn_tensor_desc dn_channels_last(const tn_tensor_desc *x)
{
    static const uint32_t fastest_first[] = {1, 3, 2, 0};
    tn_tensor_desc y = *x;
    int64_t stride = 1;
    for (int i = 0; i < 4; stride *= x->dims[fastest_first[i++]]) y.strides[fastest_first[i]] = stride;
    return y;
}

static int same_places(const tn_tensor_desc *a, const tn_tensor_desc *b)
{
    for (int i = 0; i < 4; i++)
        if (a->dims[i] != 1 && a->strides[i] != b->strides[i]) return 0;
    return 1;
}

static void add_image(dn_images *images, dn_loop *loop, int is_output, uint64_t index, int raw)
{
    const tn_tensor_desc *x = is_output ? loop->desc.out[index] : loop->desc.in[index];
    const int i = images->n++;
    images->of[i].is_output = is_output;
    images->of[i].index = index;
    images->of[i].offset = -1;
    if (i == raw || !x || x->rank != 4 || tn_desc_numel(x) == 0) return;
    const tn_tensor_desc last = dn_channels_last(x);
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
    dn_images_init_but(images, loop, -1);
}

void dn_images_init_but(dn_images *images, dn_loop *loop, int raw)
{
    images->n = 0;
    for (uint64_t i = 0; i < loop->desc.n_in; i++) add_image(images, loop, 0, i, raw);
    for (uint64_t i = 0; i < loop->desc.n_out; i++) add_image(images, loop, 1, i, raw);
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
