/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors: the first one stays, nil passes through everything, and each mistake gets one sentence with its values. */
#include "check.h"

#include <math.h>

/* ---- sticky */

static void the_first_error_stays(void **state)
{
    tn_context *tn = *state;
    tn_tensor *a = tn_ones(tn, TN_F32, TN_SHAPE(2, 3)), *b = tn_ones(tn, TN_F32, TN_SHAPE(4));
    assert_true(tn_is_nil(tn_add(a, b)));
    char first[1000];
    snprintf(first, sizeof first, "%s", tn_message(tn));
    tn_matmul(b, b);
    tn_raise(tn, TN_IO, "something else");
    assert_string_equal(tn_message(tn), first);
    assert_int_equal(tn_check(tn), TN_INVALID);
    tn_clear(tn);
    assert_int_equal(tn_check(tn), TN_OK);
    assert_string_equal(tn_message(tn), "");
    assert_false(tn_is_nil(tn_add(a, a)));
}

static void errors_of_ones_own(void **state)
{
    tn_context *tn = *state;
    assert_true(tn_is_nil(tn_raise(tn, TN_CORRUPT, "layer %d is %s", 3, "odd")));
    assert_refused(tn, TN_CORRUPT, "layer 3 is odd");
}

/* Every function takes nil, returns nil and raises nothing new. */
static void nil_passes_through(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(2, 2)), *nil = tn_raise(tn, TN_INVALID, "first");
    tn_tensor *const results[] = {
        tn_neg(nil),
        tn_add(nil, x),
        tn_add(x, nil),
        tn_mul_scalar(nil, 2),
        tn_where(nil, x, x),
        tn_clamp(nil, 0, 1),
        tn_sum(nil, TN_ALL, false),
        tn_mean(nil, TN_OVER(0), true),
        tn_argmax(nil, 0, false),
        tn_matmul(nil, x),
        tn_linear(x, nil, NULL),
        tn_linear(x, x, nil),
        tn_softmax(nil, 0),
        tn_cross_entropy(nil, nil),
        tn_nll_loss(x, nil),
        tn_mse_loss(nil, x),
        tn_one_hot(nil, 3),
        tn_conv2d(nil, x, NULL, NULL),
        tn_max_pool2d(nil, TN_MAX_POOL2D(.kernel = {2, 2})),
        tn_avg_pool2d(nil, TN_AVG_POOL2D(.kernel = {2, 2})),
        tn_batch_norm2d(nil, NULL, NULL, NULL, NULL, true, 0.1, 1e-5),
        tn_dropout(nil, 0.5, true),
        tn_index_select(x, nil),
        tn_embedding(nil, x),
        tn_cat(2, (tn_tensor *[]){x, nil}, 0),
        tn_reshape(nil, TN_SHAPE(1)),
        tn_flatten(nil, 0, -1),
        tn_permute(nil, 0, NULL),
        tn_transpose(nil, 0, 1),
        tn_narrow(nil, 0, 0, 1),
        tn_slice(nil, 0, 0, 1, 1),
        tn_select(nil, 0, 0),
        tn_expand(nil, TN_SHAPE(3)),
        tn_squeeze(nil, 0),
        tn_unsqueeze(nil, 0),
        tn_contiguous(nil),
        tn_clone(nil),
        tn_detach(nil),
        tn_to(nil, "reference"),
        tn_cast(nil, TN_F64),
        tn_zeros_like(nil),
        tn_ones_like(nil),
        tn_requires_grad(nil, true),
        tn_grad_of(nil),
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (!tn_is_nil(results[i])) fail_msg("result %zu is not nil", i);
    tn_tensor *grad;
    tn_copy_(nil, x);
    tn_copy_(x, nil);
    tn_fill_(nil, 1);
    tn_uniform_(nil, 0, 1);
    tn_backward(nil);
    tn_grad_for(nil, NULL, 1, &x, &grad, false, false);
    tn_set_grad(nil, x);
    assert_true(isnan(tn_item(nil)));
    assert_int_equal(tn_item_i64(nil), 0);
    assert_int_equal(tn_rank(nil), 0);
    assert_int_equal(tn_dtype_of(nil), 0);
    char byte;
    assert_int_not_equal(tn_read(nil, &byte, 1), TN_OK);
    assert_refused(tn, TN_INVALID, "first");
}

/* ---- sentences */

static tn_tensor *f32(tn_context *tn, int rank, const int64_t *dims)
{
    return tn_ones(tn, TN_F32, rank, dims);
}

static void wrong_shapes_are_named_with_their_values(void **state)
{
    tn_context *tn = *state;
    tn_add(f32(tn, TN_SHAPE(2, 3)), f32(tn, TN_SHAPE(2)));
    assert_refused(tn, TN_INVALID, "[2, 3]");
    tn_matmul(f32(tn, TN_SHAPE(2, 3)), f32(tn, TN_SHAPE(4, 5)));
    assert_refused(tn, TN_INVALID, "[4, 5]");
    tn_linear(f32(tn, TN_SHAPE(2, 3)), f32(tn, TN_SHAPE(5, 4)), NULL);
    assert_refused(tn, TN_INVALID, "[5, 4]");
    tn_conv2d(f32(tn, TN_SHAPE(2, 4, 8, 8)), f32(tn, TN_SHAPE(6, 3, 3, 3)), NULL, NULL);
    assert_refused(tn, TN_INVALID, "conv2d: ");
    tn_conv2d(f32(tn, TN_SHAPE(1, 3, 2, 2)), f32(tn, TN_SHAPE(6, 3, 3, 3)), NULL, NULL);
    assert_refused(tn, TN_INVALID, "[1, 3, 2, 2]");
    tn_conv2d(f32(tn, TN_SHAPE(3, 8, 8)), f32(tn, TN_SHAPE(6, 3, 3, 3)), NULL, NULL);
    assert_refused(tn, TN_INVALID, "4 dims, but has 3");
    tn_conv2d(f32(tn, TN_SHAPE(1, 4, 8, 8)), f32(tn, TN_SHAPE(6, 2, 3, 3)), NULL, TN_CONV2D(.groups = 4));
    assert_refused(tn, TN_INVALID, "groups");
    tn_conv2d(f32(tn, TN_SHAPE(1, 3, 8, 8)), f32(tn, TN_SHAPE(6, 3, 3, 3)), NULL, TN_CONV2D(.stride = {-1, 1}));
    assert_refused(tn, TN_INVALID, "stride");
    tn_max_pool2d(f32(tn, TN_SHAPE(1, 3, 8, 8)), TN_MAX_POOL2D(.kernel = {2, 2}, .padding = {2, 2}));
    assert_refused(tn, TN_INVALID, "padding");
    tn_softmax(f32(tn, TN_SHAPE(2, 3)), 2);
    assert_refused(tn, TN_INVALID, "dim 2");
    tn_sum(f32(tn, TN_SHAPE(2, 3)), TN_OVER(0, 0), false);
    assert_refused(tn, TN_INVALID, "dim 0");
    tn_cat(2, (tn_tensor *[]){f32(tn, TN_SHAPE(2, 3)), f32(tn, TN_SHAPE(2, 4))}, 0);
    assert_refused(tn, TN_INVALID, "[2, 4]");
    tn_zeros(tn, TN_F32, TN_SHAPE(2, -1));
    assert_refused(tn, TN_INVALID, "[2, -1]");
    tn_item(f32(tn, TN_SHAPE(2)));
    assert_refused(tn, TN_INVALID, "[2]");
}

static void wrong_dtypes_are_named(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = f32(tn, TN_SHAPE(2)), *n = tn_ones(tn, TN_I64, TN_SHAPE(2));
    tn_add(x, n);
    assert_refused(tn, TN_INVALID, "tn_cast");
    tn_exp(n);
    assert_refused(tn, TN_INVALID, "i64");
    tn_where(x, x, x);
    assert_refused(tn, TN_INVALID, "bool");
    tn_cross_entropy(f32(tn, TN_SHAPE(2, 3)), x);
    assert_refused(tn, TN_INVALID, "i64");
    tn_zeros(tn, TN_BF16, TN_SHAPE(2));
    assert_refused(tn, TN_INVALID, "bf16");
    tn_zeros(tn, 77, TN_SHAPE(2));
    assert_refused(tn, TN_INVALID, "77");
    tn_cast(x, TN_F16);
    assert_refused(tn, TN_INVALID, "no dtype to convert to");
}

static void check_indices(tn_context *tn)
{
    tn_tensor *x = f32(tn, TN_SHAPE(2, 3));
    tn_cross_entropy(x, tn_from(tn, (int64_t[]){0, 3}, TN_I64, TN_SHAPE(2)));
    assert_refused(tn, TN_INVALID, "3");
    tn_nll_loss(x, tn_from(tn, (int64_t[]){0, -1}, TN_I64, TN_SHAPE(2)));
    assert_refused(tn, TN_INVALID, "-1");
    tn_index_select(x, tn_from(tn, (int64_t[]){2}, TN_I64, TN_SHAPE(1)));
    assert_refused(tn, TN_INVALID, "2");
    tn_embedding(tn_from(tn, (int64_t[]){-7}, TN_I64, TN_SHAPE(1)), x);
    assert_refused(tn, TN_INVALID, "-7");
    tn_one_hot(tn_from(tn, (int64_t[]){4, 17}, TN_I64, TN_SHAPE(2)), 5);
    assert_refused(tn, TN_INVALID, "17");
}

/* On every backend here: what one refuses, no other may follow out of bounds or pass over. */
static void indices_out_of_range_are_named(void **state)
{
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    (void)state;
    for (int i = 0; i < n; i++) {
        if (backends[i].refused) continue;
        tn_context *tn = tn_open(backends[i].name);
        check_indices(tn);
        assert_int_equal(tn_close(tn), 0);
    }
}

static void wrong_devices_are_named(void **state)
{
    tn_context *tn = *state, *other = tn_open("reference");
    tn_add(f32(tn, TN_SHAPE(2)), f32(other, TN_SHAPE(2)));
    assert_refused(tn, TN_INVALID, "different contexts");
    tn_to(f32(tn, TN_SHAPE(2)), "nonesuch");
    assert_refused(tn, TN_NOT_FOUND, "nonesuch");
    tn_to(f32(tn, TN_SHAPE(2)), "reference:3");
    assert_refused(tn, TN_NOT_FOUND, "reference:3");
    tn_set_default_device(tn, "reference:-1");
    assert_refused(tn, TN_NOT_FOUND, "reference:-1");
    assert_int_equal(tn_close(other), 0);
}

static void wrong_numbers_are_named(void **state)
{
    tn_context *tn = *state;
    tn_dropout(f32(tn, TN_SHAPE(2)), 1.5, true);
    assert_refused(tn, TN_INVALID, "1.5");
    tn_arange(tn, TN_F32, 0, 1, 0);
    assert_refused(tn, TN_INVALID, "step");
    tn_arange(tn, TN_F32, 0, INFINITY, 1);
    assert_int_not_equal(tn_check(tn), TN_OK);
    tn_clear(tn);
    tn_one_hot(tn_zeros(tn, TN_I64, TN_SHAPE(1)), -4);
    assert_refused(tn, TN_INVALID, "-4");
}

/* ---- memory */

static void a_huge_tensor_is_refused_and_work_goes_on(void **state)
{
    tn_context *tn = *state;
    const int64_t exa = (int64_t)1 << 60, most = INT64_MAX;
    tn_zeros(tn, TN_F32, TN_SHAPE(exa)); /* more than there is */
    assert_refused(tn, TN_OUT_OF_MEMORY, "[1152921504606846976]");
    tn_zeros(tn, TN_U8, TN_SHAPE(most)); /* more than can be counted */
    assert_refused(tn, TN_OUT_OF_MEMORY, "9223372036854775807");
    tn_zeros(tn, TN_F32, TN_SHAPE(most, most));
    assert_refused(tn, TN_OUT_OF_MEMORY, "9223372036854775807");
    tn_zeros(tn, TN_F32, TN_SHAPE(0, most, most)); /* no elements, but sizes whose product overflows */
    if (tn_check(tn) != TN_OK) assert_refused(tn, TN_OUT_OF_MEMORY, "9223372036854775807");
    tn_tensor *row = f32(tn, TN_SHAPE(1, 1 << 20)), *column = f32(tn, TN_SHAPE(1 << 20, 1));
    tn_mul(tn_expand(row, TN_SHAPE(1 << 20, 1 << 20)), column); /* four terabytes, made by an operator */
    char live[100];
    snprintf(live, sizeof live, "; tensors of this program take %llu bytes there",
             (unsigned long long)tn_memory_stats(tn, "reference").live);
    assert_non_null(strstr(tn_message(tn), live));
    assert_refused(tn, TN_OUT_OF_MEMORY, "[1048576, 1048576]");
    assert_true(tn_item(tn_sum(f32(tn, TN_SHAPE(3)), TN_ALL, false)) == 3);
}

static void closing_tells_of_a_pending_error(void **state)
{
    (void)state;
    tn_context *tn = tn_open("reference");
    assert_int_equal(tn_close(tn), 0);
    assert_int_equal(tn_close(NULL), 0);
    tn = tn_open("reference");
    tn_raise(tn, TN_INVALID, "this line belongs to the test");
    assert_int_equal(tn_close(tn), 1);
}

static void statuses_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"TN_OK",          "TN_INVALID",  "TN_UNSUPPORTED", "TN_OUT_OF_MEMORY",
                                        "TN_DEVICE_LOST", "TN_INTERNAL", "TN_NOT_FOUND",   "TN_IO",
                                        "TN_CORRUPT"};
    for (int i = 0; i < 9; i++) assert_string_equal(tn_status_name(i), names[i]);
    assert_non_null(tn_status_name(1000));
    assert_non_null(tn_status_name(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_error_stays),
        TEST(errors_of_ones_own),
        TEST(nil_passes_through),
        TEST(wrong_shapes_are_named_with_their_values),
        TEST(wrong_dtypes_are_named),
        TEST(indices_out_of_range_are_named),
        TEST(wrong_devices_are_named),
        TEST(wrong_numbers_are_named),
        TEST(a_huge_tensor_is_refused_and_work_goes_on),
        cmocka_unit_test(closing_tells_of_a_pending_error),
        cmocka_unit_test(statuses_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
