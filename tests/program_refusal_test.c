/* SPDX-License-Identifier: Apache-2.0
 *
 * The edges of programs: what they refuse, and by which name; and what looks strange but must be as it is eagerly. */
#include <math.h>
#include <stdlib.h>

#include "check.h"

#define FUNCTION(name) static void name(void *arg TN_UNUSED, tn_tensor *const *in TN_UNUSED, tn_tensor **out TN_UNUSED)
#define CONTEXT tn_context *tn = *state

static tn_tensor *four(tn_context *tn, double value)
{
    return tn_full(tn, TN_F32, value, TN_SHAPE(4));
}

static double mean_of(tn_tensor *x)
{
    tn_context *tn = tn_context_of(x);
    tn_mark mark = tn_begin(tn);
    bool was = tn_set_grad_enabled(tn, false);
    double mean = tn_item(tn_mean(tn_cast(x, TN_F64), TN_ALL, false));
    tn_set_grad_enabled(tn, was);
    tn_end(tn, mark, NULL);
    assert_good(tn);
    return mean;
}

static void assert_mean(tn_tensor *x, double expected)
{
    double mean = mean_of(x);
    if (fabs(mean - expected) > 1e-6 * fabs(expected)) fail_msg("the mean is %.9g, not %.9g", mean, expected);
}

/* A program of one input and one result. */
static tn_program *open_program(tn_context *tn, tn_program_fn fn, void *arg)
{
    tn_program *program = tn_program_open(tn, "edge", fn, arg, 1, 1);
    assert_good(tn);
    return program;
}

static tn_tensor *run(tn_program *program, tn_tensor *in)
{
    tn_tensor *out = NULL;
    tn_program_run(program, &in, &out);
    return out;
}

FUNCTION(doubles)
{
    out[0] = tn_mul_scalar(in[0], 2);
}

/* The function is refused with the phrase, leaves no recording, and the context goes on working. */
static void assert_function_refused(tn_context *tn, tn_program_fn fn, void *arg, const char *phrase)
{
    tn_program *program = open_program(tn, fn, arg);
    for (int i = 0; i < 2; i++) {
        tn_tensor *out = run(program, four(tn, 1));
        assert_true(tn_is_nil(out));
        assert_refused(tn, TN_UNSUPPORTED, phrase);
        assert_int_equal(tn_program_look(program).recordings, 0);
        assert_false(tn_is_recording(tn));
    }
    assert_mean(run(open_program(tn, doubles, NULL), four(tn, 3)), 6);
}

/* ---- refused */

FUNCTION(looks_at_result)
{
    tn_tensor *y = tn_exp(in[0]);
    tn_item(tn_sum(y, TN_ALL, false));
    out[0] = y;
}

FUNCTION(looks_at_input)
{
    float values[4];
    tn_read(in[0], values, sizeof values);
    out[0] = tn_exp(in[0]);
}

FUNCTION(prints)
{
    free(tn_format(tn_exp(in[0])));
    out[0] = tn_exp(in[0]);
}

FUNCTION(writes_to_what_was_before)
{
    float values[4] = {0};
    tn_write(arg, values, sizeof values);
    out[0] = tn_exp(in[0]);
}

FUNCTION(writes_to_a_result)
{
    float values[4] = {0};
    out[0] = tn_exp(in[0]);
    tn_write(out[0], values, sizeof values);
}

FUNCTION(asks_for_a_batch)
{
    tn_batch batch;
    if (tn_loader_next(arg, &batch)) out[0] = tn_add(in[0], batch.x);
}

FUNCTION(changes_a_constant)
{
    tn_tensor *c = tn_from(tn_context_of(in[0]), (float[]){1, 2, 3, 4}, TN_F32, TN_SHAPE(4));
    out[0] = tn_add(in[0], c);
    tn_fill_(c, 7);
}

FUNCTION(copies_to_a_constant)
{
    tn_tensor *c = tn_from(tn_context_of(in[0]), (float[]){1, 2, 3, 4}, TN_F32, TN_SHAPE(4));
    out[0] = tn_add(in[0], c);
    tn_copy_(c, in[0]);
}

FUNCTION(copies_to_part_of_a_constant)
{
    tn_tensor *c = tn_from(tn_context_of(in[0]), (float[]){1, 2, 3, 4, 5}, TN_F32, TN_SHAPE(5));
    tn_copy_(tn_narrow(c, 0, 0, 4), in[0]);
    out[0] = tn_exp(c);
}

static void what_the_host_would_see_once_is_refused(void **state)
{
    CONTEXT;
    assert_function_refused(tn, looks_at_result, NULL, "program edge: read on a tensor [] that comes from sum");
    assert_function_refused(tn, looks_at_input, NULL, "is an input");
    assert_function_refused(tn, prints, NULL, "comes from exp");
}

static void what_the_host_would_write_once_is_refused(void **state)
{
    CONTEXT;
    assert_function_refused(tn, writes_to_what_was_before, four(tn, 1), "write to a tensor [4] that is in use");
    assert_function_refused(tn, writes_to_a_result, NULL, "write to a tensor [4] that is in use");
    assert_function_refused(tn, changes_a_constant, NULL, "fill writes to a tensor [4]");
    assert_function_refused(tn, copies_to_a_constant, NULL, "copy writes to a tensor [4]");
    assert_function_refused(tn, copies_to_part_of_a_constant, NULL, "copy writes to a tensor [4]");
}

static void a_batch_of_a_loader_is_refused(void **state)
{
    CONTEXT;
    tn_dataset *data = tn_dataset_from(tn, tn_full(tn, TN_U8, 3, TN_SHAPE(8, 4)), tn_zeros(tn, TN_I64, TN_SHAPE(8)));
    tn_loader *loader = tn_loader_open(data, &(tn_loader_options){.batch_size = 1});
    assert_good(tn);
    assert_function_refused(tn, asks_for_a_batch, loader, "");
}

FUNCTION(moves_away)
{
    out[0] = tn_to(tn_to(in[0], arg), "reference");
}

/* A replay could not do it: the function runs each time, and the program says why. */
static void assert_runs_for_itself(tn_context *tn, tn_program_fn fn, void *arg, double result, const char *why)
{
    tn_program *program = open_program(tn, fn, arg);
    for (int i = 1; i < 4; i++) {
        tn_tensor *x = four(tn, i), *y = run(program, x);
        assert_good(tn);
        assert_mean(y, i * result);
        assert_mean(x, i);
    }
    tn_program_stats stats = tn_program_look(program);
    assert_int_equal(stats.recordings, 0);
    assert_int_equal(stats.runs, 3);
    assert_non_null(stats.not_recorded);
    if (!strstr(stats.not_recorded, why)) fail_msg("\"%s\" does not say \"%s\"", stats.not_recorded, why);
    tn_program_dump(program, stderr, true);
    tn_program_save(program, "never-written.tnp", NULL);
    assert_refused(tn, TN_INVALID, "it cannot be replayed, since");
}

static void what_moves_to_another_device_runs_for_itself(void **state)
{
    CONTEXT;
    int n;
    const tn_backend_status *all = tn_backends(&n);
    for (int i = 0; i < n; i++) {
        if (all[i].refused || all[i].n_devices == 0 || strcmp(all[i].name, "reference") == 0) continue;
        assert_runs_for_itself(tn, moves_away, (void *)all[i].devices[0].name, 1, "moves from reference:0 to ");
        return;
    }
    skip();
}

/* To the host, where the reference backend stands in, and back. */
static void operators_that_travel_run_for_themselves(void **state TN_UNUSED)
{
    setenv("TENON_FALLBACK", "allow", 1);
    tn_context *tn = tn_open("remote");
    unsetenv("TENON_FALLBACK");
    if (tn_check(tn) != TN_OK) {
        tn_clear(tn);
        tn_close(tn);
        skip();
    }
    assert_runs_for_itself(tn, doubles, NULL, 2, "mul_scalar does not run on remote:0 but on the host");
    assert_int_equal(tn_close(tn), 0);
}

FUNCTION(forgets_its_result)
{
}

FUNCTION(fails)
{
    out[0] = tn_matmul(in[0], in[0]);
}

FUNCTION(fails_if_told)
{
    out[0] = *(bool *)arg ? tn_reshape(in[0], TN_SHAPE(3)) : tn_exp(in[0]);
}

static void an_error_in_the_function_leaves_nothing_behind(void **state)
{
    CONTEXT;
    tn_tensor *x = four(tn, 1);
    tn_program *program = open_program(tn, forgets_its_result, NULL);
    assert_true(tn_is_nil(run(program, x)));
    assert_refused(tn, TN_INVALID, "program edge: the function has set no result 0 of 1");
    assert_int_equal(tn_program_look(program).recordings, 0);
    assert_true(tn_is_nil(run(open_program(tn, fails, NULL), x)));
    assert_refused(tn, TN_INVALID, "matmul");
    uint64_t live = tn_memory_stats(tn, "reference:0").live;
    bool told = true;
    program = open_program(tn, fails_if_told, &told);
    for (int i = 0; i < 3; i++) {
        run(program, x);
        assert_refused(tn, TN_INVALID, "reshape");
    }
    assert_true(tn_memory_stats(tn, "reference:0").live == live);
    told = false;
    assert_mean(run(program, x), exp(1));
    assert_int_equal(tn_program_look(program).recordings, 1);
}

static void bad_inputs_are_refused(void **state)
{
    CONTEXT;
    tn_program *program = open_program(tn, doubles, NULL);
    tn_context *other = tn_open("reference");
    assert_true(tn_is_nil(run(program, four(other, 1))));
    assert_refused(tn, TN_INVALID, "input 0 belongs to another context");
    assert_int_equal(tn_close(other), 0);
    tn_tensor *x = tn_requires_grad(four(tn, 1), true);
    run(program, x);
    assert_refused(tn, TN_INVALID, "input 0 requires a gradient");
    assert_mean(run(program, tn_detach(x)), 2);
    tn_set_grad_enabled(tn, false);
    assert_mean(run(program, x), 2);
    tn_set_grad_enabled(tn, true);
}

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
    char remote[4096];
    const char *folder = getenv("TENON_BAD_PLUGINS"); /* a device without operators, whose memory is out of reach */
    snprintf(remote, sizeof remote, "%s/remote.so", folder ? folder : "");
    if (folder) tn_add_plugin_file(remote);
    const struct CMUnitTest tests[] = {
        TEST(what_the_host_would_see_once_is_refused),
        TEST(what_the_host_would_write_once_is_refused),
        TEST(a_batch_of_a_loader_is_refused),
        TEST(what_moves_to_another_device_runs_for_itself),
        cmocka_unit_test(operators_that_travel_run_for_themselves),
        TEST(an_error_in_the_function_leaves_nothing_behind),
        TEST(bad_inputs_are_refused),
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
