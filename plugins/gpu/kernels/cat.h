/* SPDX-License-Identifier: Apache-2.0
 *
 * cat: each input is copied to its place, several inputs in one launch. */
#include "dtype.h"

template <typename T> GPU_DEVICE void gpu_cat_as(const gpu_cat_item &item)
{
    for (int64_t i = GPU_FIRST; i < item.nest.n; i += GPU_STEP) {
        int64_t at[2];
        gpu_offsets<2>(item.nest, i, at);
        ((T *)item.y)[at[0]] = ((const T *)item.x)[at[1]];
    }
}

GPU_DEFINE(cat, gpu_cat_args, GPU_THREADS)
{
    GPU_BY_BYTES(args.bytes, gpu_cat_as, args.items[gpu_block_y()])
}
