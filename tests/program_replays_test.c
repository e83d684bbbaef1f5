/* SPDX-License-Identifier: Apache-2.0
 *
 * Which recording is replayed, and what a replay costs: kinds of inputs, memory, the account of operators. */
#include <stdlib.h>

#include "edge.h"

/* ---- kinds of inputs */

static void each_kind_of_inputs_has_a_recording_and_there_are_so_many(void **state)
{
    CONTEXT;
    tn_program *program = open_program(tn, doubles, NULL);
    for (int turn = 0; turn < 2; turn++)
        for (int n = 1; n <= 20; n++) {
            tn_mark mark = tn_begin(tn);
            tn_tensor *y = run(program, tn_full(tn, TN_F32, n, TN_SHAPE(n)));
            tn_end(tn, mark, NULL);
            assert_mean(y, 2 * n);
            assert_int_equal(tn_numel(y), n);
        }
    assert_int_equal(tn_program_look(program).recordings, 16);
    tn_program_reset(program);
    assert_int_equal(tn_program_look(program).recordings, 0);
    assert_mean(run(program, four(tn, 1)), 2);
    assert_int_equal(tn_program_look(program).recordings, 1);
    tn_set_grad_enabled(tn, false);
    assert_mean(run(program, four(tn, 2)), 4);
    tn_set_grad_enabled(tn, true);
    assert_int_equal(tn_program_look(program).recordings, 2);
}

static void inputs_may_begin_anywhere(void **state)
{
    CONTEXT;
    tn_program *program = open_program(tn, doubles, NULL);
    tn_tensor *all = tn_arange(tn, TN_F32, 0, 100, 1);
    for (int i = 0; i < 20; i++) assert_mean(run(program, tn_narrow(all, 0, i, 9)), 2 * (i + 4));
    assert_mean(run(program, tn_slice(all, 0, 3, 21, 2)), 2 * (3 + 8));
    for (int i = 0; i < 20; i++) assert_mean(run(program, tn_narrow(all, 0, i, 9)), 2 * (i + 4));
}

FUNCTION(picks_rows)
{
    tn_copy_(arg, tn_add_scalar(arg, 1));
    out[0] = tn_index_select(tn_exp(arg), in[0]);
}

/* As eagerly, what came before the failure has happened. */
static void a_replay_may_fail_and_the_next_one_succeed(void **state)
{
    CONTEXT;
    tn_tensor *x = four(tn, 0), *good = tn_from(tn, (int64_t[]){1, 3}, TN_I64, TN_SHAPE(2)),
              *bad = tn_from(tn, (int64_t[]){1, 4}, TN_I64, TN_SHAPE(2));
    tn_program *program = open_program(tn, picks_rows, x);
    assert_mean(run(program, good), exp(1));
    assert_true(tn_is_nil(run(program, bad)));
    assert_refused(tn, TN_INVALID, "index_select");
    assert_mean(run(program, good), exp(3));
    assert_int_equal(tn_program_look(program).recordings, 1);
}

FUNCTION(makes_much)
{
    out[0] = tn_matmul(tn_exp(in[0]), tn_neg(tn_relu(tn_exp(in[0]))));
}

static void a_reset_gives_all_memory_back(void **state)
{
    CONTEXT;
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(64, 64));
    tn_program *program = open_program(tn, makes_much, NULL);
    uint64_t before = tn_memory_stats(tn, "reference:0").live;
    for (int i = 0; i < 3; i++) {
        run(program, x);
        run(program, tn_narrow(x, 0, 0, 64));
        run(program, tn_transpose(x, 0, 1));
        assert_true(tn_memory_stats(tn, "reference:0").live > before);
        tn_program_reset(program);
        assert_true(tn_memory_stats(tn, "reference:0").live == before);
    }
}

/* ---- accounts */

static void step(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    tn_optimizer *opt = ((void **)arg)[1];
    tn_optim_zero_grad(opt);
    out[0] = tn_mean(tn_square(tn_nn_forward(((void **)arg)[0], in[0])), TN_ALL, false);
    tn_backward(out[0]);
    tn_optim_step(opt);
}

static void replays_allocate_nothing_and_are_counted(void **state)
{
    CONTEXT;
    tn_module *model = tn_nn_linear(tn, 4, 3, true);
    void *both[2] = {model, tn_optim_adam(model, NULL)};
    tn_program *program = open_program(tn, step, both);
    tn_tensor *x = tn_uniform(tn, TN_F32, 0, 1, TN_SHAPE(5, 4));
    tn_reset_placements(tn);
    run(program, x);
    int n, planned = 0;
    const tn_placement *rows = tn_placements(tn, &n);
    for (int i = 0; i < n; i++) planned += rows[i].plans > 0;
    assert_true(planned >= 5); /* the recording makes plans of its own */
    run(program, x);
    tn_memory before = tn_memory_stats(tn, "reference:0");
    tn_reset_peak_memory(tn, "reference:0");
    tn_reset_placements(tn);
    for (int i = 0; i < 1000; i++) run(program, x);
    tn_memory after = tn_memory_stats(tn, "reference:0");
    assert_true(after.live == before.live && after.reserved == before.reserved && after.peak == before.live);
    int seen = 0;
    rows = tn_placements(tn, &n);
    uint64_t calls = 0;
    for (int i = 0; i < n; i++) {
        calls += rows[i].calls;
        seen += rows[i].calls == 1000;
        assert_int_equal(rows[i].plans, 0);
        assert_true(rows[i].nanoseconds == 0);
    }
    assert_int_equal(calls, 1000 * (uint64_t)tn_program_look(program).ops);
    assert_true(seen >= 5);
    tn_set_profiling(tn, true);
    tn_reset_placements(tn);
    for (int i = 0; i < 10; i++) run(program, x);
    rows = tn_placements(tn, &n);
    uint64_t nanoseconds = 0;
    for (int i = 0; i < n; i++) nanoseconds += rows[i].nanoseconds;
    assert_true(nanoseconds > 0);
    tn_set_profiling(tn, false);
    assert_good(tn);
}

FUNCTION(sets_the_rate)
{
    tn_optim_set_lr(arg, 0.5);
    out[0] = tn_exp(in[0]);
}

static void the_learning_rate_cannot_be_set_in_a_function(void **state)
{
    CONTEXT;
    tn_optimizer *opt = tn_optim_sgd(tn_nn_linear(tn, 4, 3, true), &(tn_sgd_options){.lr = 0.1});
    assert_function_refused(tn, sets_the_rate, opt, "the host sets the learning rate (0.5)");
    assert_true(tn_optim_get_lr(opt) == 0.1);
}

static void a_learning_rate_may_change_between_runs(void **state)
{
    CONTEXT;
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(5, 4)), *w[2];
    for (int k = 0; k < 2; k++) {
        tn_manual_seed(tn, 3);
        tn_module *model = tn_nn_linear(tn, 4, 3, true);
        tn_optimizer *opt = tn_optim_sgd(model, &(tn_sgd_options){.lr = 0.1});
        void *both[2] = {model, opt};
        tn_program *program = open_program(tn, step, both);
        for (int i = 0; i < 6; i++) {
            tn_tensor *loss;
            tn_optim_set_lr(opt, 0.1 / (i + 1));
            if (k)
                run(program, x);
            else
                step(both, &x, &loss);
        }
        w[k] = tn_nn_get(model, "weight");
        tn_program_reset(program);
    }
    assert_mean(w[0], mean_of(w[1]));
}

int main(void)
{
    setenv("TENON_LOG", "error", 1);
    const struct CMUnitTest tests[] = {
        TEST(each_kind_of_inputs_has_a_recording_and_there_are_so_many),
        TEST(inputs_may_begin_anywhere),
        TEST(a_replay_may_fail_and_the_next_one_succeed),
        TEST(a_reset_gives_all_memory_back),
        TEST(replays_allocate_nothing_and_are_counted),
        TEST(the_learning_rate_cannot_be_set_in_a_function),
        TEST(a_learning_rate_may_change_between_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
