/* SPDX-License-Identifier: Apache-2.0
 *
 * z = f(x, y), element by element. One kernel for each dtype has all that is cheap: which f is the same for all threads,
 * so the choice costs one branch for GPU_LANES elements. What calls the maths library is apart, for it wants more
 * registers. bool is u8 here. */

#include "dtype.h"

/* A case of a switch over gpu_map_args.op. */
#define GPU_MAP_CASE(name, type, value) \
    case GPU_DO_##name:                 \
        for (int v = 0; v < V; v++) {   \
            T x = xs[v], y = ys[v];     \
            (void)x, (void)y;           \
            zs[v] = (type)(value);      \
        }                               \
        break;

/* If x or y is NaN neither is larger, and their sum is the NaN that must come out. */
template <typename T> GPU_DEVICE T gpu_larger(T x, T y)
{
    return x > y ? x : x <= y ? y : (T)(x + y);
}

template <typename T> GPU_DEVICE T gpu_smaller(T x, T y)
{
    return x < y ? x : x >= y ? y : (T)(x + y);
}

template <typename T, int V> GPU_DEVICE void gpu_map_reals(int op, const T *xs, const T *ys, T high, T *zs)
{
    switch (op) {
        GPU_MAP_CASE(NEG, T, -x)
        GPU_MAP_CASE(ABS, T, fabs(x))
        GPU_MAP_CASE(SQUARE, T, x * x)
        GPU_MAP_CASE(SIGN, T, x > 0 ? 1 : x < 0 ? -1 : x)
        GPU_MAP_CASE(SQRT, T, sqrt(x))
        GPU_MAP_CASE(RSQRT, T, 1 / sqrt(x))
        GPU_MAP_CASE(RECIPROCAL, T, 1 / x)
        GPU_MAP_CASE(RELU, T, x < 0 ? 0 : x)
        GPU_MAP_CASE(STEP, T, x > 0 ? 1 : x <= 0 ? 0 : x)
        GPU_MAP_CASE(ADD, T, x + y)
        GPU_MAP_CASE(SUB, T, x - y)
        GPU_MAP_CASE(MUL, T, x * y)
        GPU_MAP_CASE(DIV, T, x / y)
        GPU_MAP_CASE(MAXIMUM, T, gpu_larger(x, y))
        GPU_MAP_CASE(MINIMUM, T, gpu_smaller(x, y))
        GPU_MAP_CASE(RELU_GRAD, T, y > 0 ? x : 0)
        GPU_MAP_CASE(CLAMP, T, gpu_smaller(gpu_larger(x, y), high))
    }
}

/* U: unsigned and at least as wide, so that nothing overflows. */
template <typename T, typename U, int V> GPU_DEVICE void gpu_map_wholes(int op, const T *xs, const T *ys, T high, T *zs)
{
    switch (op) {
        GPU_MAP_CASE(NEG, T, 0 - (U)x)
        GPU_MAP_CASE(ABS, T, x > 0 ? (U)x : 0 - (U)x)
        GPU_MAP_CASE(SQUARE, T, (U)x * (U)x)
        GPU_MAP_CASE(SIGN, T, x > 0 ? 1 : x == 0 ? 0 : -1)
        GPU_MAP_CASE(NOT, T, !x)
        GPU_MAP_CASE(ADD, T, (U)x + (U)y)
        GPU_MAP_CASE(SUB, T, (U)x - (U)y)
        GPU_MAP_CASE(MUL, T, (U)x * (U)y)
        GPU_MAP_CASE(MAXIMUM, T, x > y ? x : y)
        GPU_MAP_CASE(MINIMUM, T, x < y ? x : y)
        GPU_MAP_CASE(AND, T, x & y)
        GPU_MAP_CASE(OR, T, x | y)
        GPU_MAP_CASE(XOR, T, x ^ y)
        GPU_MAP_CASE(CLAMP, T, gpu_smaller(gpu_larger(x, y), high))
    }
}

template <typename T, int V> GPU_DEVICE void gpu_map_tests(int op, const T *xs, const T *ys, uint8_t *zs)
{
    switch (op) {
        GPU_MAP_CASE(EQ, uint8_t, x == y)
        GPU_MAP_CASE(NE, uint8_t, x != y)
        GPU_MAP_CASE(LT, uint8_t, x < y)
        GPU_MAP_CASE(LE, uint8_t, x <= y)
        GPU_MAP_CASE(GT, uint8_t, x > y)
        GPU_MAP_CASE(GE, uint8_t, x >= y)
    }
}

/* gelu takes the upper tail from erfc: 1 + erf would cancel far left. */
template <typename T, int V> GPU_DEVICE void gpu_map_maths(int op, const T *xs, const T *ys, T *zs)
{
    const T root_half = (T)0.70710678118654752440;
    switch (op) {
        GPU_MAP_CASE(EXP, T, exp(x))
        GPU_MAP_CASE(LOG, T, log(x))
        GPU_MAP_CASE(SIN, T, sin(x))
        GPU_MAP_CASE(COS, T, cos(x))
        GPU_MAP_CASE(TANH, T, tanh(x))
        GPU_MAP_CASE(SIGMOID, T, 1 / (1 + exp(-x)))
        GPU_MAP_CASE(GELU, T, x / 2 * erfc(-x * root_half))
        GPU_MAP_CASE(ERF, T, erf(x))
        GPU_MAP_CASE(POW, T, pow(x, y))
    }
}

#undef GPU_MAP_CASE

template <typename T, int V>
GPU_DEVICE void gpu_map_load(const gpu_map_args &args, T number, const gpu_turn<3, V> &turn, int k, T *x)
{
    if (!(args.fixed >> k & 1)) return gpu_load(args.walk, turn, k, x);
    for (int v = 0; v < V; v++) x[v] = number;
}

template <typename T, typename U, int V> GPU_DEVICE void gpu_map_all(const gpu_map_args &args)
{
    const T number = gpu_of_bits<T>(args.number), high = gpu_of_bits<T>(args.high);
    GPU_EACH_TILE(V, args.walk, tile)
    {
        gpu_turn<3, V> turn = gpu_turn_of<3, V>(args.walk, tile);
        T x[V], y[V], z[V] = {};
        uint8_t truth[V] = {};
        gpu_map_load(args, number, turn, 1, x);
        gpu_map_load(args, number, turn, 2, y);
        if (args.op >= GPU_DO_EQ) {
            gpu_map_tests<T, V>(args.op, x, y, truth);
            gpu_store(args.walk, turn, 0, truth);
            continue;
        }
        if constexpr (gpu_is_real<T>)
            gpu_map_reals<T, V>(args.op, x, y, high, z);
        else
            gpu_map_wholes<T, U, V>(args.op, x, y, high, z);
        gpu_store(args.walk, turn, 0, z);
    }
}

template <typename T, int V> GPU_DEVICE void gpu_math_all(const gpu_map_args &args)
{
    const T number = gpu_of_bits<T>(args.number); /* here, or AMD's compiler copies all of args to scratch memory */
    GPU_EACH_TILE(V, args.walk, tile)
    {
        gpu_turn<3, V> turn = gpu_turn_of<3, V>(args.walk, tile);
        T x[V], y[V], z[V] = {};
        gpu_map_load(args, number, turn, 1, x);
        gpu_map_load(args, number, turn, 2, y);
        gpu_map_maths<T, V>(args.op, x, y, z);
        gpu_store(args.walk, turn, 0, z);
    }
}

#define GPU_MAP_KERNEL(name, body)                   \
    GPU_DEFINE(name, gpu_map_args, GPU_WALK_THREADS) \
    {                                                \
        body(args);                                  \
    }
GPU_MAP_KERNEL(map_f32, (gpu_map_all<float, float, GPU_LANES>))
GPU_MAP_KERNEL(map_f64, (gpu_map_all<double, double, GPU_LANES>))
GPU_MAP_KERNEL(map_i64, (gpu_map_all<int64_t, uint64_t, GPU_LANES>))
GPU_MAP_KERNEL(map_i32, (gpu_map_all<int32_t, uint32_t, GPU_LANES>))
GPU_MAP_KERNEL(map_u8, (gpu_map_all<uint8_t, uint32_t, GPU_LANES>))
GPU_MAP_KERNEL(math_f32, (gpu_math_all<float, GPU_LANES>))
GPU_MAP_KERNEL(math_f64, (gpu_math_all<double, 1>)) /* so large that it is there only once */
#undef GPU_MAP_KERNEL
