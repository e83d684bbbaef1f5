/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch normalisation and its gradient, in two kernels: sums of parts of each channel, in f64, and what is done with
 * them. A block has a team of threads for each of its channels: one channel, or, where channels lie side by side, as
 * many as make a good read. Parts are added in order. */

/* A thread's channel, and which pixels of a part it takes. */
struct gpu_norm_place {
    gpu_team team;
    int64_t channel, part;
    bool exists;
};

GPU_DEVICE gpu_norm_place gpu_norm_place_of(const gpu_norm_args &args)
{
    gpu_norm_place p;
    p.team = gpu_team_of(args.teams);
    p.channel = (int64_t)gpu_block_x() * p.team.teams + p.team.number;
    p.part = gpu_block_y();
    p.exists = p.channel < args.channels;
    return p;
}

/* The last pixel of the thread's part, and one; offsets of pixel i of its channel in x, dy and y. */
GPU_DEVICE int64_t gpu_norm_end(const gpu_norm_args &args, const gpu_norm_place &p)
{
    int64_t end = (p.part + 1) * args.each;
    return !p.exists ? 0 : end < args.pixels.n ? end : args.pixels.n;
}

GPU_DEVICE void gpu_norm_at(const gpu_norm_args &args, const gpu_norm_place &p, int64_t i, int64_t at[3])
{
    gpu_offsets<3>(args.pixels, i, at);
    for (int k = 0; k < 3; k++) at[k] += p.channel * args.channel_strides[k];
}

/* Element of an optional vector; number: which of the strides. */
template <typename T>
GPU_DEVICE double gpu_norm_element(const gpu_norm_args &args, const void *vector, int number, int64_t channel,
                                   double otherwise)
{
    return vector ? (double)((const T *)vector)[channel * args.strides[number]] : otherwise;
}

/* What is subtracted from a channel's values before they are squared: one of them, so that little is lost. */
template <typename T> GPU_DEVICE double gpu_norm_shift(const gpu_norm_args &args, int64_t channel)
{
    double shift = args.pixels.n ? (double)((const T *)args.x)[channel * args.channel_strides[0]] : 0;
    return shift - shift == 0 ? shift : 0;
}

/* ---- sums. Forward: of x - shift and its square; backward: of dy, and of dy times the normalised x. */

template <typename T> GPU_DEVICE void gpu_norm_sums(const gpu_norm_args &args)
{
    GPU_SHARED double shared[GPU_THREADS];
    gpu_norm_place p = gpu_norm_place_of(args);
    double sum = 0, other = 0, shift = 0, scale = 1;
    if (p.exists && args.backward) {
        shift = gpu_norm_element<T>(args, args.mean, GPU_NORM_MEAN, p.channel, 0);
        scale = gpu_norm_element<T>(args, args.rstd, GPU_NORM_RSTD, p.channel, 1);
    } else if (p.exists) {
        shift = gpu_norm_shift<T>(args, p.channel);
    }
    for (int64_t i = p.part * args.each + p.team.place; i < gpu_norm_end(args, p); i += p.team.size) {
        int64_t at[3];
        gpu_norm_at(args, p, i, at);
        double v = ((double)((const T *)args.x)[at[0]] - shift) * scale, d = v;
        if (args.backward) d = (double)((const T *)args.dy)[at[1]];
        sum += d;
        other += d * v;
    }
    sum = gpu_team_reduce<gpu_sum>(p.team, sum, shared);
    other = gpu_team_reduce<gpu_sum>(p.team, other, shared);
    if (!p.exists || p.team.place != 0) return;
    double *to = (double *)args.sums + (p.part * args.channels + p.channel) * 2;
    to[0] = sum;
    to[1] = other;
}

/* Both sums of a channel, over all parts. */
GPU_DEVICE void gpu_norm_total(const gpu_norm_args &args, int64_t channel, double total[2])
{
    total[0] = total[1] = 0;
    for (int64_t part = 0; part < args.parts; part++) {
        const double *from = (const double *)args.sums + (part * args.channels + channel) * 2;
        total[0] += from[0];
        total[1] += from[1];
    }
}

/* ---- y = (x - mean) * scale + bias */

template <typename T> GPU_DEVICE void gpu_norm_update(void *running, int64_t at, double momentum, double value)
{
    T *r = (T *)running + at;
    *r = (T)((1 - momentum) * (double)*r + momentum * value);
}

/* What all pixels of a channel are treated with. */
template <typename T> struct gpu_norm_factors {
    T mean, scale, slope, shift;
};

template <typename T>
GPU_DEVICE gpu_norm_factors<T> gpu_norm_forward_factors(const gpu_norm_args &args, const gpu_norm_place &p)
{
    const double count = (double)args.pixels.n;
    const int64_t c = p.channel;
    const bool first = p.part == 0 && p.team.place == 0, measured = args.training && count > 0;
    double mean = 0, variance = 0;
    if (measured) {
        double total[2];
        gpu_norm_total(args, c, total);
        mean = gpu_norm_shift<T>(args, c) + total[0] / count;
        variance = (total[1] - total[0] * total[0] / count) / count;
        if (variance < 0) variance = 0;
        if (first && args.running_mean)
            gpu_norm_update<T>(args.running_mean, c * args.strides[GPU_NORM_RUNNING_MEAN], args.momentum, mean);
        if (first && args.running_var)
            gpu_norm_update<T>(args.running_var, c * args.strides[GPU_NORM_RUNNING_VAR], args.momentum,
                               variance * count / (count - 1));
    } else {
        mean = gpu_norm_element<T>(args, args.running_mean, GPU_NORM_RUNNING_MEAN, c, 0);
        variance = gpu_norm_element<T>(args, args.running_var, GPU_NORM_RUNNING_VAR, c, 0);
    }
    double rstd = 1 / sqrt(variance + args.eps);
    if (first) {
        ((T *)args.mean)[c * args.strides[GPU_NORM_MEAN]] = (T)mean;
        ((T *)args.rstd)[c * args.strides[GPU_NORM_RSTD]] = (T)rstd;
    }
    return gpu_norm_factors<T>{(T)mean, (T)(rstd * gpu_norm_element<T>(args, args.weight, GPU_NORM_WEIGHT, c, 1)), 0,
                               (T)gpu_norm_element<T>(args, args.bias, GPU_NORM_BIAS, c, 0)};
}

/* dx = scale * dy + slope * (x - mean) + shift */
template <typename T>
GPU_DEVICE gpu_norm_factors<T> gpu_norm_backward_factors(const gpu_norm_args &args, const gpu_norm_place &p)
{
    const double count = (double)args.pixels.n;
    const int64_t c = p.channel;
    double total[2], mean = gpu_norm_element<T>(args, args.mean, GPU_NORM_MEAN, c, 0);
    double rstd = gpu_norm_element<T>(args, args.rstd, GPU_NORM_RSTD, c, 1);
    double scale = rstd * gpu_norm_element<T>(args, args.weight, GPU_NORM_WEIGHT, c, 1), slope = 0, shift = 0;
    gpu_norm_total(args, c, total);
    if (p.part == 0 && p.team.place == 0) {
        ((T *)args.dweight)[c * args.strides[GPU_NORM_DWEIGHT]] = (T)total[1];
        ((T *)args.dbias)[c * args.strides[GPU_NORM_DBIAS]] = (T)total[0];
    }
    if (args.training && count > 0) {
        slope = -scale * rstd * total[1] / count;
        shift = -scale * total[0] / count;
    }
    return gpu_norm_factors<T>{(T)mean, (T)scale, (T)slope, (T)shift};
}

template <typename T> GPU_DEVICE void gpu_norm_apply(const gpu_norm_args &args)
{
    gpu_norm_place p = gpu_norm_place_of(args);
    if (!p.exists) return;
    gpu_norm_factors<T> f =
        args.backward ? gpu_norm_backward_factors<T>(args, p) : gpu_norm_forward_factors<T>(args, p);
    for (int64_t i = p.part * args.each + p.team.place; i < gpu_norm_end(args, p); i += p.team.size) {
        int64_t at[3];
        gpu_norm_at(args, p, i, at);
        T centred = ((const T *)args.x)[at[0]] - f.mean, y = centred * f.scale;
        if (args.backward) y = f.scale * ((const T *)args.dy)[at[1]] + f.slope * centred;
        ((T *)args.y)[at[2]] = y + f.shift;
    }
}

GPU_DEFINE(norm_sums_f32, gpu_norm_args, GPU_THREADS)
{
    gpu_norm_sums<float>(args);
}

GPU_DEFINE(norm_sums_f64, gpu_norm_args, GPU_THREADS)
{
    gpu_norm_sums<double>(args);
}

GPU_DEFINE(norm_apply_f32, gpu_norm_args, GPU_THREADS)
{
    gpu_norm_apply<float>(args);
}

GPU_DEFINE(norm_apply_f64, gpu_norm_args, GPU_THREADS)
{
    gpu_norm_apply<double>(args);
}
