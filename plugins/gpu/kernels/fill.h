/* SPDX-License-Identifier: Apache-2.0
 *
 * y = value. */

template <typename T> GPU_DEVICE void gpu_fill_all(const gpu_fill_args &args, T value)
{
    T *y = (T *)args.y;
    for (int64_t i = GPU_FIRST; i < args.nest.n; i += GPU_STEP) {
        int64_t at;
        gpu_offsets<1>(args.nest, i, &at);
        y[at] = value;
    }
}

GPU_DEFINE(fill)
{
    switch (args.bytes) {
    case 8: gpu_fill_all<uint64_t>(args, (uint64_t)args.bits); break;
    case 4: gpu_fill_all<uint32_t>(args, (uint32_t)args.bits); break;
    default: gpu_fill_all<uint8_t>(args, (uint8_t)args.bits);
    }
}
