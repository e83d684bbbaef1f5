/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise kernels where their ways part, bit for bit as the reference backend: packs with an operand that is
 * broadcast, transposes through shared memory, every conversion, random numbers in any memory order. */
#include "alike.h"

/* Numbers that differ, all whole. */
static tn_tensor *counted(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims)
{
    int64_t n = 1;
    for (int d = 0; d < rank; d++) n *= dims[d];
    return tn_cast(tn_reshape(tn_arange(tn, TN_F64, 0, (double)n, 1), rank, dims), dtype);
}

/* An image with the channels last in memory. */
static tn_tensor *image(tn_context *tn, tn_dtype dtype, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return tn_permute(counted(tn, dtype, TN_SHAPE(n, h, w, c)), 4, (const int64_t[]){0, 3, 1, 2});
}

/* ---- packs */

static tn_tensor *row_for_all(tn_context *tn)
{
    return tn_add(counted(tn, TN_F32, TN_SHAPE(37, 12)), counted(tn, TN_F32, TN_SHAPE(12)));
}

static tn_tensor *number_for_each_row(tn_context *tn)
{
    return tn_sub(counted(tn, TN_F64, TN_SHAPE(37, 1)), counted(tn, TN_F64, TN_SHAPE(37, 12)));
}

static tn_tensor *bias_of_channels(tn_context *tn)
{
    return tn_mul(image(tn, TN_F32, 3, 8, 5, 7), counted(tn, TN_F32, TN_SHAPE(8, 1, 1)));
}

static tn_tensor *number_for_all(tn_context *tn)
{
    return tn_maximum(counted(tn, TN_I32, TN_SHAPE(1001)), tn_full(tn, TN_I32, 500, TN_SCALAR));
}

static tn_tensor *test_of_rows(tn_context *tn)
{
    return tn_lt(counted(tn, TN_U8, TN_SHAPE(20, 16)), counted(tn, TN_U8, TN_SHAPE(16)));
}

static tn_tensor *choice(tn_context *tn)
{
    tn_tensor *c = tn_gt_scalar(counted(tn, TN_F32, TN_SHAPE(16)), 7);
    return tn_where(c, counted(tn, TN_I64, TN_SHAPE(20, 16)), counted(tn, TN_I64, TN_SHAPE(20, 1)));
}

static tn_tensor *half_of_rows(tn_context *tn)
{
    return tn_neg(tn_narrow(counted(tn, TN_F32, TN_SHAPE(30, 16)), 1, 4, 8));
}

static tn_tensor *off_by_one(tn_context *tn)
{
    tn_tensor *x = counted(tn, TN_F32, TN_SHAPE(1001));
    return tn_add(tn_narrow(x, 0, 1, 1000), tn_narrow(x, 0, 0, 1000));
}

static void broadcast_operands_in_packs(void **state)
{
    static const make_fn cases[] = {row_for_all, number_for_each_row, bias_of_channels, number_for_all, test_of_rows,
                                    choice,      half_of_rows,        off_by_one};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_alike(cases[i], 0);
}

/* ---- copies */

#define COPIES(name, dtype)                                                                   \
    static tn_tensor *name##_from_channels_last(tn_context *tn)                               \
    {                                                                                         \
        return tn_contiguous(image(tn, dtype, 3, 40, 9, 7));                                  \
    }                                                                                         \
    static tn_tensor *name##_transposed(tn_context *tn)                                       \
    {                                                                                         \
        return tn_contiguous(tn_transpose(counted(tn, dtype, TN_SHAPE(2, 2, 65, 33)), 1, 3)); \
    }                                                                                         \
    static tn_tensor *name##_wide(tn_context *tn)                                             \
    {                                                                                         \
        return tn_contiguous(tn_narrow(counted(tn, dtype, TN_SHAPE(40, 48)), 1, 16, 24));     \
    }
COPIES(f32, TN_F32)
COPIES(f64, TN_F64)
COPIES(u8, TN_U8)
#undef COPIES

static void copies_between_memory_orders(void **state)
{
    static const make_fn cases[] = {f32_from_channels_last,
                                    f64_from_channels_last,
                                    u8_from_channels_last,
                                    f32_transposed,
                                    f64_transposed,
                                    u8_transposed,
                                    f32_wide,
                                    f64_wide,
                                    u8_wide};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_alike(cases[i], 0);
}

/* ---- conversions: what they are from and to is told by these */

static tn_dtype from, to;

static tn_tensor *converted(tn_context *tn)
{
    static const double odd[] = {0.0,          -0.5,   0.5,   1,           -1,         1.9999999,   254.9,
                                 255.5,        256,    300,   -3,          2147483647, 2147483648., -2147483648.,
                                 -2147483649., 3e9,    -3e9,  4294967295., 1e18,       9.3e18,      -9.3e18,
                                 1e300,        -1e300, 1e-40, 16777217,    INFINITY,   -INFINITY,   NAN};
    enum { N = sizeof odd / sizeof *odd };
    return tn_cast(tn_cast(tn_from(tn, odd, TN_F64, TN_SHAPE(N)), from), to);
}

static void every_conversion(void **state)
{
    (void)state;
    for (from = TN_F32; from <= TN_BOOL; from++)
        for (to = TN_F32; to <= TN_BOOL; to++) assert_alike(converted, 0);
}

/* ---- random numbers: by the row-major index, whatever the memory order */

static tn_tensor *uniform(tn_context *tn)
{
    tn_tensor *y = tn_uniform(tn, TN_F32, -0.1, 0.3, TN_SHAPE(1003));
    tn_uniform_(tn_transpose(tn_reshape(tn_narrow(y, 0, 1, 700), 2, (const int64_t[]){70, 10}), 0, 1), 1, 2);
    return y;
}

static tn_tensor *normal(tn_context *tn)
{
    tn_tensor *y = tn_normal(tn, TN_F64, 0.5, 2, TN_SHAPE(40, 16));
    tn_normal_(tn_slice(y, 1, 1, 16, 2), 0, 1);
    return y;
}

static tn_tensor *dropped(tn_context *tn)
{
    return tn_dropout(counted(tn, TN_F32, TN_SHAPE(33, 8)), 0.4, true);
}

static tn_tensor *dropped_channels_last(tn_context *tn)
{
    return tn_dropout(image(tn, TN_F32, 2, 8, 5, 3), 0.7, true);
}

static tn_tensor *dropped_rows(tn_context *tn)
{
    return tn_dropout(tn_narrow(counted(tn, TN_F64, TN_SHAPE(20, 24)), 1, 4, 12), 0.2, true);
}

static void random_numbers_in_any_order(void **state)
{
    static const make_fn cases[] = {uniform, normal, dropped, dropped_channels_last, dropped_rows};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_alike(cases[i], 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcast_operands_in_packs),
        cmocka_unit_test(copies_between_memory_orders),
        cmocka_unit_test(every_conversion),
        cmocka_unit_test(random_numbers_in_any_order),
    };
    backend = argc > 1 ? argv[1] : "gpu_host32";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
