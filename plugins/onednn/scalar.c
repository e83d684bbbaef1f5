/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operators with numbers: the two-input form with one operand that never moves, and clamp. Also where,
 * the one elementwise operator of three inputs. */
#include "map.h"

/* clang-format off */
const dn_scalar
    dn_add_scalar     = {&dn_add,     2}, dn_mul_scalar     = {&dn_mul,     2}, dn_pow_scalar = {&dn_pow, 2},
    dn_rsub_scalar    = {&dn_sub,     1}, dn_rdiv_scalar    = {&dn_div,     1},
    dn_maximum_scalar = {&dn_maximum, 2}, dn_minimum_scalar = {&dn_minimum, 2},
    dn_eq_scalar      = {&dn_eq,      2}, dn_ne_scalar      = {&dn_ne,      2},
    dn_lt_scalar      = {&dn_lt,      2}, dn_le_scalar      = {&dn_le,      2},
    dn_gt_scalar      = {&dn_gt,      2}, dn_ge_scalar      = {&dn_ge,      2};
/* clang-format on */

tn_status dn_scalar_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)device;
    return dn_map_takes(((const dn_scalar *)self->data)->map, desc, desc->in[0]->dtype, error);
}

tn_status dn_scalar_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                         tn_error *error)
{
    const dn_scalar *scalar = self->data;
    const tn_scalar_attrs *attrs = desc->attrs;
    const tn_dtype dtype = desc->in[0]->dtype;
    double value[2] = {0};
    DN_TRY(dn_scalar_check(self, device, desc, error));
    dn_store(dtype, attrs->value, value);
    return dn_map_create(desc, scalar->map->row[dtype], scalar->map->grain, value, scalar->value_at, plan, error);
}

/* arg: min and max of x's type, 8 bytes apart */
#define CLAMP(name, T)                                                                         \
    DN_INLINE T bounded_##name(T x, const void *arg)                                           \
    {                                                                                          \
        const T min = *(const T *)arg, max = *(const T *)((const char *)arg + sizeof(double)); \
        const T above = x < min ? min : x;                                                     \
        return above > max ? max : above;                                                      \
    }                                                                                          \
    DN_ROW1(clamp_##name, T, T, bounded_##name(x, arg))
CLAMP(f32, float)
CLAMP(f64, double)
CLAMP(i64, int64_t)
CLAMP(i32, int32_t)
CLAMP(u8, uint8_t)
static const dn_map clamp = {{DN_OF_NUMBERS(clamp)}, DN_GRAIN_CHEAP};

tn_status dn_clamp_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    return dn_map_takes(&clamp, desc, desc->in[0]->dtype, error);
}

tn_status dn_clamp_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                        tn_error *error)
{
    const tn_clamp_attrs *attrs = desc->attrs;
    const tn_dtype dtype = desc->in[0]->dtype;
    double bounds[2] = {0};
    DN_TRY(dn_clamp_check(self, device, desc, error));
    dn_store(dtype, attrs->min, &bounds[0]);
    dn_store(dtype, attrs->max, &bounds[1]);
    return dn_map_create(desc, clamp.row[dtype], clamp.grain, bounds, 0, plan, error);
}

#define WHERE(name, T)                                                                                         \
    DN_MULTIVERSION static void where_##name(int64_t n, char *const *at, const int64_t *step, const void *arg) \
    {                                                                                                          \
        (void)arg;                                                                                             \
        if (step[0] == sizeof(T) && step[1] == 1 && step[2] == sizeof(T) && step[3] == sizeof(T)) {            \
            T *z = (T *)at[0];                                                                                 \
            const uint8_t *c = (const uint8_t *)at[1];                                                         \
            const T *x = (const T *)at[2], *y = (const T *)at[3];                                              \
            DN_INDEPENDENT for (int64_t i = 0; i < n; i++) z[i] = c[i] ? x[i] : y[i];                          \
            return;                                                                                            \
        }                                                                                                      \
        for (int64_t i = 0; i < n; i++)                                                                        \
            DN_AT(T, 0, i) = DN_AT(const uint8_t, 1, i) ? DN_AT(const T, 2, i) : DN_AT(const T, 3, i);         \
    }
WHERE(f32, float)
WHERE(f64, double)
WHERE(i64, int64_t)
WHERE(i32, int32_t)
WHERE(u8, uint8_t)
const dn_map dn_where = {{DN_OF_ALL(where)}, DN_GRAIN_CHEAP};
