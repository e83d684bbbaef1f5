/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd_step, adam_step: all parameters in one launch, each block a piece of one. Arithmetic in PyTorch's order, as in the
 * reference kernels (core/ops). State that fades away becomes 0, not a subnormal number, as there. */
#include "rows.h"

GPU_DEVICE float gpu_faded(float x)
{
    return fabsf(x) < 1.17549435e-38f ? 0 : x;
}
GPU_DEVICE double gpu_faded(double x)
{
    return fabs(x) < 2.2250738585072014e-308 ? 0 : x;
}

/* The numbers of one step. sgd: rate is the learning rate, b1 the momentum. */
template <typename T> struct gpu_step_numbers {
    T rate, root, keep, decay, b1, a1, b2, a2, eps;
    bool adam, nesterov;
};

/* All threads of a block call it. Two of them, of different warps, raise the betas to their powers. */
template <typename T> GPU_DEVICE gpu_step_numbers<T> gpu_step_of(const gpu_step_rule &rule, double *shared)
{
    gpu_step_numbers<T> s;
    const double lr = *rule.lr;
    if (rule.adam && gpu_thread() == 0) shared[0] = lr / (1 - pow(rule.beta1, (double)*rule.step));
    if (rule.adam && gpu_thread() == gpu_warp()) shared[1] = sqrt(1 - pow(rule.beta2, (double)*rule.step));
    gpu_sync();
    s.adam = rule.adam;
    s.nesterov = rule.decoupled;
    s.rate = (T)(rule.adam ? shared[0] : lr);
    s.root = (T)(rule.adam ? shared[1] : 1);
    s.keep = (T)(rule.decoupled ? 1 - lr * rule.weight_decay : 1);
    s.decay = (T)(rule.adam && rule.decoupled ? 0 : rule.weight_decay);
    s.b1 = (T)rule.beta1;
    s.a1 = (T)(1 - rule.beta1);
    s.b2 = (T)rule.beta2;
    s.a2 = (T)(1 - rule.beta2);
    s.eps = (T)rule.eps;
    return s;
}

template <typename T> GPU_DEVICE void gpu_adam_element(const gpu_step_numbers<T> &s, T &p, T grad, T &m, T &v)
{
    const T x = p * s.keep, g = grad + s.decay * x;
    m = gpu_faded(s.b1 * m + s.a1 * g);
    v = gpu_faded(s.b2 * v + s.a2 * g * g);
    p = x - s.rate * (m / (sqrt(v) / s.root + s.eps));
}

/* Without momentum, v is neither read nor written. */
template <typename T> GPU_DEVICE void gpu_sgd_element(const gpu_step_numbers<T> &s, bool momentum, T &p, T grad, T &v)
{
    T slope = grad + s.decay * p;
    if (momentum) {
        v = gpu_faded(s.b1 * v + slope);
        slope = s.nesterov ? slope + s.b1 * v : v;
    }
    p -= s.rate * slope;
}

/* ---- dense parameters: N elements at a time */

template <typename T, int N> struct gpu_step_packs {
    gpu_row_pack<T, N> p, g, m, v;
};

template <typename T, int N>
GPU_DEVICE void gpu_step_load(const gpu_step_item &item, int64_t i, gpu_step_packs<T, N> &at)
{
    at.p = ((const gpu_row_pack<T, N> *)item.at[0])[i];
    at.g = ((const gpu_row_pack<T, N> *)item.at[1])[i];
    if (item.at[2]) at.m = ((const gpu_row_pack<T, N> *)item.at[2])[i];
    if (item.at[3]) at.v = ((const gpu_row_pack<T, N> *)item.at[3])[i];
}

template <typename T, int N>
GPU_DEVICE void gpu_step_update(const gpu_step_numbers<T> &s, const gpu_step_item &item, int64_t i,
                                gpu_step_packs<T, N> &at)
{
    const bool momentum = item.at[2] != NULL;
    if (s.adam)
        for (int k = 0; k < N; k++) gpu_adam_element(s, at.p.at[k], at.g.at[k], at.m.at[k], at.v.at[k]);
    else
        for (int k = 0; k < N; k++) gpu_sgd_element(s, momentum, at.p.at[k], at.g.at[k], at.m.at[k]);
    ((gpu_row_pack<T, N> *)item.at[0])[i] = at.p;
    if (item.at[2]) ((gpu_row_pack<T, N> *)item.at[2])[i] = at.m;
    if (item.at[3]) ((gpu_row_pack<T, N> *)item.at[3])[i] = at.v;
}

/* Elements [begin, end), multiples of N. What comes first is on its way from memory while the rule is worked out. */
template <typename T, int N>
GPU_DEVICE void gpu_step_range(const gpu_step_rule &rule, const gpu_step_item &item, int64_t begin, int64_t end,
                               double *shared)
{
    gpu_step_packs<T, N> at = {};
    int64_t i = begin / N + gpu_thread();
    if (i < end / N) gpu_step_load(item, i, at);
    const gpu_step_numbers<T> s = gpu_step_of<T>(rule, shared);
    while (i < end / N) {
        gpu_step_update(s, item, i, at);
        i += gpu_threads();
        if (i < end / N) gpu_step_load(item, i, at);
    }
    i = end / N * N + gpu_thread();
    if (N > 1 && i < end) {
        gpu_step_packs<T, 1> rest = {};
        gpu_step_load(item, i, rest);
        gpu_step_update(s, item, i, rest);
    }
}

/* The item that a block works on: the last that begins at or before it. */
GPU_DEVICE int64_t gpu_step_item_of(const gpu_step_args &args, int64_t block)
{
    int64_t low = 0, high = args.n_items;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (args.items[middle].first_block <= block)
            low = middle;
        else
            high = middle;
    }
    return low;
}

template <typename T> GPU_DEVICE void gpu_step_as(const gpu_step_args &args, double *shared)
{
    const gpu_step_item &item = args.items[gpu_step_item_of(args, gpu_block_x())];
    const int64_t begin = (gpu_block_x() - item.first_block) * args.chunk;
    const int64_t end = begin + args.chunk < item.n ? begin + args.chunk : item.n;
    bool aligned = true;
    for (int k = 0; k < 4; k++) aligned = aligned && gpu_lies_on(item.at[k], 16);
    if (aligned)
        gpu_step_range<T, 16 / sizeof(T)>(args.rule, item, begin, end, shared);
    else
        gpu_step_range<T, 1>(args.rule, item, begin, end, shared);
}

GPU_DEFINE(step, gpu_step_args, GPU_THREADS)
{
    GPU_SHARED double shared[2];
    if (args.rule.dtype == TN_F32)
        gpu_step_as<float>(args, shared);
    else
        gpu_step_as<double>(args, shared);
}

/* ---- parameters of any strides */

template <typename T> GPU_DEVICE void gpu_step_any_as(const gpu_step_any_args &args, double *shared)
{
    const gpu_step_any_item &item = args.items[gpu_block_y()];
    const gpu_step_numbers<T> s = gpu_step_of<T>(args.rule, shared);
    for (int64_t i = GPU_FIRST; i < item.nest.n; i += GPU_STEP) {
        gpu_step_packs<T, 1> one = {};
        int64_t at[4];
        gpu_offsets<4>(item.nest, i, at);
        gpu_step_item element;
        for (int k = 0; k < 4; k++) element.at[k] = item.at[k] ? (T *)item.at[k] + at[k] : NULL;
        gpu_step_load(element, 0, one);
        gpu_step_update(s, element, 0, one);
    }
}

GPU_DEFINE(step_any, gpu_step_any_args, GPU_THREADS)
{
    GPU_SHARED double shared[2];
    if (args.rule.dtype == TN_F32)
        gpu_step_any_as<float>(args, shared);
    else
        gpu_step_any_as<double>(args, shared);
}
