/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator catalogue: every operator that the core may ask a backend for. Names and schema strings are for ever:
 * what changes gets a new version (conv2d/2), and the core keeps both.
 *
 * Schema grammar:
 *   schema   name/version(input, ...; attribute:type, ...) -> output, ...
 *   input    name marks:dtype[dims]        marks: ? may be absent, ! is updated in place, * (last) is a list
 *   dtype    f32 f64 i64 i32 u8 bool, or a letter: T (f32 or f64), I (u8, i32 or i64), A B (any).
 *            The same letter is the same dtype everywhere in one schema.
 *   dims     names and numbers; the same name is the same size everywhere in one schema. A leading ... or ...x stands
 *            for any number of dims, the same where the same x follows. In a list, ... is matched for each element.
 *   list     all lists of one operator have the same length n >= 1; inputs are flattened list after list.
 *   type     i64 f64, or an array: i64[2].
 *   -> ()    no outputs: the operator works in place.
 *
 * Attributes travel in a struct tn_<name>_attrs: uint64_t struct_size, then the attributes in the schema's order.
 * All are 8 bytes wide, so a schema alone tells how to read, print and store them.
 *
 * Images are N C H W by dims; strides tell the memory order. "Convolution" is cross-correlation, as everywhere in
 * deep learning (Goodfellow et al., Deep Learning, section 9.1).
 *
 * Bounds. Each operator has a bound b: how far from exact a kernel may be. Let y be one output (or input updated in
 * place) computed without rounding from the inputs as they are given, and s the largest finite magnitude among the
 * elements of y and of all f32 and f64 inputs, but at least 1. Then every element of the kernel's result lies within
 * b * e * s of y's, where e is 2^-23 for f32 and 2^-52 for f64: b counts units in the last place of the largest number
 * around. NaN is where y has NaN, and infinities are where y has them. A bound of 0 asks for y itself, as do results of
 * other dtypes; a zero may have either sign. An index that a fused operator gives of the largest of several computed
 * numbers may name another that is as large within the bound. Bounds leave room for any order of summation, for fused
 * multiply-add, and for Winograd's convolution; not for operands or sums of less than f32's precision.
 *
 * To walk the catalogue, define TN_OP(name, schema, bound, meaning) and include this file again.
 */
#ifndef TENON_OPS_H
#define TENON_OPS_H

#include "tenon_abi.h"

/* One f64 argument: the scalar forms (add_scalar ...) and fill. */
typedef struct tn_scalar_attrs {
    uint64_t struct_size;
    double value;
} tn_scalar_attrs;

typedef struct tn_clamp_attrs {
    uint64_t struct_size;
    double min, max;
} tn_clamp_attrs;

typedef struct tn_cast_attrs {
    uint64_t struct_size;
    int64_t dtype; /* TN_F32 ... : of the output */
} tn_cast_attrs;

typedef struct tn_reduce_attrs {
    uint64_t struct_size;
    int64_t dims;    /* bit d set: dim d is reduced */
    int64_t keepdim; /* 1: reduced dims stay with size 1; 0: they go */
} tn_reduce_attrs;

/* softmax, log_softmax, cat */
typedef struct tn_dim_attrs {
    uint64_t struct_size;
    int64_t dim; /* 0 <= dim < rank */
} tn_dim_attrs;

typedef struct tn_argmax_attrs {
    uint64_t struct_size;
    int64_t dim; /* 0 <= dim < rank */
    int64_t keepdim;
} tn_argmax_attrs;

typedef struct tn_one_hot_attrs {
    uint64_t struct_size;
    int64_t classes;
} tn_one_hot_attrs;

typedef struct tn_index_add_attrs {
    uint64_t struct_size;
    int64_t rows; /* of the output */
} tn_index_add_attrs;

typedef struct tn_gather_scale_attrs {
    uint64_t struct_size;
    double scale, shift;
} tn_gather_scale_attrs;

/* Spatial pairs are {height, width}. Output size: floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. */
typedef struct tn_conv2d_attrs {
    uint64_t struct_size;
    int64_t stride[2], padding[2], dilation[2];
    int64_t groups; /* divides the channels of x and of y */
} tn_conv2d_attrs;

typedef struct tn_conv2d_grad_attrs {
    uint64_t struct_size;
    int64_t size[2]; /* grad_input: H, W of x; grad_weight: KH, KW */
    int64_t stride[2], padding[2], dilation[2];
    int64_t groups;
} tn_conv2d_grad_attrs;

/* A convolution whose result is max-pooled at once, without padding, dilation or ceil_mode of the pooling. */
typedef struct tn_conv2d_max_pool2d_relu_attrs {
    uint64_t struct_size;
    int64_t stride[2], padding[2], dilation[2];
    int64_t groups;
    int64_t pool_kernel[2], pool_stride[2];
} tn_conv2d_max_pool2d_relu_attrs;

typedef struct tn_conv2d_max_pool2d_grad_attrs {
    uint64_t struct_size;
    int64_t size[2]; /* grad_input: H, W of x; grad_weight: KH, KW */
    int64_t stride[2], padding[2], dilation[2];
    int64_t groups;
    int64_t pool_kernel[2], pool_stride[2];
} tn_conv2d_max_pool2d_grad_attrs;

/* ceil_mode 1: the output size is rounded up, and a last window that would start in the right padding is dropped. */
typedef struct tn_max_pool2d_attrs {
    uint64_t struct_size;
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int64_t ceil_mode;
} tn_max_pool2d_attrs;

typedef struct tn_max_pool2d_grad_attrs {
    uint64_t struct_size;
    int64_t size[2]; /* H, W of x */
    int64_t kernel[2], stride[2], padding[2], dilation[2];
} tn_max_pool2d_grad_attrs;

typedef struct tn_avg_pool2d_attrs {
    uint64_t struct_size;
    int64_t kernel[2], stride[2], padding[2];
    int64_t ceil_mode;
    int64_t count_include_pad; /* 1: padding counts in the divisor; what ceil_mode adds beyond it never does */
} tn_avg_pool2d_attrs;

typedef struct tn_avg_pool2d_grad_attrs {
    uint64_t struct_size;
    int64_t size[2]; /* H, W of x */
    int64_t kernel[2], stride[2], padding[2];
    int64_t count_include_pad;
} tn_avg_pool2d_grad_attrs;

typedef struct tn_batch_norm2d_attrs {
    uint64_t struct_size;
    int64_t training; /* 1: normalise by this batch and update the running statistics; 0: normalise by these */
    double momentum;  /* running = (1 - momentum) running + momentum batch (variance: the unbiased one) */
    double eps;
} tn_batch_norm2d_attrs;

typedef struct tn_batch_norm2d_grad_attrs {
    uint64_t struct_size;
    int64_t training;
} tn_batch_norm2d_grad_attrs;

typedef struct tn_dropout_attrs {
    uint64_t struct_size;
    double p;     /* probability of a zero, 0 <= p < 1 */
    int64_t call; /* added to rng[1] */
} tn_dropout_attrs;

/* uniform: low, high; normal: mean, std. */
typedef struct tn_random_attrs {
    uint64_t struct_size;
    double a, b;
    int64_t call; /* added to rng[1] */
} tn_random_attrs;

typedef struct tn_arange_attrs {
    uint64_t struct_size;
    double start, step;
} tn_arange_attrs;

typedef struct tn_sgd_step_attrs {
    uint64_t struct_size;
    double momentum, weight_decay;
    int64_t nesterov;
} tn_sgd_step_attrs;

typedef struct tn_adam_step_attrs {
    uint64_t struct_size;
    double beta1, beta2, eps, weight_decay;
    int64_t decoupled; /* 0: Adam, decay added to the gradient; 1: AdamW, decay applied to the weight */
} tn_adam_step_attrs;

/* The schema string that this header gives an operator: TN_SCHEMA(conv2d). */
#define TN_SCHEMA(name) tn_schema_##name
#define TN_OP(name, schema, bound, meaning) TN_UNUSED static const char tn_schema_##name[] = schema;
#include "tenon_ops.h"
#undef TN_OP

#endif /* TENON_OPS_H */

#ifdef TN_OP
/* clang-format off */

/* ---- elementwise, one input; y may alias x */
TN_OP(neg,         "neg/1(x:A[...]) -> y:A[...]",          0, "-x (signed dtypes)")
TN_OP(abs,         "abs/1(x:A[...]) -> y:A[...]",          0, "|x| (signed dtypes)")
TN_OP(square,      "square/1(x:A[...]) -> y:A[...]",       1, "x * x")
TN_OP(sign,        "sign/1(x:A[...]) -> y:A[...]",         0, "-1, 0 or 1 (signed dtypes); NaN stays NaN")
TN_OP(exp,         "exp/1(x:T[...]) -> y:T[...]",          4, "e to the power of x")
TN_OP(log,         "log/1(x:T[...]) -> y:T[...]",          4, "natural logarithm")
TN_OP(sqrt,        "sqrt/1(x:T[...]) -> y:T[...]",         1, "square root")
TN_OP(rsqrt,       "rsqrt/1(x:T[...]) -> y:T[...]",        4, "1 / square root")
TN_OP(reciprocal,  "reciprocal/1(x:T[...]) -> y:T[...]",   4, "1 / x")
TN_OP(sin,         "sin/1(x:T[...]) -> y:T[...]",          4, "sine, x in radians")
TN_OP(cos,         "cos/1(x:T[...]) -> y:T[...]",          4, "cosine, x in radians")
TN_OP(tanh,        "tanh/1(x:T[...]) -> y:T[...]",         4, "hyperbolic tangent")
TN_OP(sigmoid,     "sigmoid/1(x:T[...]) -> y:T[...]",      4, "1 / (1 + exp(-x))")
TN_OP(relu,        "relu/1(x:T[...]) -> y:T[...]",         0, "max(x, 0); NaN stays NaN")
TN_OP(gelu,        "gelu/1(x:T[...]) -> y:T[...]",         8, "x * Phi(x), Phi the normal distribution function (erf form)")
TN_OP(erf,         "erf/1(x:T[...]) -> y:T[...]",          4, "error function")
TN_OP(step,        "step/1(x:T[...]) -> y:T[...]",         0, "1 if x > 0, else 0; NaN stays NaN")
TN_OP(logical_not, "logical_not/1(x:bool[...]) -> y:bool[...]",   0, "1 - x")

/* ---- elementwise, two inputs broadcast as in NumPy: shapes aligned at the right, sizes of 1 stretched */
TN_OP(add,         "add/1(x:A[...a], y:A[...b]) -> z:A[...c]",          1, "x + y (integers wrap)")
TN_OP(sub,         "sub/1(x:A[...a], y:A[...b]) -> z:A[...c]",          1, "x - y (integers wrap)")
TN_OP(mul,         "mul/1(x:A[...a], y:A[...b]) -> z:A[...c]",          1, "x * y (integers wrap)")
TN_OP(div,         "div/1(x:T[...a], y:T[...b]) -> z:T[...c]",          1, "x / y")
TN_OP(maximum,     "maximum/1(x:A[...a], y:A[...b]) -> z:A[...c]",      0, "the larger; NaN if either is")
TN_OP(minimum,     "minimum/1(x:A[...a], y:A[...b]) -> z:A[...c]",      0, "the smaller; NaN if either is")
TN_OP(pow,         "pow/1(x:T[...a], y:T[...b]) -> z:T[...c]",          8, "x to the power of y, as C's pow")
TN_OP(eq,          "eq/1(x:A[...a], y:A[...b]) -> z:bool[...c]",        0, "x == y")
TN_OP(ne,          "ne/1(x:A[...a], y:A[...b]) -> z:bool[...c]",        0, "x != y")
TN_OP(lt,          "lt/1(x:A[...a], y:A[...b]) -> z:bool[...c]",        0, "x < y")
TN_OP(le,          "le/1(x:A[...a], y:A[...b]) -> z:bool[...c]",        0, "x <= y")
TN_OP(gt,          "gt/1(x:A[...a], y:A[...b]) -> z:bool[...c]",        0, "x > y")
TN_OP(ge,          "ge/1(x:A[...a], y:A[...b]) -> z:bool[...c]",        0, "x >= y")
TN_OP(logical_and, "logical_and/1(x:bool[...a], y:bool[...b]) -> z:bool[...c]",   0, "both")
TN_OP(logical_or,  "logical_or/1(x:bool[...a], y:bool[...b]) -> z:bool[...c]",    0, "either")
TN_OP(logical_xor, "logical_xor/1(x:bool[...a], y:bool[...b]) -> z:bool[...c]",   0, "one, not both")

/* ---- elementwise with a number, converted to the dtype of x first; the core refuses a number that an integer dtype
 * cannot hold */
TN_OP(add_scalar,     "add_scalar/1(x:A[...]; value:f64) -> y:A[...]",       2, "x + value")
TN_OP(mul_scalar,     "mul_scalar/1(x:A[...]; value:f64) -> y:A[...]",       2, "x * value")
TN_OP(rsub_scalar,    "rsub_scalar/1(x:A[...]; value:f64) -> y:A[...]",      2, "value - x")
TN_OP(rdiv_scalar,    "rdiv_scalar/1(x:T[...]; value:f64) -> y:T[...]",      2, "value / x")
TN_OP(pow_scalar,     "pow_scalar/1(x:T[...]; value:f64) -> y:T[...]",       8, "x to the power of value, as C's pow")
TN_OP(maximum_scalar, "maximum_scalar/1(x:A[...]; value:f64) -> y:A[...]",   1, "the larger; NaN if x is")
TN_OP(minimum_scalar, "minimum_scalar/1(x:A[...]; value:f64) -> y:A[...]",   1, "the smaller; NaN if x is")
TN_OP(eq_scalar,      "eq_scalar/1(x:A[...]; value:f64) -> y:bool[...]",     0, "x == value")
TN_OP(ne_scalar,      "ne_scalar/1(x:A[...]; value:f64) -> y:bool[...]",     0, "x != value")
TN_OP(lt_scalar,      "lt_scalar/1(x:A[...]; value:f64) -> y:bool[...]",     0, "x < value")
TN_OP(le_scalar,      "le_scalar/1(x:A[...]; value:f64) -> y:bool[...]",     0, "x <= value")
TN_OP(gt_scalar,      "gt_scalar/1(x:A[...]; value:f64) -> y:bool[...]",     0, "x > value")
TN_OP(ge_scalar,      "ge_scalar/1(x:A[...]; value:f64) -> y:bool[...]",     0, "x >= value")

/* ---- other elementwise */
TN_OP(where,     "where/1(c:bool[...a], x:A[...b], y:A[...c]) -> z:A[...d]",   0, "x where c, else y; all three broadcast")
TN_OP(clamp,     "clamp/1(x:A[...]; min:f64, max:f64) -> y:A[...]",            1, "min(max(x, min), max); NaN stays NaN; an infinite bound is none")
TN_OP(relu_grad, "relu_grad/1(dy:T[...], y:T[...]) -> dx:T[...]",              0, "dy where y > 0, else 0; dx may alias dy")
TN_OP(relu_grad_sum, "relu_grad_sum/1(dy:T[...,C], y:T[...,C]) -> dz:T[...,C], db:T[C]", 32,
      "fused: dz = relu_grad(dy, y), db = sum of dz over all dims but the last; dz may alias dy")
TN_OP(cast,      "cast/1(x:A[...]; dtype:i64) -> y:B[...]",   1, "as C converts; out of range saturates, NaN gives 0; to bool: x != 0")
TN_OP(copy,      "copy/1(x:A[...]) -> y:A[...]",              0, "the same elements, in the memory order that y has")

/* ---- fills, in place. Philox 4x32-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011): the
 * element with row-major index i takes word i % 4 of the block with counter {lo(i / 4), hi(i / 4), lo(o), hi(o)} and
 * key {lo(seed), hi(seed)}, where rng = {seed, offset}, o = offset + call, lo and hi are 32-bit halves.
 * u = (word >> 8) * 2^-24. */
TN_OP(fill,    "fill/1(y!:A[...]; value:f64) -> ()",                               1, "y = value")
TN_OP(arange,  "arange/1(y!:A[N]; start:f64, step:f64) -> ()",                     1, "y[i] = start + i * step, computed in f64")
TN_OP(uniform, "uniform/1(y!:T[...], rng:i64[2]; a:f64, b:f64, call:i64) -> ()",   1, "a + (b - a) * u, computed in f64")
TN_OP(normal,  "normal/1(y!:T[...], rng:i64[2]; a:f64, b:f64, call:i64) -> ()", 8,
      "a + b * z in f64, z by Box and Muller from the words v, w of an even and the next odd element: with "
      "r = sqrt(-2 ln((v + 1) 2^-32)), r cos(2 pi w 2^-32) and r sin(2 pi w 2^-32)")
TN_OP(dropout, "dropout/1(x:T[...], rng:i64[2]; p:f64, call:i64) -> y:T[...], mask:u8[...]", 2,
      "mask = u >= p; y = x / (1 - p) where mask, else 0")

/* ---- reductions; of no elements: sum 0, mean NaN, max and min refused */
TN_OP(sum,    "sum/1(x:A[...a]; dims:i64, keepdim:i64) -> y:A[...b]",    32, "sum over dims; f32 to at least pairwise accuracy")
TN_OP(mean,   "mean/1(x:T[...a]; dims:i64, keepdim:i64) -> y:T[...b]",   32, "sum / number of elements")
TN_OP(max,    "max/1(x:A[...a]; dims:i64, keepdim:i64) -> y:A[...b]",     0, "largest; NaN if any is")
TN_OP(min,    "min/1(x:A[...a]; dims:i64, keepdim:i64) -> y:A[...b]",     0, "smallest; NaN if any is")
TN_OP(argmax, "argmax/1(x:A[...a]; dim:i64, keepdim:i64) -> y:i64[...b]",   0, "index of the first largest; NaN counts as largest")

/* ---- products */
TN_OP(matmul, "matmul/1(x:T[...a,M,K], y:T[...b,K,N]) -> z:T[...c,M,N]",  64, "matrix product; leading dims broadcast")
TN_OP(linear, "linear/1(x:T[...,I], w:T[O,I], b?:T[O]) -> y:T[...,O]",    64, "x w^T + b")
TN_OP(linear_relu, "linear_relu/1(x:T[...,I], w:T[O,I], b?:T[O]) -> y:T[...,O]", 64, "fused: relu(linear(x, w, b))")
TN_OP(linear_grad_weight,
      "linear_grad_weight/1(dy:T[N,O], x:T[N,I]) -> dw:T[O,I], db:T[O]",    64,
      "fused: dw = dy^T x, db = sum of dy over N: the gradient of linear for w and b")

/* ---- classification; targets lie in [0, C), others are undefined behaviour that the core rules out */
TN_OP(softmax,     "softmax/1(x:T[...]; dim:i64) -> y:T[...]",       8, "exp(x - max) / sum of the same, along dim")
TN_OP(log_softmax, "log_softmax/1(x:T[...]; dim:i64) -> y:T[...]",   8, "x - max - log(sum(exp(x - max))), along dim")
TN_OP(nll_loss,    "nll_loss/1(x:T[N,C], target:i64[N]) -> loss:T[]",   8, "mean over n of -x[n, target[n]]")
TN_OP(softmax_cross_entropy,
      "softmax_cross_entropy/1(x:T[N,C], target:i64[N]) -> loss:T[], p:T[N,C]", 16,
      "fused: loss = nll_loss(log_softmax(x, 1), target); p = softmax(x, 1), kept for the gradient")
TN_OP(softmax_cross_entropy_grad,
      "softmax_cross_entropy_grad/1(dy:T[], p:T[N,C], target:i64[N]) -> dx:T[N,C]", 8,
      "fused: (p - one_hot(target)) * dy / N")
TN_OP(one_hot,     "one_hot/1(index:i64[...]; classes:i64) -> y:i64[...,K]",   0, "y[..., k] = (index[...] == k), K = classes")

/* ---- convolution: O and I count channels of y and x; w holds I / groups of them */
TN_OP(conv2d,
      "conv2d/1(x:T[N,I,H,W], w:T[O,J,KH,KW], b?:T[O]; stride:i64[2], padding:i64[2], dilation:i64[2], groups:i64)"
      " -> y:T[N,O,P,Q]", 128, "convolution, J = I / groups")
TN_OP(conv2d_relu,
      "conv2d_relu/1(x:T[N,I,H,W], w:T[O,J,KH,KW], b?:T[O]; stride:i64[2], padding:i64[2], dilation:i64[2], groups:i64)"
      " -> y:T[N,O,P,Q]", 128, "fused: relu(conv2d(x, w, b))")
TN_OP(conv2d_grad_input,
      "conv2d_grad_input/1(dy:T[N,O,P,Q], w:T[O,J,KH,KW]; size:i64[2], stride:i64[2], padding:i64[2],"
      " dilation:i64[2], groups:i64) -> dx:T[N,I,H,W]", 128, "gradient of conv2d for x; I = J * groups, {H, W} = size; may be a convolution of dy padded with zeros")
TN_OP(conv2d_grad_weight,
      "conv2d_grad_weight/1(dy:T[N,O,P,Q], x:T[N,I,H,W]; size:i64[2], stride:i64[2], padding:i64[2],"
      " dilation:i64[2], groups:i64) -> dw:T[O,J,KH,KW], db:T[O]", 128, "gradient of conv2d for w and b; {KH, KW} = size")

/* ---- pooling */
TN_OP(max_pool2d,
      "max_pool2d/1(x:T[N,C,H,W]; kernel:i64[2], stride:i64[2], padding:i64[2], dilation:i64[2], ceil_mode:i64)"
      " -> y:T[N,C,P,Q], index:I[N,C,P,Q]", 0,
      "largest in each window, NaN if any is; index = kh * kernel[1] + kw of the first such, u8 if the window has at"
      " most 256 cells, else i32")
TN_OP(max_pool2d_grad,
      "max_pool2d_grad/1(dy:T[N,C,P,Q], index:I[N,C,P,Q]; size:i64[2], kernel:i64[2], stride:i64[2], padding:i64[2],"
      " dilation:i64[2]) -> dx:T[N,C,H,W]",   4, "each dy added where its maximum was; {H, W} = size")
TN_OP(max_pool2d_gather,
      "max_pool2d_gather/1(x:T[N,C,H,W], index:I[N,C,P,Q]; size:i64[2], kernel:i64[2], stride:i64[2], padding:i64[2],"
      " dilation:i64[2]) -> y:T[N,C,P,Q]",   0, "x at the places that index names: the gradient of max_pool2d_grad")
TN_OP(avg_pool2d,
      "avg_pool2d/1(x:T[N,C,H,W]; kernel:i64[2], stride:i64[2], padding:i64[2], ceil_mode:i64, count_include_pad:i64)"
      " -> y:T[N,C,P,Q]",   8, "mean of each window, padding being 0")
TN_OP(avg_pool2d_grad,
      "avg_pool2d_grad/1(dy:T[N,C,P,Q]; size:i64[2], kernel:i64[2], stride:i64[2], padding:i64[2],"
      " count_include_pad:i64) -> dx:T[N,C,H,W]",   8, "each dy spread evenly over its window; {H, W} = size")

/* ---- convolution and max pooling in one: P, Q count the windows of the pooling */
TN_OP(conv2d_max_pool2d_relu,
      "conv2d_max_pool2d_relu/1(x:T[N,I,H,W], w:T[O,J,KH,KW], b?:T[O]; stride:i64[2], padding:i64[2], dilation:i64[2],"
      " groups:i64, pool_kernel:i64[2], pool_stride:i64[2]) -> y:T[N,O,P,Q], index:I[N,O,P,Q]", 128,
      "fused: y = relu(max_pool2d(conv2d(x, w, b))), index as max_pool2d gives it, of the largest before relu")
TN_OP(conv2d_max_pool2d_grad_input,
      "conv2d_max_pool2d_grad_input/1(dy:T[N,O,P,Q], index:I[N,O,P,Q], w:T[O,J,KH,KW]; size:i64[2], stride:i64[2],"
      " padding:i64[2], dilation:i64[2], groups:i64, pool_kernel:i64[2], pool_stride:i64[2]) -> dx:T[N,I,H,W]", 128,
      "fused: conv2d_grad_input(max_pool2d_grad(dy, index), w); what no maximum comes from need not be multiplied")
TN_OP(conv2d_max_pool2d_grad_weight,
      "conv2d_max_pool2d_grad_weight/1(dy:T[N,O,P,Q], index:I[N,O,P,Q], x:T[N,I,H,W]; size:i64[2], stride:i64[2],"
      " padding:i64[2], dilation:i64[2], groups:i64, pool_kernel:i64[2], pool_stride:i64[2])"
      " -> dw:T[O,J,KH,KW], db:T[O]", 128,
      "fused: conv2d_grad_weight(max_pool2d_grad(dy, index), x); what no maximum comes from need not be multiplied")

/* ---- normalisation (Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1) */
TN_OP(batch_norm2d,
      "batch_norm2d/1(x:T[N,C,H,W], weight?:T[C], bias?:T[C], running_mean!?:T[C], running_var!?:T[C];"
      " training:i64, momentum:f64, eps:f64) -> y:T[N,C,H,W], mean:T[C], rstd:T[C]", 128,
      "y = (x - mean) * rstd * weight + bias, rstd = 1 / sqrt(biased variance + eps); in eval from running statistics")
TN_OP(batch_norm2d_grad,
      "batch_norm2d_grad/1(dy:T[N,C,H,W], x:T[N,C,H,W], weight?:T[C], mean:T[C], rstd:T[C]; training:i64)"
      " -> dx:T[N,C,H,W], dweight:T[C], dbias:T[C]", 32, "gradient of batch_norm2d")

/* ---- rows, joining */
TN_OP(index_select, "index_select/1(x:A[R,...], index:i64[N]) -> y:A[N,...]",   0, "y[n] = x[index[n]]")
TN_OP(index_add,    "index_add/1(dy:T[N,...], index:i64[N]; rows:i64) -> dx:T[R,...]", 128,
      "zeros with each dy[n] added to row index[n], in order of n; R = rows")
TN_OP(gather_scale, "gather_scale/1(x:u8[R,...], index:i64[N]; scale:f64, shift:f64) -> y:f32[N,...]", 2,
      "fused: y[n] = x[index[n]] * scale + shift")
TN_OP(cat,          "cat/1(x:A[...a]*; dim:i64) -> y:A[...b]",   0, "joined along dim; other sizes equal")

/* ---- optimizer steps over a list of parameters, in place; lr and step are device tensors. What of m and v is smaller
 * than the smallest normal number may become 0 */
TN_OP(sgd_step,
      "sgd_step/1(p!:T[...]*, g:T[...]*, v!?:T[...]*, lr:f64[]; momentum:f64, weight_decay:f64, nesterov:i64) -> ()", 8,
      "g += weight_decay p; v = momentum v + g; p -= lr (nesterov ? g + momentum v : v); without v: p -= lr g")
TN_OP(adam_step,
      "adam_step/1(p!:T[...]*, g:T[...]*, m!:T[...]*, v!:T[...]*, lr:f64[], step:i64[]; beta1:f64, beta2:f64, eps:f64,"
      " weight_decay:f64, decoupled:i64) -> ()", 64,
      "Adam (Kingma and Ba 2015, algorithm 1) and AdamW (Loshchilov and Hutter 2019, algorithm 2); step counts from 1")

/* clang-format on */
#endif
