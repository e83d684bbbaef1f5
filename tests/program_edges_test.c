/* SPDX-License-Identifier: Apache-2.0
 *
 * What looks strange in a function must be in a program as it is eagerly: where results lie, whose gradients are used,
 * functions of nothing. */
#include <stdlib.h>

#include "edge.h"

/* ---- results */

FUNCTION(gives_its_input)
{
    out[0] = in[0];
}

FUNCTION(gives_part_of_its_input)
{
    out[0] = tn_narrow(in[0], 0, 1, 2);
}

FUNCTION(gives_a_parameter)
{
    out[0] = arg;
}

FUNCTION(gives_a_constant)
{
    out[0] = tn_from(tn_context_of(in[0]), (float[]){1, 2, 3, 6}, TN_F32, TN_SHAPE(4));
}

static void results_may_be_inputs_or_parameters_or_constants(void **state)
{
    CONTEXT;
    tn_tensor *w = four(tn, 9);
    static const tn_program_fn functions[] = {gives_its_input, gives_part_of_its_input};
    for (int f = 0; f < 2; f++) {
        tn_program *program = open_program(tn, functions[f], NULL);
        for (int i = 0; i < 3; i++) {
            tn_mark mark = tn_begin(tn);
            tn_tensor *out = run(program, four(tn, i));
            tn_end(tn, mark, NULL); /* the input has gone, but for the program */
            assert_mean(out, i);
        }
        assert_int_equal(tn_program_look(program).ops, 0);
        assert_int_equal(tn_program_look(program).recordings, 1);
    }
    tn_program *program = open_program(tn, gives_a_parameter, w);
    for (int i = 0; i < 3; i++) {
        tn_fill_(w, i);
        assert_mean(run(program, four(tn, 1)), i);
    }
    program = open_program(tn, gives_a_constant, w);
    for (int i = 0; i < 3; i++) assert_mean(run(program, four(tn, 1)), 3);
}

FUNCTION(adds_a_constant)
{
    tn_context *tn = tn_context_of(in[0]);
    tn_tensor *c = tn_from(tn, (float[]){1, 2, 3, 6}, TN_F32, TN_SHAPE(4));
    out[0] = tn_add(tn_mul(in[0], c), tn_scalar(tn, TN_F32, 0.5));
}

/* The host writes to a view that is not contiguous. */
FUNCTION(adds_a_constant_across)
{
    tn_context *tn = tn_context_of(in[0]);
    tn_tensor *c = tn_empty(tn, TN_F32, TN_SHAPE(2, 3));
    tn_write(tn_transpose(c, 0, 1), (float[]){1, 2, 3, 4, 5, 6}, 6 * sizeof(float));
    out[0] = tn_add(tn_mul_scalar(c, 3), tn_sum(in[0], TN_ALL, false));
}

static void data_of_the_host_are_constants(void **state)
{
    CONTEXT;
    tn_program *program = open_program(tn, adds_a_constant, NULL);
    for (int i = 0; i < 4; i++) assert_mean(run(program, four(tn, i)), 3 * i + 0.5);
    program = open_program(tn, adds_a_constant_across, NULL);
    for (int i = 0; i < 4; i++) assert_mean(run(program, four(tn, i)), 10.5 + 4 * i);
}

FUNCTION(multiplies)
{
    out[0] = tn_matmul(in[0], arg);
}

static void a_result_may_be_the_next_input(void **state)
{
    CONTEXT;
    float data[4] = {0, 1, 2, 0};
    tn_tensor *w = tn_from(tn, data, TN_F32, TN_SHAPE(2, 2)), *x = tn_ones(tn, TN_F32, TN_SHAPE(2, 2)), *y = x;
    tn_program *program = open_program(tn, multiplies, w);
    for (int i = 0; i < 4; i++) {
        x = tn_matmul(x, w);
        y = run(program, y);
        assert_mean(y, mean_of(x));
    }
}

FUNCTION(input_and_parameter)
{
    tn_tensor *w = arg, *before = tn_exp(w);
    tn_copy_(w, tn_exp(tn_relu(in[0])));
    out[0] = tn_sub(tn_mul(in[0], in[0]), before);
}

/* An input that is also reached in another way: what is written there shows here. */
static void an_input_may_be_a_parameter(void **state)
{
    CONTEXT;
    tn_tensor *w[2] = {four(tn, 0.1), four(tn, 0.1)};
    tn_program *program = open_program(tn, input_and_parameter, w[0]);
    for (int i = 0; i < 3; i++) {
        tn_tensor *eager;
        input_and_parameter(w[1], &w[1], &eager);
        assert_mean(run(program, w[0]), mean_of(eager));
        assert_mean(w[0], mean_of(w[1]));
    }
}

FUNCTION(writes_to_the_first)
{
    tn_tensor *sum = tn_add(in[0], in[1]), *before = tn_clone(in[1]);
    tn_fill_(in[0], 3);
    out[0] = tn_mul(sum, before);
}

static void inputs_may_be_the_same_tensor(void **state)
{
    CONTEXT;
    tn_program *program = tn_program_open(tn, "pair", writes_to_the_first, NULL, 2, 1);
    for (int i = 0; i < 3; i++) {
        tn_tensor *a = four(tn, 1), *b = four(tn, 2), *out;
        tn_program_run(program, (tn_tensor *[]){a, b}, &out);
        assert_mean(out, 6);
        assert_mean(a, 3);
        tn_program_run(program, (tn_tensor *[]){b, b}, &out);
        assert_mean(out, 8);
        assert_mean(b, 3);
    }
}

static void writing_to_an_input_is_noticed_by_backward(void **state)
{
    CONTEXT;
    tn_program *program = tn_program_open(tn, "pair", writes_to_the_first, NULL, 2, 1);
    for (int i = 0; i < 2; i++) {
        tn_tensor *w = tn_requires_grad(four(tn, 1), true), *x = four(tn, 2), *out;
        tn_tensor *y = tn_sum(tn_mul(w, x), TN_ALL, false);
        tn_program_run(program, (tn_tensor *[]){x, four(tn, 1)}, &out);
        assert_good(tn);
        tn_backward(y);
        assert_refused(tn, TN_INVALID, "was changed in place");
    }
}

/* Results that are inputs, given again, while nobody else holds the memory any more. */
static void a_result_in_an_input_may_be_the_next_input(void **state)
{
    CONTEXT;
    tn_program *program = open_program(tn, gives_part_of_its_input, NULL),
               *same = open_program(tn, gives_its_input, NULL);
    for (int i = 0; i < 3; i++) {
        tn_mark mark = tn_begin(tn);
        tn_tensor *out = run(program, tn_arange(tn, TN_F32, i, i + 9, 1)), *again = run(same, four(tn, i));
        tn_end(tn, mark, NULL);
        assert_mean(out, i + 1.5);
        for (int k = 0; k < 3; k++) {
            again = run(same, again);
            assert_mean(again, i);
        }
        again = run(same, tn_narrow(again, 0, 0, 3));
        assert_mean(again, i);
    }
}

/* ---- gradients */

typedef struct leaves {
    tn_tensor *w;
    bool clear_first, clear_last;
} leaves;

FUNCTION(goes_back_twice)
{
    leaves *l = arg;
    if (l->clear_first) tn_set_grad(l->w, NULL);
    tn_backward(tn_sum(tn_mul(l->w, in[0]), TN_ALL, false));
    tn_backward(tn_sum(tn_square(tn_mul(l->w, in[0])), TN_ALL, false));
    out[0] = tn_clone(tn_grad_of(l->w));
    if (l->clear_last) tn_set_grad(l->w, NULL);
}

static double grad_mean(tn_tensor *w)
{
    return tn_has_grad(w) ? mean_of(tn_grad_of(w)) : NAN;
}

static void assert_equal_grads(tn_tensor *x, tn_tensor *y)
{
    double a = grad_mean(x), b = grad_mean(y);
    if (isnan(a) != isnan(b) || fabs(a - b) > 1e-6 * fabs(a)) fail_msg("gradients are %g and %g", a, b);
}

/* Runs eagerly and as a program side by side; before each run the gradient is cleared from outside where `clears` has a
 * 'c', and set to ones where it has an 's'. */
static void compare_gradients(tn_context *tn, bool first, bool last, const char *clears)
{
    leaves a = {tn_requires_grad(four(tn, 0.5), true), first, last}, b = a;
    b.w = tn_requires_grad(four(tn, 0.5), true);
    tn_program *program = open_program(tn, goes_back_twice, &b);
    for (int i = 0; clears[i]; i++) {
        tn_tensor *eager, *x = four(tn, i + 1);
        if (clears[i] == 'c') tn_set_grad(a.w, NULL), tn_set_grad(b.w, NULL);
        if (clears[i] == 's') tn_set_grad(a.w, four(tn, 1)), tn_set_grad(b.w, four(tn, 1));
        goes_back_twice(&a, &x, &eager);
        tn_tensor *replayed = run(program, x);
        assert_mean(replayed, mean_of(eager));
        assert_equal_grads(a.w, b.w);
    }
}

static void gradients_are_what_they_are_eagerly(void **state)
{
    CONTEXT;
    compare_gradients(tn, true, false, "----");
    compare_gradients(tn, true, false, "csc-");
    compare_gradients(tn, true, true, "-s-c");
    compare_gradients(tn, false, true, "----"); /* backward, then zero_grad: as some write it */
    compare_gradients(tn, false, true, "s-s--");
    compare_gradients(tn, false, false, "cccc");
    compare_gradients(tn, false, false, "s---");
    compare_gradients(tn, false, false, "s-c-c--s-c");
    compare_gradients(tn, false, false, "----");
}

FUNCTION(steps)
{
    tn_optim_step(arg);
}

/* Eager backward makes other gradients each time, of which the last count. */
static void an_optimizer_steps_by_the_gradients_that_there_are(void **state)
{
    CONTEXT;
    tn_tensor *w[2];
    for (int k = 0; k < 2; k++) {
        tn_manual_seed(tn, 3);
        tn_module *model = tn_nn_linear(tn, 4, 3, true);
        tn_optimizer *opt = tn_optim_adam(model, NULL);
        tn_program *program = tn_program_open(tn, "steps", steps, opt, 0, 0);
        w[k] = tn_nn_get(model, "weight");
        for (int i = 0; i < 20; i++) {
            tn_mark mark = tn_begin(tn);
            tn_optim_zero_grad(opt);
            tn_backward(
                tn_mean(tn_square(tn_nn_forward(model, tn_full(tn, TN_F32, i, TN_SHAPE(2, 4)))), TN_ALL, false));
            if (k)
                tn_program_run(program, NULL, NULL);
            else
                steps(opt, NULL, NULL);
            tn_end(tn, mark, NULL);
        }
        assert_good(tn);
    }
    assert_mean(w[0], mean_of(w[1]));
}

/* ---- odd functions */

FUNCTION(handles_nothing)
{
    tn_tensor *y = tn_relu(tn_exp(in[0]));
    out[0] = tn_neg(tn_add(y, tn_mul(y, y)));
}

static void empty_tensors_are_no_trouble(void **state)
{
    CONTEXT;
    tn_program *program = open_program(tn, handles_nothing, NULL);
    for (int i = 0; i < 3; i++) {
        tn_tensor *y = run(program, tn_zeros(tn, TN_F32, TN_SHAPE(0, 3)));
        assert_good(tn);
        assert_int_equal(tn_dim(y, 0), 0);
        assert_int_equal(tn_dim(y, 1), 3);
    }
}

FUNCTION(does_nothing)
{
}

static void a_function_may_do_nothing(void **state)
{
    CONTEXT;
    tn_program *program = tn_program_open(tn, "idle", does_nothing, NULL, 0, 0);
    for (int i = 0; i < 3; i++) assert_int_equal(tn_program_run(program, NULL, NULL), TN_OK);
    tn_program_stats stats = tn_program_look(program);
    assert_int_equal(stats.runs, 3);
    assert_int_equal(stats.ops, 0);
    assert_int_equal(stats.recordings, 1);
}

FUNCTION(runs_another)
{
    tn_tensor *y, *x = tn_add_scalar(in[0], 1);
    tn_program_run(arg, &x, &y);
    out[0] = tn_square(y);
}

static void a_program_may_run_within_another(void **state)
{
    CONTEXT;
    tn_program *inner = open_program(tn, doubles, NULL), *outer = open_program(tn, runs_another, inner);
    for (int i = 0; i < 3; i++) assert_mean(run(outer, four(tn, i)), 4 * (i + 1) * (i + 1));
    assert_int_equal(tn_program_look(outer).ops, 3);
    assert_int_equal(tn_program_look(inner).recordings, 0);
    for (int i = 0; i < 3; i++) {
        assert_mean(run(inner, four(tn, i)), 2 * i);
        assert_mean(run(outer, four(tn, i)), 4 * (i + 1) * (i + 1));
    }
}

FUNCTION(drops_out)
{
    tn_tensor *noise = tn_normal(tn_context_of(in[0]), TN_F32, 0, 1, TN_SHAPE(4));
    out[0] = tn_add(tn_dropout(tn_dropout(in[0], 0.5, true), 0.25, true), noise);
}

static void random_numbers_are_those_of_eager_runs(void **state)
{
    CONTEXT;
    double eager[8];
    tn_tensor *x = four(tn, 1), *y;
    tn_program *program = open_program(tn, drops_out, NULL);
    for (int turn = 0; turn < 2; turn++) {
        tn_manual_seed(tn, 5);
        for (int i = 0; i < 8; i++) {
            if (i == 4) tn_manual_seed(tn, 6);
            if (turn)
                y = run(program, x);
            else
                drops_out(NULL, &x, &y);
            if (turn)
                assert_mean(y, eager[i]);
            else
                eager[i] = mean_of(y);
        }
    }
}

int main(void)
{
    setenv("TENON_LOG", "error", 1);
    const struct CMUnitTest tests[] = {
        TEST(results_may_be_inputs_or_parameters_or_constants),
        TEST(data_of_the_host_are_constants),
        TEST(a_result_may_be_the_next_input),
        TEST(a_result_in_an_input_may_be_the_next_input),
        TEST(an_input_may_be_a_parameter),
        TEST(inputs_may_be_the_same_tensor),
        TEST(writing_to_an_input_is_noticed_by_backward),
        TEST(gradients_are_what_they_are_eagerly),
        TEST(an_optimizer_steps_by_the_gradients_that_there_are),
        TEST(empty_tensors_are_no_trouble),
        TEST(a_function_may_do_nothing),
        TEST(a_program_may_run_within_another),
        TEST(random_numbers_are_those_of_eager_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
