/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversion between dtypes: as C converts, but numbers out of range saturate and NaN gives 0; to bool: x != 0. */
#include "map.h"

static inline int64_t i64_of_real(double x)
{
    return x != x ? 0 : x < -0x1p63 ? INT64_MIN : x >= 0x1p63 ? INT64_MAX : (int64_t)x;
}

static inline int32_t i32_of_real(double x)
{
    return x != x ? 0 : x < -0x1p31 ? INT32_MIN : x >= 0x1p31 ? INT32_MAX : (int32_t)x;
}

static inline uint8_t u8_of_real(double x)
{
    return x >= 255 ? 255 : x > 0 ? (uint8_t)x : 0;
}

static inline int32_t i32_of_integer(int64_t x)
{
    return x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : (int32_t)x;
}

static inline uint8_t u8_of_integer(int64_t x)
{
    return x < 0 ? 0 : x > UINT8_MAX ? UINT8_MAX : (uint8_t)x;
}

/* One source dtype to all six. */
#define FROM(from, X, to_i64, to_i32, to_u8)      \
    DN_ROW1(from##_to_f32, X, float, x)           \
    DN_ROW1(from##_to_f64, X, double, x)          \
    DN_ROW1(from##_to_i64, X, int64_t, to_i64(x)) \
    DN_ROW1(from##_to_i32, X, int32_t, to_i32(x)) \
    DN_ROW1(from##_to_u8, X, uint8_t, to_u8(x))   \
    DN_ROW1(from##_to_bool, X, uint8_t, x != 0)
FROM(f32, float, i64_of_real, i32_of_real, u8_of_real)
FROM(f64, double, i64_of_real, i32_of_real, u8_of_real)
FROM(i64, int64_t, , i32_of_integer, u8_of_integer)
FROM(i32, int32_t, , , u8_of_integer)
FROM(u8, uint8_t, , , )

dn_row_fn dn_cast_row(tn_dtype from, tn_dtype to)
{
#define TO_ALL(from)                                                                                            \
    {                                                                                                           \
        [TN_F32] = from##_to_f32, [TN_F64] = from##_to_f64, [TN_I64] = from##_to_i64, [TN_I32] = from##_to_i32, \
        [TN_U8] = from##_to_u8, [TN_BOOL] = from##_to_bool                                                      \
    }
    static const dn_row_fn rows[TN_BOOL + 1][TN_BOOL + 1] = {
        [TN_F32] = TO_ALL(f32), [TN_F64] = TO_ALL(f64), [TN_I64] = TO_ALL(i64),
        [TN_I32] = TO_ALL(i32), [TN_U8] = TO_ALL(u8),   [TN_BOOL] = TO_ALL(u8),
    };
#undef TO_ALL
    return rows[from][to];
}

void dn_store(tn_dtype dtype, double value, void *to)
{
    const int64_t apart[DN_OPERANDS] = {0};
    dn_cast_row(TN_F64, dtype)(1, (char *const[]){to, (char *)&value}, apart, NULL);
}

tn_status dn_cast_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    DN_TRY(dn_dtype_in(desc, desc->in[0]->dtype, DN_ANY, error));
    return dn_dtype_in(desc, desc->out[0]->dtype, DN_ANY, error);
}

tn_status dn_cast_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                       tn_error *error)
{
    DN_TRY(dn_cast_check(self, device, desc, error));
    return dn_map_create(desc, dn_cast_row(desc->in[0]->dtype, desc->out[0]->dtype), DN_GRAIN_CHEAP, NULL, 0, plan,
                         error);
}
