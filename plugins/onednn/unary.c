/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operators of one input: a row is a name and the value of x. Integers go through unsigned types, so that
 * they wrap without undefined behaviour. */
#include "map.h"
#include "vmath.h"

/* The upper tail of the normal distribution: 1 + erf would cancel far left of 0. */
DN_INLINE float gelu_of_f32(float x)
{
    return 0.5f * x * erfcf(x * -(float)M_SQRT1_2);
}
DN_INLINE double gelu_of_f64(double x)
{
    return 0.5 * x * erfc(x * -M_SQRT1_2);
}

/* clang-format off */
#define FLOATS(name, f32, f64)                             \
    DN_ROW1(name##_f32, float, float, f32)                 \
    DN_ROW1(name##_f64, double, double, f64)
#define INTEGERS(name, wide, narrow)                       \
    DN_ROW1(name##_i64, int64_t, int64_t, wide)            \
    DN_ROW1(name##_i32, int32_t, int32_t, narrow)

/* Loops that vectorise.   f32                              f64 */
FLOATS(neg,        -x,                              -x)
FLOATS(abs,        fabsf(x),                        fabs(x))
FLOATS(square,     x * x,                           x * x)
FLOATS(sign,       x > 0 ? 1 : x < 0 ? -1 : x,      x > 0 ? 1 : x < 0 ? -1 : x)
FLOATS(sqrt,       sqrtf(x),                        sqrt(x))
FLOATS(rsqrt,      1 / sqrtf(x),                    1 / sqrt(x))
FLOATS(reciprocal, 1 / x,                           1 / x)
FLOATS(relu,       x < 0 ? 0 : x,                   x < 0 ? 0 : x)
FLOATS(step,       x > 0 ? 1 : x <= 0 ? 0 : x,      x > 0 ? 1 : x <= 0 ? 0 : x)
FLOATS(exp,        dn_exp_f32(x),                   exp(x))
FLOATS(sigmoid,    1 / (1 + dn_exp_f32(-x)),        1 / (1 + exp(-x)))

/* Loops that call the C library. */
FLOATS(log,        logf(x),                         log(x))
FLOATS(sin,        sinf(x),                         sin(x))
FLOATS(cos,        cosf(x),                         cos(x))
FLOATS(tanh,       tanhf(x),                        tanh(x))
FLOATS(erf,        erff(x),                         erf(x))
FLOATS(gelu,       gelu_of_f32(x),                       gelu_of_f64(x))

/*                         i64                              i32 */
INTEGERS(neg,      (int64_t)(0 - (uint64_t)x),      (int32_t)(0 - (uint32_t)x))
INTEGERS(abs,      x < 0 ? (int64_t)(0 - (uint64_t)x) : x, x < 0 ? (int32_t)(0 - (uint32_t)x) : x)
INTEGERS(square,   (int64_t)((uint64_t)x * (uint64_t)x), (int32_t)((uint32_t)x * (uint32_t)x))
INTEGERS(sign,     (x > 0) - (x < 0),               (x > 0) - (x < 0))
DN_ROW1(square_u8,      uint8_t, uint8_t, x * x)
DN_ROW1(logical_not_u8, uint8_t, uint8_t, !x)

const dn_map
    dn_neg         = {{DN_OF_SIGNED(neg)},            DN_GRAIN_CHEAP},
    dn_abs         = {{DN_OF_SIGNED(abs)},            DN_GRAIN_CHEAP},
    dn_square      = {{DN_OF_NUMBERS(square)},        DN_GRAIN_CHEAP},
    dn_sign        = {{DN_OF_SIGNED(sign)},           DN_GRAIN_CHEAP},
    dn_sqrt        = {{DN_OF_FLOATS(sqrt)},           DN_GRAIN_CHEAP},
    dn_rsqrt       = {{DN_OF_FLOATS(rsqrt)},          DN_GRAIN_CHEAP},
    dn_reciprocal  = {{DN_OF_FLOATS(reciprocal)},     DN_GRAIN_CHEAP},
    dn_relu        = {{DN_OF_FLOATS(relu)},           DN_GRAIN_CHEAP},
    dn_step        = {{DN_OF_FLOATS(step)},           DN_GRAIN_CHEAP},
    dn_exp         = {{DN_OF_FLOATS(exp)},            DN_GRAIN_COSTLY},
    dn_sigmoid     = {{DN_OF_FLOATS(sigmoid)},        DN_GRAIN_COSTLY},
    dn_log         = {{DN_OF_FLOATS(log)},            DN_GRAIN_COSTLY},
    dn_sin         = {{DN_OF_FLOATS(sin)},            DN_GRAIN_COSTLY},
    dn_cos         = {{DN_OF_FLOATS(cos)},            DN_GRAIN_COSTLY},
    dn_tanh        = {{DN_OF_FLOATS(tanh)},           DN_GRAIN_COSTLY},
    dn_erf         = {{DN_OF_FLOATS(erf)},            DN_GRAIN_COSTLY},
    dn_gelu        = {{DN_OF_FLOATS(gelu)},           DN_GRAIN_COSTLY},
    dn_logical_not = {{[TN_BOOL] = logical_not_u8},   DN_GRAIN_CHEAP};
/* clang-format on */
