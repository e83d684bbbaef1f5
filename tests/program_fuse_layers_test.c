/* SPDX-License-Identifier: Apache-2.0
 *
 * The same promises (trial.h) of the passes that join convolutions, products, relu and pooling. */
#include <stdlib.h>

#include "trial.h"

/* ---- fuse_relu */

FUNCTION(linear_and_relu)
{
    LAYER;
    out[0] = tn_relu(tn_linear(in[0], l->w, l->b));
}

FUNCTION(linear_and_relu_trained)
{
    LAYER;
    give_gradients(l, tn_relu(tn_linear(in[0], l->w, l->b)), out);
}

FUNCTION(linear_that_stays)
{
    LAYER;
    out[1] = tn_linear(in[0], l->w, l->b);
    out[0] = tn_relu(out[1]);
}

FUNCTION(linear_read_twice)
{
    LAYER;
    tn_tensor *z = tn_linear(in[0], l->w, l->b);
    out[0] = tn_sub(tn_relu(z), z);
}

/* Doubles w and halves it again: before relu and after it. */
FUNCTION(weight_changed_in_between)
{
    LAYER;
    bool was = tn_set_grad_enabled(tn_context_of(in[0]), false);
    tn_tensor *z = tn_linear(in[0], l->w, l->b);
    tn_copy_(l->w, tn_mul_scalar(l->w, 2));
    out[0] = tn_relu(z);
    tn_copy_(l->w, tn_mul_scalar(l->w, 0.5));
    tn_set_grad_enabled(tn_context_of(in[0]), was);
}

FUNCTION(conv_and_relu)
{
    LAYER;
    out[0] = tn_relu(tn_conv2d(in[0], l->w, l->b, TN_CONV2D(.padding = {1, 1})));
}

FUNCTION(conv_and_relu_trained)
{
    LAYER;
    give_gradients(l, tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), out);
}

static void relu_joins_what_is_before(void **state TN_UNUSED)
{
    tn_context *tn = open_with("linear_relu");
    if (!tn) skip();
    layer l = linear_layer(tn), c = conv_layer(tn);
    tn_tensor *x = draw(tn, TN_SHAPE(7, 5)), *x2 = draw(tn, TN_SHAPE(7, 5));
    tn_tensor *image = draw(tn, TN_SHAPE(2, 3, 8, 8)), *image2 = draw(tn, TN_SHAPE(2, 3, 8, 8));
    trial t = trial_of(tn, linear_and_relu, &l, 1, x, x2);
    t.tolerance = 1e-6;
    assert_fires(&t, "fuse_relu", 1);
    assert_int_equal(calls(tn, "linear_relu"), 1);
    t.fn = linear_and_relu_trained;
    t.n_out = 3;
    assert_fires(&t, "fuse_relu", 1);
    t = trial_of(tn, conv_and_relu, &c, 1, image, image2);
    t.tolerance = 1e-6;
    assert_fires(&t, "fuse_relu", 1);
    t.fn = conv_and_relu_trained;
    t.n_out = 3;
    assert_fires(&t, "fuse_relu", 1);
    assert_int_equal(tn_close(tn), 0);
}

static void relu_stays_apart_where_it_must(void **state TN_UNUSED)
{
    tn_context *tn = open_with("linear_relu");
    if (!tn) skip();
    layer l = linear_layer(tn);
    tn_tensor *x = draw(tn, TN_SHAPE(7, 5)), *x2 = draw(tn, TN_SHAPE(7, 5));
    trial t = trial_of(tn, linear_that_stays, &l, 2, x, x2);
    assert_rests(&t, "fuse_relu");
    t = trial_of(tn, linear_read_twice, &l, 1, x, x2);
    assert_rests(&t, "fuse_relu");
    t = trial_of(tn, weight_changed_in_between, &l, 1, x, x2);
    assert_rests(&t, "fuse_relu");
    assert_int_equal(tn_close(tn), 0);
}

static void relu_stays_apart_where_the_device_has_no_joint_operator(void **state)
{
    tn_context *tn = *state;
    layer l = linear_layer(tn);
    trial t = trial_of(tn, linear_and_relu_trained, &l, 3, draw(tn, TN_SHAPE(7, 5)), draw(tn, TN_SHAPE(7, 5)));
    assert_rests(&t, "fuse_relu");
}

/* ---- sink_relu */

static const tn_max_pool2d_attrs two_by_two = {.struct_size = sizeof two_by_two, .kernel = {2, 2}};

FUNCTION(conv_relu_pool)
{
    LAYER;
    out[0] = tn_max_pool2d(tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), &two_by_two);
}

FUNCTION(conv_relu_pool_trained)
{
    LAYER;
    give_gradients(l, tn_max_pool2d(tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), &two_by_two), out);
}

FUNCTION(joint_conv_pool_trained)
{
    LAYER;
    give_gradients(l, tn_max_pool2d(tn_conv2d_relu(in[0], l->w, l->b, NULL), &two_by_two), out);
}

/* Windows that overlap. */
FUNCTION(overlapping_pool_trained)
{
    LAYER;
    tn_tensor *y = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1})), out);
}

FUNCTION(activation_that_stays)
{
    LAYER;
    out[3] = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_max_pool2d(out[3], &two_by_two), out);
}

FUNCTION(activation_read_twice)
{
    LAYER;
    tn_tensor *t = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_add(tn_max_pool2d(t, &two_by_two), tn_avg_pool2d(t, TN_AVG_POOL2D(.kernel = {2, 2}))), out);
}

FUNCTION(dilated_pool_trained)
{
    LAYER;
    tn_tensor *y = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {2, 2}, .dilation = {2, 2}, .padding = {1, 1})), out);
}

/* Both ways back would have to change. */
FUNCTION(two_ways_back)
{
    LAYER;
    tn_tensor *y = tn_max_pool2d(tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), &two_by_two);
    for (int i = 0; i < 2; i++)
        tn_grad_for(y, i ? tn_square(tn_detach(y)) : tn_ones_like(y), 1, (tn_tensor *const[]){l->w}, &out[i], i == 0,
                    false);
}

/* relu has a quarter of the work, or all of it. */
static void assert_sinks(const trial *t, bool sinks)
{
    static const char *const ops[] = {"relu", "relu_grad"};
    for (int i = 0; i < 2; i++) {
        try(t, "none");
        uint64_t before = account(t->tn, ops[i], true);
        try(t, "dead,sink_relu");
        uint64_t after = account(t->tn, ops[i], true);
        if (sinks ? 2 * after > before : after != before)
            fail_msg("%s moved %llu bytes, now it moves %llu", ops[i], (unsigned long long)before,
                     (unsigned long long)after);
    }
    try(t, "all");
}

static trial image_trial(tn_context *tn, tn_program_fn fn, layer *l, int n_out)
{
    *l = conv_layer(tn);
    return trial_of(tn, fn, l, n_out, draw(tn, TN_SHAPE(2, 3, 10, 11)), draw(tn, TN_SHAPE(2, 3, 10, 11)));
}

static void relu_sinks_behind_pooling(void **state)
{
    static const tn_program_fn functions[] = {conv_relu_pool_trained, overlapping_pool_trained};
    layer l;
    for (int i = 0; i < 2; i++) {
        trial t = image_trial(*state, functions[i], &l, 3);
        assert_sinks(&t, true);
    }
    trial t = image_trial(*state, conv_relu_pool, &l, 1);
    assert_sinks(&t, true);
}

static void relu_stays_before_pooling_where_it_must(void **state)
{
    layer l;
    trial t = image_trial(*state, activation_that_stays, &l, 4);
    assert_sinks(&t, false);
    t = image_trial(*state, activation_read_twice, &l, 3);
    assert_sinks(&t, false);
    t = image_trial(*state, dilated_pool_trained, &l, 3);
    assert_sinks(&t, false);
    t = image_trial(*state, two_ways_back, &l, 2);
    assert_sinks(&t, false);
}

static void a_joint_convolution_lets_its_relu_sink(void **state TN_UNUSED)
{
    tn_context *tn = open_with("conv2d_relu");
    if (!tn) skip();
    layer l;
    trial t = image_trial(tn, joint_conv_pool_trained, &l, 3);
    t.tolerance = 1e-6;
    try(&t, "sink_relu");
    assert_int_equal(calls(tn, "conv2d"), 1);
    assert_int_equal(calls(tn, "conv2d_relu"), 0);
    t = image_trial(tn, conv_relu_pool, &l, 1); /* without a gradient it is free in the convolution */
    t.tolerance = 1e-6;
    try(&t, "sink_relu,fuse_relu");
    assert_int_equal(calls(tn, "conv2d_relu"), 1);
    assert_int_equal(calls(tn, "relu"), 0);
    assert_int_equal(tn_close(tn), 0);
}

/* ---- fuse_pool */

FUNCTION(conv_pool_relu)
{
    LAYER;
    out[0] = tn_relu(tn_max_pool2d(tn_conv2d(in[0], l->w, l->b, NULL), &two_by_two));
}

FUNCTION(conv_pool_relu_trained)
{
    LAYER;
    give_gradients(l, tn_relu(tn_max_pool2d(tn_conv2d(in[0], l->w, l->b, NULL), &two_by_two)), out);
}

FUNCTION(two_convs_trained)
{
    LAYER;
    tn_tensor *y = tn_max_pool2d(tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), &two_by_two);
    y = tn_conv2d(y, tn_contiguous(tn_permute(tn_detach(l->w), 4, (int64_t[]){1, 0, 2, 3})), NULL, NULL);
    give_gradients(l, tn_max_pool2d(tn_relu(y), &two_by_two), out);
}

FUNCTION(padded_pool)
{
    LAYER;
    tn_tensor *y = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    out[0] = tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {2, 2}, .padding = {1, 1}));
}

FUNCTION(rounded_up_pool_trained)
{
    LAYER;
    tn_tensor *y = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {2, 2}, .ceil_mode = 1)), out);
}

FUNCTION(conv_pool_without_relu)
{
    LAYER;
    out[0] = tn_max_pool2d(tn_conv2d(in[0], l->w, l->b, NULL), &two_by_two);
}

/* Doubles w and halves it again, before relu and after it. */
FUNCTION(weight_changed_before_relu)
{
    LAYER;
    bool was = tn_set_grad_enabled(tn_context_of(in[0]), false);
    tn_tensor *z = tn_max_pool2d(tn_conv2d(in[0], l->w, l->b, NULL), &two_by_two);
    tn_copy_(l->w, tn_mul_scalar(l->w, 2));
    out[0] = tn_relu(z);
    tn_copy_(l->w, tn_mul_scalar(l->w, 0.5));
    tn_set_grad_enabled(tn_context_of(in[0]), was);
}

static bool fuses_pool(tn_context *tn)
{
    return calls(tn, "conv2d_max_pool2d_relu") > 0;
}

static void pooling_joins_the_convolution(void **state TN_UNUSED)
{
    static const struct {
        tn_program_fn fn;
        int n_out, backward; /* operators that know of pooling */
    } rows[] = {{conv_relu_pool, 1, 0},         {conv_pool_relu, 1, 0},          {conv_relu_pool_trained, 3, 1},
                {conv_pool_relu_trained, 3, 1}, {joint_conv_pool_trained, 3, 1}, {two_convs_trained, 3, 2}};
    tn_context *tn = open_with("conv2d_max_pool2d_grad_input"); /* then it has the other two, too */
    if (!tn) skip();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        layer l;
        trial t = image_trial(tn, rows[i].fn, &l, rows[i].n_out);
        t.tolerance = 1e-6;
        try(&t, "all");
        if (!fuses_pool(tn)) fail_msg("case %zu: pooling stays apart", i);
        assert_int_equal(calls(tn, "max_pool2d"), 0);
        assert_int_equal(calls(tn, "max_pool2d_grad"), 0);
        assert_int_equal(calls(tn, "conv2d_max_pool2d_grad_weight") + calls(tn, "conv2d_max_pool2d_grad_input"),
                         rows[i].backward);
    }
    assert_int_equal(tn_close(tn), 0);
}

static void pooling_stays_apart_where_it_must(void **state TN_UNUSED)
{
    static const struct {
        tn_program_fn fn;
        int n_out;
    } rows[] = {{activation_that_stays, 4}, {activation_read_twice, 3},     {dilated_pool_trained, 3},
                {padded_pool, 1},           {rounded_up_pool_trained, 3},   {conv_pool_without_relu, 1},
                {two_ways_back, 2},         {weight_changed_before_relu, 1}};
    tn_context *tn = open_with("conv2d_max_pool2d_relu");
    if (!tn) skip();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        layer l;
        trial t = image_trial(tn, rows[i].fn, &l, rows[i].n_out);
        t.tolerance = 1e-6;
        try(&t, "all");
        if (fuses_pool(tn)) fail_msg("case %zu: pooling has joined the convolution", i);
    }
    assert_int_equal(tn_close(tn), 0);
}

int main(void)
{
    setenv("TENON_FALLBACK", "allow", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relu_joins_what_is_before),
        cmocka_unit_test(relu_stays_apart_where_it_must),
        TEST(relu_stays_apart_where_the_device_has_no_joint_operator),
        TEST(relu_sinks_behind_pooling),
        TEST(relu_stays_before_pooling_where_it_must),
        cmocka_unit_test(a_joint_convolution_lets_its_relu_sink),
        cmocka_unit_test(pooling_joins_the_convolution),
        cmocka_unit_test(pooling_stays_apart_where_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
