/* SPDX-License-Identifier: Apache-2.0
 *
 * Scopes free what is made inside them: 10,000 training steps leave no tensor, no byte and no graph behind. */
#include "check.h"

#include <malloc.h>

static uint64_t live(tn_context *tn)
{
    return tn_memory_stats(tn, tn_default_device(tn)).live;
}

/* ---- leaks */

static void train_step(tn_context *tn, tn_module *net, tn_optimizer *optimizer)
{
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = tn_uniform(tn, TN_F32, 0, 1, TN_SHAPE(4, 1, 6, 6));
    tn_tensor *y = tn_argmax(tn_flatten(x, 1, -1), 1, false);
    tn_optim_zero_grad(optimizer);
    tn_backward(tn_cross_entropy(tn_nn_forward(net, x), y));
    tn_optim_step(optimizer);
    tn_end(tn, mark, NULL);
}

static void ten_thousand_steps_leak_nothing(void **state)
{
    tn_context *tn = *state;
    tn_module *net = tn_nn_sequential(tn, tn_nn_conv2d(tn, 1, 2, 3, true, NULL), tn_nn_batch_norm2d(tn, 2),
                                      tn_nn_relu(tn), tn_nn_max_pool2d(tn, 2), tn_nn_flatten(tn),
                                      tn_nn_dropout(tn, 0.1), tn_nn_linear(tn, 8, 36, true), NULL);
    tn_optimizer *optimizer = tn_optim_adam(net, NULL);
    for (int i = 0; i < 100; i++) train_step(tn, net, optimizer);
    uint64_t bytes = live(tn), reserved = tn_memory_stats(tn, tn_default_device(tn)).reserved;
    size_t heap = mallinfo2().uordblks;
    for (int i = 0; i < 10000; i++) train_step(tn, net, optimizer);
    assert_good(tn);
    assert_int_equal(live(tn), bytes);
    assert_int_equal(tn_memory_stats(tn, tn_default_device(tn)).reserved, reserved);
    if (mallinfo2().uordblks > heap + 4096) fail_msg("the heap grew by %zu bytes", mallinfo2().uordblks - heap);
}

static void failing_steps_leak_nothing(void **state)
{
    tn_context *tn = *state;
    tn_tensor *w = tn_requires_grad(tn_ones(tn, TN_F32, TN_SHAPE(3, 3)), true);
    uint64_t bytes = live(tn);
    for (int i = 0; i < 1000; i++) {
        tn_mark mark = tn_begin(tn);
        tn_tensor *y = tn_matmul(w, tn_matmul(w, w));
        tn_backward(tn_sum(tn_add(y, tn_ones(tn, TN_F32, TN_SHAPE(2))), TN_ALL, false));
        tn_end(tn, mark, NULL);
        assert_refused(tn, TN_INVALID, "add");
    }
    assert_int_equal(live(tn), bytes);
}

static void graphs_kept_for_higher_derivatives_are_freed(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_requires_grad(tn_ones(tn, TN_F64, TN_SHAPE(5)), true);
    uint64_t bytes = live(tn);
    for (int i = 0; i < 200; i++) {
        tn_mark mark = tn_begin(tn);
        tn_tensor *dx, *ddx;
        tn_grad_for(tn_sum(tn_tanh(x), TN_ALL, false), NULL, 1, &x, &dx, true, true);
        tn_grad_for(tn_sum(dx, TN_ALL, false), NULL, 1, &x, &ddx, false, false);
        tn_end(tn, mark, NULL);
    }
    assert_int_equal(live(tn), bytes);
}

/* ---- rules */

static void what_is_kept_moves_outward(void **state)
{
    tn_context *tn = *state;
    uint64_t bytes = live(tn);
    tn_mark outer = tn_begin(tn), inner = tn_begin(tn);
    tn_tensor *a = tn_full(tn, TN_F32, 1, TN_SHAPE(10)), *b = tn_full(tn, TN_F32, 2, TN_SHAPE(10));
    tn_full(tn, TN_F32, 3, TN_SHAPE(10));
    uint64_t one = (live(tn) - bytes) / 3;
    tn_end(tn, inner, a, b, NULL);
    assert_int_equal(live(tn), bytes + 2 * one);
    assert_true(tn_item(tn_select(tn_add(a, b), 0, 9)) == 3);
    tn_end(tn, outer, b, NULL);
    assert_int_equal(live(tn), bytes + one);
    assert_true(tn_item(tn_select(b, 0, 0)) == 2);
}

static void ending_an_outer_scope_ends_those_inside(void **state)
{
    tn_context *tn = *state;
    uint64_t bytes = live(tn);
    tn_mark outer = tn_begin(tn);
    tn_begin(tn);
    tn_begin(tn);
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(10)), *y = tn_ones(tn, TN_F32, TN_SHAPE(10));
    (void)x;
    tn_end(tn, outer, y, NULL);
    assert_true(live(tn) > bytes);
    assert_true(tn_item(tn_sum(y, TN_ALL, false)) == 10);
    assert_good(tn);
}

static void retained_tensors_outlive_their_scope(void **state)
{
    tn_context *tn = *state;
    uint64_t bytes = live(tn);
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = tn_retain(tn_ones(tn, TN_F32, TN_SHAPE(10)));
    tn_end(tn, mark, NULL);
    assert_true(live(tn) > bytes);
    tn_release(x);
    assert_int_equal(live(tn), bytes);
    tn_release(NULL);
}

static void a_gradient_belongs_to_its_parameter(void **state)
{
    tn_context *tn = *state;
    tn_tensor *w = tn_requires_grad(tn_ones(tn, TN_F32, TN_SHAPE(4)), true);
    tn_mark mark = tn_begin(tn);
    tn_backward(tn_sum(tn_square(w), TN_ALL, false));
    tn_end(tn, mark, NULL);
    assert_true(tn_item(tn_sum(tn_grad_of(w), TN_ALL, false)) == 8);
}

static void peak_and_reserved_are_told(void **state)
{
    tn_context *tn = *state;
    const char *device = tn_default_device(tn);
    tn_reset_peak_memory(tn, device);
    uint64_t before = tn_memory_stats(tn, device).peak;
    tn_mark mark = tn_begin(tn);
    tn_zeros(tn, TN_U8, TN_SHAPE(5000000));
    tn_end(tn, mark, NULL);
    tn_memory after = tn_memory_stats(tn, device);
    assert_true(after.peak >= before + 5000000);
    assert_true(after.live < after.peak && after.reserved >= after.live);
    tn_reset_peak_memory(tn, device);
    assert_int_equal(tn_memory_stats(tn, device).peak, after.live);
}

/* What is freed is used again: the pool does not grow by steps of the same sizes. */
static void freed_memory_is_used_again(void **state)
{
    tn_context *tn = *state;
    uint64_t reserved = 0;
    for (int i = 0; i < 50; i++) {
        tn_mark mark = tn_begin(tn);
        for (int k = 1; k < 6; k++) tn_zeros(tn, TN_F32, TN_SHAPE(10000 * k));
        tn_end(tn, mark, NULL);
        if (i == 0) reserved = tn_memory_stats(tn, tn_default_device(tn)).reserved;
    }
    assert_int_equal(tn_memory_stats(tn, tn_default_device(tn)).reserved, reserved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_thousand_steps_leak_nothing),
        TEST(failing_steps_leak_nothing),
        TEST(graphs_kept_for_higher_derivatives_are_freed),
        TEST(what_is_kept_moves_outward),
        TEST(ending_an_outer_scope_ends_those_inside),
        TEST(retained_tensors_outlive_their_scope),
        TEST(a_gradient_belongs_to_its_parameter),
        TEST(peak_and_reserved_are_told),
        TEST(freed_memory_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
