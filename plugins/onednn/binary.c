/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operators of two inputs, broadcast: a row is a name and the value of x and y. Integers go through
 * unsigned types, so that they wrap without undefined behaviour. */
#include "map.h"

/* clang-format off */
#define FLOATS(name, value)                                \
    DN_ROW2(name##_f32, float, float, value)               \
    DN_ROW2(name##_f64, double, double, value)
#define WRAPPING(name, value)                              \
    FLOATS(name, value)                                    \
    DN_ROW2(name##_i64, uint64_t, uint64_t, value)         \
    DN_ROW2(name##_i32, uint32_t, uint32_t, value)         \
    DN_ROW2(name##_u8, uint8_t, uint8_t, value)
#define CHOICE(name, value)                                \
    FLOATS(name, value)                                    \
    DN_ROW2(name##_i64, int64_t, int64_t, value)           \
    DN_ROW2(name##_i32, int32_t, int32_t, value)           \
    DN_ROW2(name##_u8, uint8_t, uint8_t, value)
#define TEST(name, value)                                  \
    DN_ROW2(name##_f32, float, uint8_t, value)             \
    DN_ROW2(name##_f64, double, uint8_t, value)            \
    DN_ROW2(name##_i64, int64_t, uint8_t, value)           \
    DN_ROW2(name##_i32, int32_t, uint8_t, value)           \
    DN_ROW2(name##_u8, uint8_t, uint8_t, value)

WRAPPING(add, x + y)
WRAPPING(sub, x - y)
WRAPPING(mul, x * y)
FLOATS(div,   x / y)
/* If x or y is NaN, neither is larger, and their sum is the NaN that must come out. */
CHOICE(maximum, x > y ? x : x <= y ? y : x + y)
CHOICE(minimum, x < y ? x : x >= y ? y : x + y)
TEST(eq, x == y)
TEST(ne, x != y)
TEST(lt, x < y)
TEST(le, x <= y)
TEST(gt, x > y)
TEST(ge, x >= y)
DN_ROW2(and_u8, uint8_t, uint8_t, x & y)
DN_ROW2(or_u8,  uint8_t, uint8_t, x | y)
DN_ROW2(xor_u8, uint8_t, uint8_t, x ^ y)
DN_ROW2(pow_f32, float,  float,  powf(x, y))
DN_ROW2(pow_f64, double, double, pow(x, y))
FLOATS(relu_grad, y > 0 ? x : 0) /* x is dy */

const dn_map
    dn_add         = {{DN_OF_NUMBERS(add)},         DN_GRAIN_CHEAP},
    dn_sub         = {{DN_OF_NUMBERS(sub)},         DN_GRAIN_CHEAP},
    dn_mul         = {{DN_OF_NUMBERS(mul)},         DN_GRAIN_CHEAP},
    dn_div         = {{DN_OF_FLOATS(div)},          DN_GRAIN_CHEAP},
    dn_maximum     = {{DN_OF_ALL(maximum)},         DN_GRAIN_CHEAP},
    dn_minimum     = {{DN_OF_ALL(minimum)},         DN_GRAIN_CHEAP},
    dn_pow         = {{DN_OF_FLOATS(pow)},          DN_GRAIN_COSTLY},
    dn_eq          = {{DN_OF_ALL(eq)},              DN_GRAIN_CHEAP},
    dn_ne          = {{DN_OF_ALL(ne)},              DN_GRAIN_CHEAP},
    dn_lt          = {{DN_OF_ALL(lt)},              DN_GRAIN_CHEAP},
    dn_le          = {{DN_OF_ALL(le)},              DN_GRAIN_CHEAP},
    dn_gt          = {{DN_OF_ALL(gt)},              DN_GRAIN_CHEAP},
    dn_ge          = {{DN_OF_ALL(ge)},              DN_GRAIN_CHEAP},
    dn_relu_grad   = {{DN_OF_FLOATS(relu_grad)},    DN_GRAIN_CHEAP},
    dn_logical_and = {{[TN_BOOL] = and_u8},         DN_GRAIN_CHEAP},
    dn_logical_or  = {{[TN_BOOL] = or_u8},          DN_GRAIN_CHEAP},
    dn_logical_xor = {{[TN_BOOL] = xor_u8},         DN_GRAIN_CHEAP};
/* clang-format on */
