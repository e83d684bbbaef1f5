/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operators: one row function for each operator and dtype, made by the macros below from one expression.
 * Each has a run for dense operands, for one that stays the same (a broadcast number), and for any strides. */
#ifndef DN_MAP_H
#define DN_MAP_H

#include "nest.h"

#include <math.h>

/* Elements that are worth a thread: of loops that wait for memory, and of loops that call the C library. */
enum { DN_GRAIN_CHEAP = 32768, DN_GRAIN_COSTLY = 4096 };

typedef struct dn_map {
    dn_row_fn row[TN_BOOL + 1]; /* by the dtype of the last input; NULL: not taken */
    int64_t grain;
} dn_map;

/* TN_OK if map has a row for the dtype. */
tn_status dn_map_takes(const dn_map *map, const tn_op_desc *desc, tn_dtype dtype, tn_error *error);

/* A plan that runs `row` on output 0 and the inputs. `value`, two doubles wide, is what row gets as its arg, and what
 * operand `fixed`, if that is not 0, points to; the inputs are the other operands. */
tn_status dn_map_create(const tn_op_desc *desc, dn_row_fn row, int64_t grain, const void *value, int fixed,
                        tn_plan **plan, tn_error *error);

/* Converts operand 1 to operand 0. */
dn_row_fn dn_cast_row(tn_dtype from, tn_dtype to);
/* Writes value as an element of dtype: out of range saturates, NaN gives 0, fractions are cut off. */
void dn_store(tn_dtype dtype, double value, void *to);

/* Element i of operand k, T wide, at any step. */
#define DN_AT(T, k, i) (*(T *)(at[k] + (i)*step[k]))

/* z = expr(x), x of type X, z of type Z, `arg` at hand. */
#define DN_ROW1(name, X, Z, expr)                                                                      \
    DN_MULTIVERSION static void name(int64_t n, char *const *at, const int64_t *step, const void *arg) \
    {                                                                                                  \
        Z *z = (Z *)at[0];                                                                             \
        const X *xs = (const X *)at[1];                                                                \
        (void)arg;                                                                                     \
        if (step[0] == sizeof(Z) && step[1] == sizeof(X)) {                                            \
            DN_EACH1(X, Z, z[i], xs[i], expr)                                                          \
        } else if (step[0] == sizeof(Z) && step[1] == 0) {                                             \
            const X first = *xs;                                                                       \
            DN_EACH1(X, Z, z[i], first, expr)                                                          \
        } else {                                                                                       \
            DN_EACH1(X, Z, DN_AT(Z, 0, i), DN_AT(const X, 1, i), expr)                                 \
        }                                                                                              \
    }
#define DN_EACH1(X, Z, z_is, x_is, expr)           \
    DN_INDEPENDENT for (int64_t i = 0; i < n; i++) \
    {                                              \
        const X x = x_is;                          \
        z_is = (Z)(expr);                          \
    }

/* z = expr(x, y), x and y of type X, z of type Z. */
#define DN_ROW2(name, X, Z, expr)                                                                      \
    DN_MULTIVERSION static void name(int64_t n, char *const *at, const int64_t *step, const void *arg) \
    {                                                                                                  \
        const int64_t wide = sizeof(X);                                                                \
        Z *z = (Z *)at[0];                                                                             \
        const X *xs = (const X *)at[1], *ys = (const X *)at[2];                                        \
        (void)arg;                                                                                     \
        if (step[0] == sizeof(Z) && step[1] == wide && step[2] == wide) {                              \
            DN_EACH2(X, Z, z[i], xs[i], ys[i], expr)                                                   \
        } else if (step[0] == sizeof(Z) && step[1] == wide && step[2] == 0) {                          \
            const X first = *ys;                                                                       \
            DN_EACH2(X, Z, z[i], xs[i], first, expr)                                                   \
        } else if (step[0] == sizeof(Z) && step[1] == 0 && step[2] == wide) {                          \
            const X first = *xs;                                                                       \
            DN_EACH2(X, Z, z[i], first, ys[i], expr)                                                   \
        } else {                                                                                       \
            DN_EACH2(X, Z, DN_AT(Z, 0, i), DN_AT(const X, 1, i), DN_AT(const X, 2, i), expr)           \
        }                                                                                              \
    }
#define DN_EACH2(X, Z, z_is, x_is, y_is, expr)     \
    DN_INDEPENDENT for (int64_t i = 0; i < n; i++) \
    {                                              \
        const X x = x_is, y = y_is;                \
        z_is = (Z)(expr);                          \
    }

/* Rows of a dn_map by class of dtype. A bool has u8's memory and, where only order matters, its loop. */
#define DN_OF_FLOATS(name) [TN_F32] = name##_f32, [TN_F64] = name##_f64
#define DN_OF_SIGNED(name) DN_OF_FLOATS(name), [TN_I64] = name##_i64, [TN_I32] = name##_i32
#define DN_OF_NUMBERS(name) DN_OF_SIGNED(name), [TN_U8] = name##_u8
#define DN_OF_ALL(name) DN_OF_NUMBERS(name), [TN_BOOL] = name##_u8

/* The rows that plugin.c gives the kernels of each family. */
/* clang-format off */
extern const dn_map
    dn_neg, dn_abs, dn_square, dn_sign, dn_exp, dn_log, dn_sqrt, dn_rsqrt, dn_reciprocal, dn_sin, dn_cos, dn_tanh,
    dn_sigmoid, dn_relu, dn_gelu, dn_erf, dn_step, dn_logical_not,
    dn_add, dn_sub, dn_mul, dn_div, dn_maximum, dn_minimum, dn_pow, dn_eq, dn_ne, dn_lt, dn_le, dn_gt, dn_ge,
    dn_logical_and, dn_logical_or, dn_logical_xor, dn_relu_grad, dn_where;

typedef struct dn_scalar {
    const dn_map *map; /* the two-input form */
    int value_at;      /* the operand that is the number: 1 (x) or 2 (y) */
} dn_scalar;
extern const dn_scalar
    dn_add_scalar, dn_mul_scalar, dn_rsub_scalar, dn_rdiv_scalar, dn_pow_scalar, dn_maximum_scalar, dn_minimum_scalar,
    dn_eq_scalar, dn_ne_scalar, dn_lt_scalar, dn_le_scalar, dn_gt_scalar, dn_ge_scalar;
/* clang-format on */

#endif
