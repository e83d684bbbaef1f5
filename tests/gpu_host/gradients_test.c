/* SPDX-License-Identifier: Apache-2.0
 *
 * The promises of ../trial.h of the passes that join a linear layer's gradients, on a backend that has the joint operators;
 * its name is the program's argument. */
#include "../trial.h"

static const char *backend;

/* ---- layers */

FUNCTION(layer_trained)
{
    LAYER;
    give_gradients(l, tn_linear(in[0], l->w, l->b), out);
}

FUNCTION(relu_layer_trained)
{
    LAYER;
    give_gradients(l, tn_relu(tn_linear(in[0], l->w, l->b)), out);
}

FUNCTION(no_bias_trained)
{
    LAYER;
    tn_set_grad(l->w, NULL);
    out[0] = tn_mean(tn_square(tn_relu(tn_linear(in[0], l->w, NULL))), TN_ALL, false);
    tn_backward(out[0]);
    out[1] = tn_grad_of(l->w);
}

static trial layer_trial(tn_context *tn, tn_program_fn fn, layer *l, int n_out, int images)
{
    *l = linear_layer(tn);
    const int64_t dims[] = {images, 7, 5}, *from = images > 1 ? dims : dims + 1;
    const int rank = images > 1 ? 3 : 2;
    trial t = trial_of(tn, fn, l, n_out, draw(tn, rank, from), draw(tn, rank, from));
    t.tolerance = 1e-6;
    return t;
}

static void a_bias_joins_the_gradient_of_relu(void **state TN_UNUSED)
{
    tn_context *tn = tn_open(backend);
    layer l;
    for (int images = 1; images <= 2; images++) {
        trial t = layer_trial(tn, relu_layer_trained, &l, 3, images);
        assert_fires(&t, "fuse_relu_sum", 1);
        assert_int_equal(calls(tn, "relu_grad_sum"), 1);
        assert_int_equal(calls(tn, "sum") + calls(tn, "relu_grad"), 0);
    }
    assert_int_equal(tn_close(tn), 0);
}

static void a_bias_joins_the_gradient_of_the_weight(void **state TN_UNUSED)
{
    static const tn_program_fn functions[] = {layer_trained, relu_layer_trained};
    tn_context *tn = tn_open(backend);
    layer l;
    for (int i = 0; i < 4; i++) {
        trial t = layer_trial(tn, functions[i / 2], &l, 3, 1 + i % 2);
        assert_fires(&t, "fuse_linear_grad", 1);
        assert_int_equal(calls(tn, "linear_grad_weight"), 1);
        assert_int_equal(calls(tn, "sum") + calls(tn, "matmul"), 0);
    }
    assert_int_equal(tn_close(tn), 0);
}

static void a_bias_joins_relu_rather_than_the_weight(void **state TN_UNUSED)
{
    tn_context *tn = tn_open(backend);
    layer l;
    trial t = layer_trial(tn, relu_layer_trained, &l, 3, 1);
    try(&t, "all");
    assert_int_equal(calls(tn, "relu_grad_sum"), 1);
    assert_int_equal(calls(tn, "matmul"), 1);
    assert_int_equal(calls(tn, "linear_grad_weight"), 0);
    assert_int_equal(tn_close(tn), 0);
}

static void a_layer_without_bias_stays(void **state TN_UNUSED)
{
    tn_context *tn = tn_open(backend);
    layer l;
    trial t = layer_trial(tn, no_bias_trained, &l, 2, 1);
    assert_rests(&t, "fuse_relu_sum");
    assert_rests(&t, "fuse_linear_grad");
    assert_int_equal(tn_close(tn), 0);
}

static void gradients_stay_apart_where_the_device_has_no_joint_operator(void **state)
{
    layer l;
    trial t = layer_trial(*state, relu_layer_trained, &l, 3, 1);
    assert_rests(&t, "fuse_relu_sum");
    assert_rests(&t, "fuse_linear_grad");
}

/* ---- what backward records, written by hand, with one thing or another changed */

static tn_tensor *relu_gradient(tn_tensor *x)
{
    bool was = tn_set_grad_enabled(tn_context_of(x), true);
    tn_tensor *leaf = tn_requires_grad(tn_mul_scalar(x, 2), true), *dz;
    tn_grad_for(tn_relu(leaf), tn_exp(x), 1, &leaf, &dz, false, false);
    tn_set_grad_enabled(tn_context_of(x), was);
    return dz;
}

FUNCTION(sum_of_rows)
{
    tn_tensor *dz = relu_gradient(in[0]);
    out[0] = tn_sum(dz, TN_OVER(0), false);
    out[1] = tn_neg(dz);
}

FUNCTION(sum_in_a_row)
{
    out[0] = tn_sum(relu_gradient(in[0]), TN_OVER(0), true);
}

FUNCTION(sum_of_columns)
{
    out[0] = tn_sum(relu_gradient(in[0]), TN_OVER(1), false);
}

FUNCTION(sum_of_all)
{
    out[0] = tn_sum(relu_gradient(in[0]), TN_ALL, false);
}

FUNCTION(sum_of_transposed)
{
    out[0] = tn_sum(tn_transpose(relu_gradient(in[0]), 0, 1), TN_OVER(0), false);
}

FUNCTION(sum_of_some_rows)
{
    out[0] = tn_sum(tn_narrow(relu_gradient(in[0]), 0, 1, 5), TN_OVER(0), false);
}

FUNCTION(sum_of_first_rows)
{
    out[0] = tn_sum(tn_narrow(relu_gradient(in[0]), 0, 0, 5), TN_OVER(0), false);
}

/* A matrix that has as many rows as columns. */
static tn_tensor *square(tn_tensor *x)
{
    return tn_contiguous(tn_narrow(x, 0, 0, 5));
}

FUNCTION(sum_of_transposed_square)
{
    out[0] = tn_sum(tn_transpose(relu_gradient(square(in[0])), 0, 1), TN_OVER(0), false);
}

FUNCTION(sum_of_square_in_columns)
{
    tn_tensor *dz = relu_gradient(tn_transpose(square(in[0]), 0, 1));
    out[0] = tn_sum(tn_transpose(dz, 0, 1), TN_OVER(0), false);
}

FUNCTION(sum_of_longer_rows)
{
    out[0] = tn_sum(tn_reshape(relu_gradient(in[0]), TN_SHAPE(5, 7)), TN_OVER(0), false);
}

FUNCTION(sum_of_something_else)
{
    tn_tensor *dz = relu_gradient(in[0]);
    out[0] = tn_mul(tn_sum(in[0], TN_OVER(0), false), tn_narrow(dz, 0, 1, 1));
}

FUNCTION(gradient_overwritten)
{
    tn_tensor *dz = relu_gradient(in[0]);
    tn_fill_(tn_narrow(dz, 0, 2, 1), 3);
    out[0] = tn_sum(dz, TN_OVER(0), false);
}

static void assert_all_rest(const char *pass, const tn_program_fn *functions, int n, int n_out)
{
    tn_context *tn = tn_open(backend);
    tn_set_grad_enabled(tn, false);
    for (int i = 0; i < n; i++) {
        trial t = trial_of(tn, functions[i], NULL, n_out, draw(tn, TN_SHAPE(7, 5)), draw(tn, TN_SHAPE(7, 5)));
        t.tolerance = 1e-6;
        assert_rests(&t, pass);
    }
    assert_int_equal(tn_close(tn), 0);
}

static void relu_gradients_stay_apart_where_they_must(void **state TN_UNUSED)
{
    static const tn_program_fn functions[] = {sum_in_a_row,
                                              sum_of_columns,
                                              sum_of_all,
                                              sum_of_transposed,
                                              sum_of_some_rows,
                                              sum_of_first_rows,
                                              sum_of_transposed_square,
                                              sum_of_square_in_columns,
                                              sum_of_longer_rows,
                                              sum_of_something_else,
                                              gradient_overwritten};
    tn_context *tn = tn_open(backend);
    trial t = trial_of(tn, sum_of_rows, NULL, 2, draw(tn, TN_SHAPE(7, 5)), draw(tn, TN_SHAPE(7, 5)));
    t.tolerance = 1e-6;
    assert_fires(&t, "fuse_relu_sum", 1); /* nothing is changed here */
    assert_int_equal(tn_close(tn), 0);
    assert_all_rest("fuse_relu_sum", functions, sizeof functions / sizeof *functions, 1);
}

static tn_tensor *product(tn_tensor *dy, tn_tensor *x)
{
    return tn_matmul(tn_transpose(dy, 0, 1), x);
}

static tn_tensor *sum(tn_tensor *dy)
{
    return tn_sum(dy, TN_OVER(0), false);
}

FUNCTION(product_first)
{
    tn_tensor *dy = tn_exp(in[0]);
    out[0] = product(dy, in[0]);
    out[1] = sum(dy);
}

FUNCTION(sum_first)
{
    tn_tensor *dy = tn_exp(in[0]), *x = tn_square(in[0]);
    out[1] = sum(dy);
    out[0] = product(dy, x);
}

FUNCTION(product_used_before_the_sum)
{
    tn_tensor *dy = tn_exp(in[0]), *dw = product(dy, in[0]);
    out[0] = tn_neg(dw);
    out[1] = sum(dy);
}

FUNCTION(sum_used_before_the_product)
{
    tn_tensor *dy = tn_exp(in[0]);
    tn_tensor *db = sum(dy);
    out[1] = tn_neg(db);
    out[0] = product(dy, in[0]);
}

FUNCTION(dy_overwritten)
{
    tn_tensor *dy = tn_exp(in[0]);
    out[0] = product(dy, in[0]);
    tn_fill_(dy, 3);
    out[1] = sum(dy);
}

FUNCTION(x_overwritten)
{
    tn_tensor *dy = tn_exp(in[0]), *x = tn_square(in[0]);
    out[0] = product(dy, x);
    tn_fill_(x, 3);
    out[1] = tn_add(sum(dy), tn_narrow(x, 0, 0, 1));
}

FUNCTION(another_dy)
{
    tn_tensor *dy = tn_exp(in[0]);
    out[0] = product(dy, in[0]);
    out[1] = sum(in[0]);
}

/* The sums of dy's rows, which go with no column of the product. */
FUNCTION(dy_as_it_is)
{
    tn_tensor *dy = tn_exp(in[0]);
    out[0] = tn_matmul(dy, tn_transpose(in[0], 0, 1));
    out[1] = sum(dy);
}

FUNCTION(square_dy_as_it_is)
{
    tn_tensor *x = square(in[0]), *dy = tn_exp(x);
    out[0] = tn_matmul(dy, x);
    out[1] = sum(dy);
}

FUNCTION(sums_of_rows)
{
    tn_tensor *dy = tn_exp(in[0]);
    out[0] = product(dy, in[0]);
    out[1] = tn_sum(dy, TN_OVER(1), false);
}

FUNCTION(part_of_dy)
{
    tn_tensor *dy = tn_exp(in[0]);
    out[0] = product(tn_narrow(dy, 0, 0, 6), tn_narrow(in[0], 0, 0, 6));
    out[1] = sum(dy);
}

FUNCTION(another_part_of_dy)
{
    tn_tensor *dy = tn_exp(in[0]);
    out[0] = product(tn_narrow(dy, 0, 0, 6), tn_narrow(in[0], 0, 0, 6));
    out[1] = sum(tn_narrow(dy, 0, 1, 6));
}

FUNCTION(sums_as_a_row)
{
    tn_tensor *dy = tn_exp(in[0]);
    out[0] = product(dy, in[0]);
    out[1] = tn_sum(dy, TN_OVER(0), true);
}

FUNCTION(several_products)
{
    tn_tensor *dy = tn_exp(in[0]), *x = tn_square(in[0]);
    out[0] = product(dy, tn_reshape(x, TN_SHAPE(1, 7, 5)));
    out[1] = sum(dy);
}

static void products_and_sums_become_one_in_either_order(void **state TN_UNUSED)
{
    static const tn_program_fn functions[] = {product_first, sum_first, product_used_before_the_sum, x_overwritten};
    tn_context *tn = tn_open(backend);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        trial t = trial_of(tn, functions[i], NULL, 2, draw(tn, TN_SHAPE(7, 5)), draw(tn, TN_SHAPE(7, 5)));
        t.tolerance = 1e-6;
        assert_fires(&t, "fuse_linear_grad", 1);
    }
    assert_int_equal(tn_close(tn), 0);
}

static void products_and_sums_stay_apart_where_they_must(void **state TN_UNUSED)
{
    static const tn_program_fn functions[] = {sum_used_before_the_product,
                                              dy_overwritten,
                                              another_dy,
                                              dy_as_it_is,
                                              square_dy_as_it_is,
                                              sums_of_rows,
                                              part_of_dy,
                                              another_part_of_dy,
                                              sums_as_a_row,
                                              several_products};
    assert_all_rest("fuse_linear_grad", functions, sizeof functions / sizeof *functions, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bias_joins_the_gradient_of_relu),
        cmocka_unit_test(a_bias_joins_the_gradient_of_the_weight),
        cmocka_unit_test(a_bias_joins_relu_rather_than_the_weight),
        cmocka_unit_test(a_layer_without_bias_stays),
        TEST(gradients_stay_apart_where_the_device_has_no_joint_operator),
        cmocka_unit_test(relu_gradients_stay_apart_where_they_must),
        cmocka_unit_test(products_and_sums_become_one_in_either_order),
        cmocka_unit_test(products_and_sums_stay_apart_where_they_must),
    };
    backend = argc > 1 ? argv[1] : "gpu_host32";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
