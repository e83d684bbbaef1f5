/* SPDX-License-Identifier: Apache-2.0
 *
 * Max and average pooling and their gradients. A thread computes one element of the result: a gradient is gathered from
 * the windows that a pixel lies in, so that nothing is added atomically. */

/* Which element: channel, and row and column of the result. */
struct gpu_pixel {
    int32_t channel, at[2];
};

GPU_DEVICE gpu_pixel gpu_pixel_of(const gpu_pool_args &args, uint32_t i)
{
    uint32_t rest = gpu_divide(i, args.inner), fast = i - rest * args.inner.by;
    uint32_t slow = gpu_divide(rest, args.middle), middle = rest - slow * args.middle.by;
    if (args.channels_last) return gpu_pixel{(int32_t)fast, {(int32_t)slow, (int32_t)middle}};
    return gpu_pixel{(int32_t)slow, {(int32_t)middle, (int32_t)fast}};
}

GPU_DEVICE int64_t gpu_pixel_at(const int64_t strides[4], int64_t image, int32_t channel, int32_t row, int32_t col)
{
    return image * strides[0] + channel * strides[1] + row * strides[2] + col * strides[3];
}

GPU_DEVICE int32_t gpu_pool_index(const gpu_pool_args &args, int64_t at)
{
    return args.wide ? ((const int32_t *)args.index)[at] : ((const uint8_t *)args.index)[at];
}

/* ---- windows along one axis */

/* The cells [first, last) of the window that begins at `start` that lie inside the image. */
GPU_DEVICE void gpu_cells_inside(const gpu_pool_args &args, int axis, int32_t start, int32_t *first, int32_t *last)
{
    int32_t by = args.dilation[axis], room = args.image[axis] - start;
    *first = start < 0 ? (by - 1 - start) / by : 0;
    *last = room <= 0 ? 0 : (room + by - 1) / by < args.kernel[axis] ? (room + by - 1) / by : args.kernel[axis];
}

/* The windows [first, last) that reach over pixel `at`. */
GPU_DEVICE void gpu_windows_over(const gpu_pool_args &args, int axis, int32_t at, int32_t *first, int32_t *last)
{
    int32_t from = at + args.padding[axis], reach = (args.kernel[axis] - 1) * args.dilation[axis];
    *first = from <= reach ? 0 : (from - reach + args.stride[axis] - 1) / args.stride[axis];
    *last = from / args.stride[axis] + 1 < args.out[axis] ? from / args.stride[axis] + 1 : args.out[axis];
}

/* Which cell of window `window` the pixel is, or -1 if it falls between two. */
GPU_DEVICE int32_t gpu_cell_of(const gpu_pool_args &args, int axis, int32_t at, int32_t window)
{
    int32_t from = at + args.padding[axis] - window * args.stride[axis], by = args.dilation[axis];
    return by == 1 ? from : from % by == 0 ? from / by : -1;
}

/* ---- max */

template <typename T> GPU_DEVICE void gpu_pool_max(const gpu_pool_args &args, int64_t image, const gpu_pixel &p)
{
    int32_t start[2], first[2], last[2];
    for (int i = 0; i < 2; i++) {
        start[i] = p.at[i] * args.stride[i] - args.padding[i];
        gpu_cells_inside(args, i, start[i], &first[i], &last[i]);
    }
    /* a window without a cell inside names the first of each axis, as if there were one */
    int32_t row = first[0] < args.kernel[0] ? first[0] : 0, col = first[1] < args.kernel[1] ? first[1] : 0;
    int32_t cell = row * args.kernel[1] + col;
    T best = (T)-INFINITY;
    for (int32_t h = first[0]; h < last[0]; h++)
        for (int32_t w = first[1]; w < last[1]; w++) {
            T value = ((const T *)args.x)[gpu_pixel_at(
                args.x_strides, image, p.channel, start[0] + h * args.dilation[0], start[1] + w * args.dilation[1])];
            if (value > best || (value != value && best == best)) {
                best = value;
                cell = h * args.kernel[1] + w;
            }
        }
    int64_t at = gpu_pixel_at(args.index_strides, image, p.channel, p.at[0], p.at[1]);
    if (args.relu && best < 0) best = 0;
    ((T *)args.y)[gpu_pixel_at(args.y_strides, image, p.channel, p.at[0], p.at[1])] = best;
    if (args.wide)
        ((int32_t *)args.index)[at] = cell;
    else
        ((uint8_t *)args.index)[at] = (uint8_t)cell;
}

template <typename T> GPU_DEVICE void gpu_pool_max_grad(const gpu_pool_args &args, int64_t image, const gpu_pixel &p)
{
    int32_t first[2], last[2];
    T sum = 0;
    for (int i = 0; i < 2; i++) gpu_windows_over(args, i, p.at[i], &first[i], &last[i]);
    for (int32_t h = first[0]; h < last[0]; h++)
        for (int32_t w = first[1]; w < last[1]; w++) {
            int32_t row = gpu_cell_of(args, 0, p.at[0], h), col = gpu_cell_of(args, 1, p.at[1], w);
            int64_t at = gpu_pixel_at(args.index_strides, image, p.channel, h, w);
            if (row < 0 || col < 0 || gpu_pool_index(args, at) != row * args.kernel[1] + col) continue;
            sum += ((const T *)args.y)[gpu_pixel_at(args.y_strides, image, p.channel, h, w)];
        }
    ((T *)args.x)[gpu_pixel_at(args.x_strides, image, p.channel, p.at[0], p.at[1])] = sum;
}

template <typename T> GPU_DEVICE void gpu_pool_gather(const gpu_pool_args &args, int64_t image, const gpu_pixel &p)
{
    int32_t cell = gpu_pool_index(args, gpu_pixel_at(args.index_strides, image, p.channel, p.at[0], p.at[1]));
    int32_t h = cell / args.kernel[1], w = cell - h * args.kernel[1];
    int32_t row = p.at[0] * args.stride[0] - args.padding[0] + h * args.dilation[0];
    int32_t col = p.at[1] * args.stride[1] - args.padding[1] + w * args.dilation[1];
    bool inside = row >= 0 && row < args.image[0] && col >= 0 && col < args.image[1];
    ((T *)args.y)[gpu_pixel_at(args.y_strides, image, p.channel, p.at[0], p.at[1])] =
        inside ? ((const T *)args.x)[gpu_pixel_at(args.x_strides, image, p.channel, row, col)] : (T)0;
}

/* ---- average */

/* Cuts one axis of a window to the image; returns its size in the divisor. What ceil_mode lets reach over the right
 * padding does not count. */
GPU_DEVICE int32_t gpu_pool_cut(const gpu_pool_args &args, int axis, int32_t window, int32_t *first, int32_t *last)
{
    int32_t begin = window * args.stride[axis] - args.padding[axis], end = begin + args.kernel[axis];
    int32_t size = args.image[axis], most = size + args.padding[axis];
    if (end > most) end = most;
    *first = begin < 0 ? 0 : begin;
    *last = end < size ? end : size;
    if (*last <= *first) return 0;
    return args.include_pad ? end - begin : *last - *first;
}

template <typename T> GPU_DEVICE void gpu_pool_avg(const gpu_pool_args &args, int64_t image, const gpu_pixel &p)
{
    int32_t first[2], last[2];
    int64_t divisor = 1;
    for (int i = 0; i < 2; i++) divisor *= gpu_pool_cut(args, i, p.at[i], &first[i], &last[i]);
    T sum = 0;
    for (int32_t h = first[0]; h < last[0]; h++)
        for (int32_t w = first[1]; w < last[1]; w++)
            sum += ((const T *)args.x)[gpu_pixel_at(args.x_strides, image, p.channel, h, w)];
    ((T *)args.y)[gpu_pixel_at(args.y_strides, image, p.channel, p.at[0], p.at[1])] = divisor ? sum / (T)divisor : (T)0;
}

template <typename T> GPU_DEVICE void gpu_pool_avg_grad(const gpu_pool_args &args, int64_t image, const gpu_pixel &p)
{
    int32_t first[2], last[2], begin, end;
    T sum = 0;
    for (int i = 0; i < 2; i++) gpu_windows_over(args, i, p.at[i], &first[i], &last[i]);
    for (int32_t h = first[0]; h < last[0]; h++)
        for (int32_t w = first[1]; w < last[1]; w++) {
            int64_t divisor = (int64_t)gpu_pool_cut(args, 0, h, &begin, &end) * gpu_pool_cut(args, 1, w, &begin, &end);
            sum += ((const T *)args.y)[gpu_pixel_at(args.y_strides, image, p.channel, h, w)] / (T)divisor;
        }
    ((T *)args.x)[gpu_pixel_at(args.x_strides, image, p.channel, p.at[0], p.at[1])] = sum;
}

/* ---- the kernels: blocks along x share out an image, blocks along y the images */

template <typename T> GPU_DEVICE void gpu_pool(const gpu_pool_args &args)
{
    for (int64_t image = gpu_block_y(); image < args.images; image += gpu_blocks_y())
        for (int64_t i = GPU_FIRST; i < args.elements; i += GPU_STEP) {
            gpu_pixel p = gpu_pixel_of(args, (uint32_t)i);
            switch (args.what) {
            case GPU_POOL_MAX: gpu_pool_max<T>(args, image, p); break;
            case GPU_POOL_MAX_GRAD: gpu_pool_max_grad<T>(args, image, p); break;
            case GPU_POOL_MAX_GATHER: gpu_pool_gather<T>(args, image, p); break;
            case GPU_POOL_AVG: gpu_pool_avg<T>(args, image, p); break;
            default: gpu_pool_avg_grad<T>(args, image, p);
            }
        }
}

GPU_DEFINE(pool_f32, gpu_pool_args, GPU_POOL_THREADS)
{
    gpu_pool<float>(args);
}

GPU_DEFINE(pool_f64, gpu_pool_args, GPU_POOL_THREADS)
{
    gpu_pool<double>(args);
}
