/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors: making, views and their strides, copies, conversion, the generator. */
#include "check.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>

/* x has this shape, and these values row by row. */
#define ASSERT_TENSOR(x, shape, ...) \
    assert_tensor((x), shape, (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void assert_tensor(tn_tensor *x, const char *shape, const double *expected, size_t n)
{
    char text[192];
    assert_good(tn_context_of(x));
    assert_string_equal(tn_format_shape(x, text), shape);
    assert_int_equal(tn_numel(x), n);
    double *values = sample_read(x);
    for (size_t i = 0; i < n; i++)
        if (!(values[i] == expected[i])) fail_msg("[%zu] is %g, expected %g", i, values[i], expected[i]);
    free(values);
}

static tn_tensor *counting(tn_context *tn, int rank, const int64_t *dims)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++) n *= dims[i];
    return tn_reshape(tn_arange(tn, TN_F32, 0, (double)n, 1), rank, dims);
}

/* ---- making */

static void tensors_are_made(void **state)
{
    tn_context *tn = *state;
    ASSERT_TENSOR(tn_from(tn, (float[]){1, 2, 3, 4}, TN_F32, TN_SHAPE(2, 2)), "[2, 2]", 1, 2, 3, 4);
    ASSERT_TENSOR(tn_zeros(tn, TN_I32, TN_SHAPE(3)), "[3]", 0, 0, 0);
    ASSERT_TENSOR(tn_ones(tn, TN_BOOL, TN_SHAPE(1, 2)), "[1, 2]", 1, 1);
    ASSERT_TENSOR(tn_full(tn, TN_U8, 7, TN_SHAPE(2)), "[2]", 7, 7);
    ASSERT_TENSOR(tn_scalar(tn, TN_F64, 2.5), "[]", 2.5);
    ASSERT_TENSOR(tn_arange(tn, TN_I64, 5, -1, -2), "[3]", 5, 3, 1);
    ASSERT_TENSOR(tn_arange(tn, TN_F64, 0, 1, 0.25), "[4]", 0, 0.25, 0.5, 0.75);
    assert_int_equal(tn_numel(tn_arange(tn, TN_F32, 3, 3, 1)), 0);
    assert_int_equal(tn_numel(tn_zeros(tn, TN_F32, TN_SHAPE(2, 0, 3))), 0);
    ASSERT_TENSOR(tn_zeros_like(tn_ones(tn, TN_F32, TN_SHAPE(2))), "[2]", 0, 0);
}

static void every_rank_up_to_eight(void **state)
{
    tn_context *tn = *state;
    const int64_t dims[9] = {2, 1, 2, 1, 2, 1, 2, 1, 2};
    for (int rank = 0; rank <= 8; rank++) {
        tn_tensor *x = tn_ones(tn, TN_F32, rank, dims);
        assert_int_equal(tn_rank(x), rank);
        assert_true(tn_item(tn_sum(x, TN_ALL, false)) == (double)tn_numel(x));
    }
    tn_ones(tn, TN_F32, 9, dims);
    assert_refused(tn, TN_INVALID, "0 to 8 dims, not 9");
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    tn_context *tn = *state;
    float first[1000], second[1000];
    for (int k = 0; k < 2; k++) {
        tn_manual_seed(tn, 42);
        tn_read(k ? tn_normal(tn, TN_F32, 1, 2, TN_SHAPE(1000)) : tn_uniform(tn, TN_F32, -1, 3, TN_SHAPE(1000)), first,
                sizeof first);
        tn_manual_seed(tn, 42);
        tn_tensor *x = k ? tn_normal(tn, TN_F32, 1, 2, TN_SHAPE(1000)) : tn_uniform(tn, TN_F32, -1, 3, TN_SHAPE(1000));
        tn_read(x, second, sizeof second);
        assert_memory_equal(first, second, sizeof first);
        tn_read(tn_uniform(tn, TN_F32, -1, 3, TN_SHAPE(1000)), second, sizeof second);
        assert_memory_not_equal(first, second, sizeof first);
        double mean = tn_item(tn_mean(x, TN_ALL, false));
        assert_true(fabs(mean - 1) < (k ? 0.2 : 0.12)); /* three standard deviations of a mean of 1000 */
    }
}

static void random_numbers_keep_their_distribution(void **state)
{
    tn_context *tn = *state;
    tn_manual_seed(tn, 1);
    tn_tensor *u = tn_uniform(tn, TN_F64, 2, 5, TN_SHAPE(100000)), *z = tn_normal(tn, TN_F64, 0, 1, TN_SHAPE(100000));
    assert_true(tn_item(tn_min(u, TN_ALL, false)) >= 2 && tn_item(tn_max(u, TN_ALL, false)) < 5);
    assert_true(fabs(tn_item(tn_mean(u, TN_ALL, false)) - 3.5) < 0.01);
    assert_true(fabs(tn_item(tn_mean(z, TN_ALL, false))) < 0.015);
    assert_true(fabs(tn_item(tn_mean(tn_square(z), TN_ALL, false)) - 1) < 0.02);
    assert_true(fabs(tn_item(tn_mean(tn_square(tn_square(z)), TN_ALL, false)) - 3) < 0.15);
}

/* ---- views */

static void views_show_the_right_elements(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = counting(tn, TN_SHAPE(2, 3));
    ASSERT_TENSOR(tn_transpose(x, 0, 1), "[3, 2]", 0, 3, 1, 4, 2, 5);
    ASSERT_TENSOR(tn_permute(x, 2, (const int64_t[]){-1, 0}), "[3, 2]", 0, 3, 1, 4, 2, 5);
    ASSERT_TENSOR(tn_narrow(x, 1, 1, 2), "[2, 2]", 1, 2, 4, 5);
    ASSERT_TENSOR(tn_slice(x, -1, 0, 3, 2), "[2, 2]", 0, 2, 3, 5);
    ASSERT_TENSOR(tn_select(x, 0, 1), "[3]", 3, 4, 5);
    ASSERT_TENSOR(tn_select(x, 1, -1), "[2]", 2, 5);
    ASSERT_TENSOR(tn_expand(tn_narrow(x, 1, 0, 1), TN_SHAPE(2, 2)), "[2, 2]", 0, 0, 3, 3);
    ASSERT_TENSOR(tn_unsqueeze(x, 0), "[1, 2, 3]", 0, 1, 2, 3, 4, 5);
    ASSERT_TENSOR(tn_unsqueeze(x, -1), "[2, 3, 1]", 0, 1, 2, 3, 4, 5);
    ASSERT_TENSOR(tn_squeeze(tn_unsqueeze(x, 1), 1), "[2, 3]", 0, 1, 2, 3, 4, 5);
    ASSERT_TENSOR(tn_squeeze(x, 0), "[2, 3]", 0, 1, 2, 3, 4, 5);
    ASSERT_TENSOR(tn_reshape(x, TN_SHAPE(3, -1)), "[3, 2]", 0, 1, 2, 3, 4, 5);
    ASSERT_TENSOR(tn_reshape(tn_transpose(x, 0, 1), TN_SHAPE(6)), "[6]", 0, 3, 1, 4, 2, 5);
    ASSERT_TENSOR(tn_flatten(tn_reshape(x, TN_SHAPE(1, 2, 3)), 1, -1), "[1, 6]", 0, 1, 2, 3, 4, 5);
    ASSERT_TENSOR(tn_transpose(tn_slice(tn_transpose(x, 0, 1), 0, 0, 3, 2), 0, 1), "[2, 2]", 0, 2, 3, 5);
}

static void views_share_memory_and_copies_do_not(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_zeros(tn, TN_F32, TN_SHAPE(2, 3)), *clone = tn_clone(x), *copy;
    tn_fill_(tn_select(tn_transpose(x, 0, 1), 0, 2), 7);
    ASSERT_TENSOR(x, "[2, 3]", 0, 0, 7, 0, 0, 7);
    ASSERT_TENSOR(clone, "[2, 3]", 0, 0, 0, 0, 0, 0);
    assert_ptr_equal(tn_contiguous(x), x);
    copy = tn_contiguous(tn_transpose(x, 0, 1));
    assert_true(tn_is_contiguous(copy));
    tn_fill_(x, 1);
    ASSERT_TENSOR(copy, "[3, 2]", 0, 0, 0, 0, 7, 7);
}

static void a_view_keeps_its_memory_alive(void **state)
{
    tn_context *tn = *state;
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = counting(tn, TN_SHAPE(100)), *end = tn_narrow(x, 0, 98, 2);
    tn_end(tn, mark, end, NULL);
    for (int i = 0; i < 10; i++) tn_full(tn, TN_F32, -1, TN_SHAPE(100)); /* would reuse x's memory */
    ASSERT_TENSOR(end, "[2]", 98, 99);
}

static void strides_tell_the_memory_order(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_zeros(tn, TN_F32, TN_SHAPE(2, 3, 4)), *y = tn_permute(x, 3, (const int64_t[]){2, 0, 1});
    assert_int_equal(tn_strides(x)[0], 12);
    assert_int_equal(tn_strides(y)[0], 1);
    assert_int_equal(tn_strides(y)[1], 12);
    assert_false(tn_is_contiguous(y));
    assert_int_equal(tn_strides(tn_expand(tn_scalar(tn, TN_F32, 1), TN_SHAPE(5)))[0], 0);
    assert_true(tn_is_contiguous(tn_zeros(tn, TN_F32, TN_SHAPE(0, 3))));
}

static void impossible_views_are_refused(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = counting(tn, TN_SHAPE(2, 3));
    tn_reshape(x, TN_SHAPE(4, 2));
    assert_refused(tn, TN_INVALID, "[2, 3]");
    tn_reshape(x, TN_SHAPE(-1, -1));
    assert_refused(tn, TN_INVALID, "[-1, -1]");
    tn_transpose(x, 0, 2);
    assert_refused(tn, TN_INVALID, "dim 2");
    tn_permute(x, 2, (const int64_t[]){0, 0});
    assert_refused(tn, TN_INVALID, "permute");
    tn_narrow(x, 1, 2, 2);
    assert_refused(tn, TN_INVALID, "narrow");
    tn_narrow(x, 0, -3, 1);
    assert_refused(tn, TN_INVALID, "narrow");
    tn_slice(x, 0, 0, 2, 0);
    assert_refused(tn, TN_INVALID, "step");
    tn_select(x, 0, 2);
    assert_refused(tn, TN_INVALID, "select");
    tn_expand(x, TN_SHAPE(2, 4));
    assert_refused(tn, TN_INVALID, "expand");
    tn_expand(x, TN_SHAPE(3));
    assert_refused(tn, TN_INVALID, "expand");
    tn_unsqueeze(x, 4);
    assert_refused(tn, TN_INVALID, "unsqueeze");
}

/* ---- reading, writing, converting */

static void reading_and_writing_go_row_by_row(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_zeros(tn, TN_I64, TN_SHAPE(2, 3));
    int64_t values[] = {1, 2, 3, 4, 5, 6}, back[6];
    assert_int_equal(tn_write(tn_transpose(x, 0, 1), values, sizeof values), TN_OK);
    ASSERT_TENSOR(x, "[2, 3]", 1, 3, 5, 2, 4, 6);
    assert_int_equal(tn_read(tn_transpose(x, 0, 1), back, sizeof back), TN_OK);
    assert_memory_equal(values, back, sizeof values);
    assert_int_equal(tn_read(x, back, sizeof back - 1), TN_INVALID);
    assert_refused(tn, TN_INVALID, "48");
    tn_write(x, values, 8);
    assert_refused(tn, TN_INVALID, "48");
}

static void casts_convert_as_c_does_and_saturate(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_from(tn, (double[]){-1.7, 2.9, 300, 1e300, NAN, 0}, TN_F64, TN_SHAPE(6));
    ASSERT_TENSOR(tn_cast(x, TN_I32), "[6]", -1, 2, 300, INT32_MAX, 0, 0);
    ASSERT_TENSOR(tn_cast(x, TN_U8), "[6]", 0, 2, 255, 255, 0, 0);
    ASSERT_TENSOR(tn_cast(x, TN_BOOL), "[6]", 1, 1, 1, 1, 1, 0);
    ASSERT_TENSOR(tn_cast(tn_cast(x, TN_BOOL), TN_F32), "[6]", 1, 1, 1, 1, 1, 0);
    assert_true(tn_item_i64(tn_full(tn, TN_I64, -5, TN_SCALAR)) == -5);
}

static void copies_convert_and_keep_shape(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_zeros(tn, TN_F32, TN_SHAPE(2, 2)), *y = counting(tn, TN_SHAPE(2, 2));
    tn_copy_(tn_transpose(x, 0, 1), tn_cast(y, TN_I64));
    ASSERT_TENSOR(x, "[2, 2]", 0, 2, 1, 3);
    tn_copy_(x, tn_zeros(tn, TN_F32, TN_SHAPE(3)));
    assert_refused(tn, TN_INVALID, "[3]");
}

static void empty_tensors_are_ordinary(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_zeros(tn, TN_F32, TN_SHAPE(0, 3));
    assert_true(tn_item(tn_sum(x, TN_ALL, false)) == 0);
    assert_true(isnan(tn_item(tn_mean(x, TN_ALL, false))));
    assert_int_equal(tn_numel(tn_add(x, tn_ones(tn, TN_F32, TN_SHAPE(3)))), 0);
    ASSERT_TENSOR(tn_matmul(tn_transpose(x, 0, 1), x), "[3, 3]", 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_good(tn);
    tn_max(x, TN_ALL, false);
    assert_refused(tn, TN_INVALID, "max");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tensors_are_made),
        TEST(every_rank_up_to_eight),
        TEST(the_same_seed_gives_the_same_numbers),
        TEST(random_numbers_keep_their_distribution),
        TEST(views_show_the_right_elements),
        TEST(views_share_memory_and_copies_do_not),
        TEST(a_view_keeps_its_memory_alive),
        TEST(strides_tell_the_memory_order),
        TEST(impossible_views_are_refused),
        TEST(reading_and_writing_go_row_by_row),
        TEST(casts_convert_as_c_does_and_saturate),
        TEST(copies_convert_and_keep_shape),
        TEST(empty_tensors_are_ordinary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
