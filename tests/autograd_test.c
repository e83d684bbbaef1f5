/* SPDX-License-Identifier: Apache-2.0
 *
 * Autograd: accumulation, switching it off, gradients by request, higher derivatives, and its clear refusals. */
#include "check.h"

#include <math.h>

static tn_tensor *leaf(tn_context *tn, double value)
{
    return tn_requires_grad(tn_scalar(tn, TN_F64, value), true);
}

static void assert_near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected)))) fail_msg("%.17g is not %.17g", found, expected);
}

static void the_slope_of_x_squared_plus_3_at_2_is_4(void **state)
{
    tn_tensor *x = tn_requires_grad(tn_scalar(*state, TN_F32, 2), true);
    assert_int_equal(tn_backward(tn_add_scalar(tn_mul(x, x), 3)), TN_OK);
    assert_near(tn_item(tn_grad_of(x)), 4);
}

static void gradients_accumulate_until_cleared(void **state)
{
    tn_tensor *x = leaf(*state, 3);
    assert_false(tn_has_grad(x));
    assert_true(tn_is_nil(tn_grad_of(x)));
    for (int k = 1; k <= 3; k++) {
        tn_backward(tn_square(x));
        assert_near(tn_item(tn_grad_of(x)), 6 * k);
    }
    tn_set_grad(x, NULL);
    assert_false(tn_has_grad(x));
    tn_backward(tn_square(x));
    assert_near(tn_item(tn_grad_of(x)), 6);
}

static void a_value_used_twice_gets_both_gradients(void **state)
{
    tn_tensor *x = leaf(*state, 0.5), *s = tn_sin(x);
    tn_backward(tn_add(tn_mul(s, s), tn_exp(s)));
    assert_near(tn_item(tn_grad_of(x)), (2 * sin(0.5) + exp(sin(0.5))) * cos(0.5));
}

static void broadcast_inputs_get_sums(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_requires_grad(tn_ones(tn, TN_F32, TN_SHAPE(3, 1)), true);
    tn_tensor *y = tn_requires_grad(tn_ones(tn, TN_F32, TN_SHAPE(4)), true);
    tn_backward(tn_sum(tn_mul(x, y), TN_ALL, false));
    assert_int_equal(tn_rank(tn_grad_of(x)), 2);
    assert_near(tn_item(tn_select(tn_flatten(tn_grad_of(x), 0, -1), 0, 2)), 4);
    assert_near(tn_item(tn_select(tn_grad_of(y), 0, 1)), 3);
}

static void views_pass_gradients_back(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_requires_grad(tn_reshape(tn_arange(tn, TN_F64, 0, 6, 1), TN_SHAPE(2, 3)), true);
    double expected[] = {0, 0, 4, 6, 0, 10}, found[6];
    tn_tensor *odd = tn_slice(tn_transpose(x, 0, 1), 0, 0, 3, 2); /* columns 0 and 2 */
    tn_tensor *twice = tn_reshape(tn_expand(tn_unsqueeze(odd, 0), TN_SHAPE(1, 2, 2)), TN_SHAPE(4));
    tn_backward(tn_sum(tn_square(twice), TN_ALL, false));
    tn_read(tn_grad_of(x), found, sizeof found);
    for (int i = 0; i < 6; i++) assert_near(found[i], expected[i]);
}

static void nothing_is_recorded_without_gradients(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = leaf(tn, 2);
    assert_true(tn_set_grad_enabled(tn, false));
    tn_tensor *y = tn_square(x);
    assert_false(tn_has_requires_grad(y));
    assert_false(tn_set_grad_enabled(tn, true));
    tn_backward(y);
    assert_refused(tn, TN_INVALID, "gradients were disabled");
}

static void detach_cuts_the_graph(void **state)
{
    tn_tensor *x = leaf(*state, 2);
    tn_backward(tn_mul(x, tn_detach(tn_square(x))));
    assert_near(tn_item(tn_grad_of(x)), 4);
}

static void gradients_by_request_leave_leaves_alone(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = leaf(tn, 2), *y = tn_square(x), *z = tn_mul(y, x), *of[] = {x, y}, *grads[2];
    assert_int_equal(tn_grad_for(z, NULL, 2, of, grads, false, false), TN_OK);
    assert_near(tn_item(grads[0]), 12);
    assert_near(tn_item(grads[1]), 2);
    assert_false(tn_has_grad(x));
    tn_tensor *other = leaf(tn, 1);
    assert_int_equal(tn_grad_for(tn_square(x), NULL, 1, &other, grads, false, false), TN_INVALID);
    assert_true(tn_is_nil(grads[0]));
    assert_refused(tn, TN_INVALID, "does not depend on x[0]");
}

static void weights_make_a_vector_a_scalar(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_requires_grad(tn_from(tn, (double[]){1, 2, 3}, TN_F64, TN_SHAPE(3)), true), *dx;
    tn_tensor *dy = tn_from(tn, (double[]){1, 10, 100}, TN_F64, TN_SHAPE(3));
    double found[3], expected[] = {2, 40, 600};
    tn_grad_for(tn_square(x), dy, 1, &x, &dx, false, false);
    tn_read(dx, found, sizeof found);
    for (int i = 0; i < 3; i++) assert_near(found[i], expected[i]);
    tn_grad_for(tn_square(x), tn_ones(tn, TN_F64, TN_SHAPE(2)), 1, &x, &dx, false, false);
    assert_refused(tn, TN_INVALID, "dy has shape [2]");
}

static void derivatives_of_every_order(void **state)
{
    tn_tensor *x = leaf(*state, 1.5), *y = tn_exp(tn_mul_scalar(x, 2));
    for (int order = 0; order <= 5; order++) {
        assert_near(tn_item(y), pow(2, order) * exp(3));
        tn_grad_for(y, NULL, 1, &x, &y, true, true);
    }
    assert_good(*state);
}

/* A gradient penalty: the norm of a gradient is part of the loss. */
static void a_gradient_can_be_part_of_a_loss(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = leaf(tn, 0.7), *slope;
    tn_grad_for(tn_tanh(x), NULL, 1, &x, &slope, false, true);
    tn_backward(tn_square(slope));
    double t = tanh(0.7), s = 1 - t * t;
    assert_near(tn_item(tn_grad_of(x)), 2 * s * -2 * t * s);
}

static void a_graph_is_walked_once_unless_kept(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = leaf(tn, 2), *y = tn_square(x), *dx;
    tn_grad_for(y, NULL, 1, &x, &dx, true, false);
    assert_int_equal(tn_backward(y), TN_OK);
    tn_backward(y);
    assert_refused(tn, TN_INVALID, "freed");
}

static void only_scalars_start_alone(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_requires_grad(tn_ones(tn, TN_F32, TN_SHAPE(2)), true);
    tn_backward(tn_square(x));
    assert_refused(tn, TN_INVALID, "one element, but has shape [2]");
    tn_backward(tn_ones(tn, TN_F32, TN_SCALAR));
    assert_refused(tn, TN_INVALID, "depends on no tensor that requires a gradient");
}

static void writing_into_a_graph_is_refused(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = leaf(tn, 2), *y = tn_square(x);
    tn_fill_(x, 1);
    assert_refused(tn, TN_INVALID, "leaf");
    tn_fill_(y, 1);
    assert_refused(tn, TN_INVALID, "recorded graph");
    assert_near(tn_item(x), 2);
}

static void a_change_after_use_is_noticed(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = leaf(tn, 2), *y = tn_mul(x, tn_add_scalar(x, 1));
    bool was = tn_set_grad_enabled(tn, false);
    tn_fill_(x, 5);
    tn_set_grad_enabled(tn, was);
    tn_backward(y);
    assert_refused(tn, TN_INVALID, "changed in place");
    assert_false(tn_has_grad(x));
}

static void only_reals_and_leaves_require_gradients(void **state)
{
    tn_context *tn = *state;
    tn_requires_grad(tn_ones(tn, TN_I64, TN_SHAPE(2)), true);
    assert_refused(tn, TN_INVALID, "i64");
    tn_requires_grad(tn_square(leaf(tn, 1)), false);
    assert_refused(tn, TN_INVALID, "made by square");
    tn_set_grad(leaf(tn, 1), tn_ones(tn, TN_F64, TN_SHAPE(2)));
    assert_refused(tn, TN_INVALID, "[2]");
}

static void a_failed_operator_in_between_stops_backward(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_requires_grad(tn_ones(tn, TN_F32, TN_SHAPE(2)), true);
    tn_tensor *bad = tn_add(x, tn_ones(tn, TN_F32, TN_SHAPE(3)));
    assert_int_not_equal(tn_backward(tn_sum(bad, TN_ALL, false)), TN_OK);
    assert_false(tn_has_grad(x));
    assert_refused(tn, TN_INVALID, "add");
}

/* A chain of 100,000 nodes: the walk must not recurse. */
static void deep_graphs_do_not_overflow_the_stack(void **state)
{
    tn_tensor *x = leaf(*state, 1), *y = x;
    for (int i = 0; i < 100000; i++) y = tn_neg(y);
    tn_backward(y);
    assert_near(tn_item(tn_grad_of(x)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_slope_of_x_squared_plus_3_at_2_is_4),
        TEST(gradients_accumulate_until_cleared),
        TEST(a_value_used_twice_gets_both_gradients),
        TEST(broadcast_inputs_get_sums),
        TEST(views_pass_gradients_back),
        TEST(nothing_is_recorded_without_gradients),
        TEST(detach_cuts_the_graph),
        TEST(gradients_by_request_leave_leaves_alone),
        TEST(weights_make_a_vector_a_scalar),
        TEST(derivatives_of_every_order),
        TEST(a_gradient_can_be_part_of_a_loss),
        TEST(a_graph_is_walked_once_unless_kept),
        TEST(only_scalars_start_alone),
        TEST(writing_into_a_graph_is_refused),
        TEST(a_change_after_use_is_noticed),
        TEST(only_reals_and_leaves_require_gradients),
        TEST(a_failed_operator_in_between_stops_backward),
        TEST(deep_graphs_do_not_overflow_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
