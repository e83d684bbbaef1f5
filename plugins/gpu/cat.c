/* SPDX-License-Identifier: Apache-2.0
 *
 * cat: GPU_MOST_CAT inputs in a launch, each a walk over it and its place in y. */
#include "nest.h"
#include "plugin.h"

enum { EACH = 2 };

/* Inputs of one launch, with where each begins in y, in bytes. */
typedef struct batch {
    gpu_cat_args args;
    uint64_t input[GPU_MOST_CAT], place[GPU_MOST_CAT];
    uint32_t n;
    int64_t most; /* elements of the largest */
} batch;

static void flush(gpu_plan *plan, const tn_device *device, batch *b)
{
    if (b->n == 0) return;
    gpu_grid grid = gpu_grid_for(device, b->most, GPU_THREADS, EACH);
    grid.y = b->n;
    gpu_plan_launch(plan, GPU_cat, grid, &b->args, sizeof b->args);
    for (uint32_t i = 0; i < b->n; i++) {
        const uint64_t item = offsetof(gpu_cat_args, items) + i * sizeof(gpu_cat_item);
        gpu_plan_bind(plan, item + offsetof(gpu_cat_item, x), GPU_IN, b->input[i], 0);
        gpu_plan_bind(plan, item + offsetof(gpu_cat_item, y), GPU_OUT, 0, b->place[i]);
    }
    b->n = 0;
    b->most = 0;
}

tn_status gpu_cat_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out, tn_error *error)
{
    const int64_t dim = ((const tn_dim_attrs *)desc->attrs)->dim;
    const tn_tensor_desc *y = desc->out[0];
    const int64_t size = (int64_t)tn_dtype_size(y->dtype);
    batch b = {.args.bytes = size};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:cat", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = 0;
    for (uint64_t i = 0, first = 0; i < desc->n_in; first += (uint64_t)desc->in[i++]->dims[dim]) {
        const tn_tensor_desc *x = desc->in[i];
        const int64_t n = tn_desc_numel(x);
        if (n == 0) continue;
        b.args.items[b.n].nest = gpu_nest_of(x->rank, x->dims, 2, (const int64_t *const[]){y->strides, x->strides});
        b.input[b.n] = i;
        b.place[b.n++] = first * (uint64_t)(y->strides[dim] * size);
        if (n > b.most) b.most = n;
        if (b.n == GPU_MOST_CAT) flush(plan, device, &b);
    }
    flush(plan, device, &b);
    return gpu_plan_finish(plan, out, error);
}
