/* SPDX-License-Identifier: Apache-2.0
 *
 * What the passes promise that take something out of a program or put it elsewhere: that they find their pattern, that
 * results stay what they were, and that they leave alone what only looks like it. */
#include <stdlib.h>

#include "trial.h"

/* ---- dead */

FUNCTION(uses_half)
{
    tn_tensor *y = tn_exp(in[0]);
    tn_relu(tn_neg(y));
    out[0] = tn_square(y);
}

FUNCTION(counts)
{
    LAYER;
    tn_fill_(tn_detach(l->w), 3);
    tn_sum(in[0], TN_ALL, false);
    out[0] = tn_exp(in[0]);
}

static void what_nobody_reads_does_not_run(void **state)
{
    tn_context *tn = *state;
    trial t = trial_of(tn, uses_half, NULL, 1, draw(tn, TN_SHAPE(3, 4)), draw(tn, TN_SHAPE(3, 4)));
    assert_fires(&t, "dead", 2);
}

static void what_changes_memory_that_stays_runs(void **state)
{
    tn_context *tn = *state;
    layer l = {.w = draw(tn, TN_SHAPE(2, 2))};
    trial t = trial_of(tn, counts, &l, 1, draw(tn, TN_SHAPE(3)), draw(tn, TN_SHAPE(3)));
    assert_fires(&t, "dead", 1);
    assert_true(tn_item(tn_mean(l.w, TN_ALL, false)) == 3);
}

/* ---- copies */

FUNCTION(the_same_copy_twice)
{
    tn_tensor *x = tn_exp(in[0]), *across = tn_transpose(x, 0, 1);
    out[0] = tn_matmul(tn_contiguous(across), x);
    out[1] = tn_exp(tn_contiguous(tn_transpose(x, 0, 1)));
}

FUNCTION(a_copy_of_a_copy)
{
    tn_tensor *x = tn_contiguous(tn_transpose(in[0], 0, 1));
    out[0] = tn_clone(x);
}

FUNCTION(a_copy_of_what_fits)
{
    out[0] = tn_matmul(tn_clone(tn_exp(in[0])), in[0]);
}

FUNCTION(a_copy_that_is_written_to)
{
    tn_tensor *x = tn_exp(in[0]), *y = tn_clone(x);
    tn_fill_(tn_narrow(y, 0, 0, 1), 0);
    out[0] = tn_sub(x, y);
}

FUNCTION(a_copy_of_what_is_written_to)
{
    tn_tensor *x = tn_exp(in[0]), *y = tn_clone(x);
    tn_fill_(tn_narrow(x, 0, 0, 1), 0);
    out[0] = tn_sub(x, y);
}

FUNCTION(copies_of_what_changes)
{
    tn_tensor *x = tn_exp(in[0]), *y = tn_contiguous(tn_transpose(x, 0, 1));
    tn_fill_(tn_narrow(x, 0, 0, 1), 0);
    out[0] = tn_sub(tn_contiguous(tn_transpose(x, 0, 1)), y);
}

FUNCTION(copies_that_stay)
{
    tn_tensor *x = tn_transpose(in[0], 0, 1);
    out[0] = tn_contiguous(x);
    out[1] = tn_contiguous(x);
    out[2] = tn_clone(in[0]);
}

/* What it would read directly is what it writes. */
FUNCTION(transposes_where_it_is)
{
    LAYER;
    tn_copy_(l->w, in[0]);
    tn_copy_(l->w, tn_contiguous(tn_transpose(l->w, 0, 1)));
    out[0] = tn_neg(l->w);
}

static trial square_trial(tn_context *tn, tn_program_fn fn, void *arg, int n_out)
{
    return trial_of(tn, fn, arg, n_out, draw(tn, TN_SHAPE(4, 4)), draw(tn, TN_SHAPE(4, 4)));
}

static void copies_that_tell_nothing_go(void **state)
{
    trial t = square_trial(*state, the_same_copy_twice, NULL, 2);
    assert_fires(&t, "copies", 1);
    t = square_trial(*state, a_copy_of_a_copy, NULL, 1);
    assert_fires(&t, "copies", 1);
    t = square_trial(*state, a_copy_of_what_fits, NULL, 1);
    assert_fires(&t, "copies", 1);
}

static void copies_stay_where_they_must(void **state)
{
    static const tn_program_fn functions[] = {a_copy_that_is_written_to, a_copy_of_what_is_written_to,
                                              copies_of_what_changes};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        trial t = square_trial(*state, functions[i], NULL, 1);
        assert_rests(&t, "copies");
    }
    trial t = square_trial(*state, copies_that_stay, NULL, 3);
    assert_rests(&t, "copies");
    layer l = {.w = draw(*state, TN_SHAPE(4, 4))};
    t = square_trial(*state, transposes_where_it_is, &l, 1);
    assert_rests(&t, "copies");
}

/* ---- in_place */

FUNCTION(chain)
{
    out[0] = tn_matmul(tn_relu(tn_neg(tn_exp(in[0]))), in[0]);
}

FUNCTION(used_again)
{
    tn_tensor *x = tn_exp(in[0]);
    tn_tensor *y = tn_neg(x);
    out[0] = tn_matmul(y, x);
}

FUNCTION(seen_in_two_ways)
{
    tn_tensor *x = tn_exp(in[0]);
    out[0] = tn_matmul(tn_add(x, tn_transpose(x, 0, 1)), in[0]);
}

FUNCTION(sum_of_runs)
{
    LAYER;
    tn_copy_(l->w, tn_add(l->w, in[0]));
    out[0] = tn_mul_scalar(l->w, 2);
}

FUNCTION(old_and_new)
{
    LAYER;
    tn_tensor *sum = tn_add(l->w, in[0]);
    out[0] = tn_mul_scalar(l->w, 2);
    tn_copy_(l->w, sum);
}

FUNCTION(new_kept_for_later)
{
    LAYER;
    tn_tensor *sum = tn_add(l->w, in[0]);
    tn_copy_(l->w, sum);
    tn_fill_(l->w, 1);
    out[0] = tn_mul_scalar(sum, 2);
}

/* Not where b begins. */
FUNCTION(lower_half)
{
    LAYER;
    tn_copy_(tn_narrow(l->b, 0, 16, 4), tn_add(tn_narrow(l->b, 0, 0, 4), in[0]));
    out[0] = tn_mul_scalar(l->b, 2);
}

/* Into two places: it can be made in one of them. */
FUNCTION(copied_twice)
{
    LAYER;
    tn_tensor *sum = tn_add(l->w, in[0]);
    tn_copy_(l->w, sum);
    out[0] = tn_clone(sum);
}

FUNCTION(mixed_by_product)
{
    LAYER;
    tn_copy_(l->w, tn_matmul(l->w, in[0]));
    out[0] = tn_mul_scalar(l->w, 2);
}

static void results_take_the_place_of_what_is_used_up(void **state)
{
    trial t = square_trial(*state, chain, NULL, 1);
    assert_int_equal(try(&t, "in_place").reused_in_place, 2);
    assert_int_equal(try(&t, "none").reused_in_place, 0);
    t = square_trial(*state, used_again, NULL, 1);
    assert_int_equal(try(&t, "in_place").reused_in_place, 0);
    t = square_trial(*state, seen_in_two_ways, NULL, 1);
    assert_int_equal(try(&t, "in_place").reused_in_place, 0);
}

/* Runs twice from 0, with 1 and 2, eagerly or as a program; the last result, and what w is then. */
static void run_twice(tn_context *tn, tn_program_fn fn, const char *passes, double *result, double *left, int *ops)
{
    layer l = {tn_ones(tn, TN_F32, TN_SHAPE(4, 4)), tn_ones(tn, TN_F32, TN_SHAPE(20, 4))};
    tn_tensor *out, *in[2] = {tn_full(tn, TN_F32, 2, TN_SHAPE(4, 4)), tn_full(tn, TN_F32, 3, TN_SHAPE(4, 4))};
    tn_program *program = tn_program_open(tn, "twice", fn, &l, 1, 1);
    if (passes) tn_program_set_passes(program, passes);
    for (int i = 0; i < 4; i++)
        if (passes)
            tn_program_run(program, &in[i % 2], &out);
        else
            fn(&l, &in[i % 2], &out);
    *result = tn_item(tn_mean(out, TN_ALL, false));
    *left = tn_item(tn_mean(l.w, TN_ALL, false));
    *ops = tn_program_look(program).ops;
    assert_good(tn);
}

static void results_are_made_where_they_would_be_copied(void **state)
{
    static const struct {
        tn_program_fn fn;
        int ops;
    } rows[] = {{sum_of_runs, 2},  {old_and_new, 3}, {new_kept_for_later, 4},
                {copied_twice, 2}, {lower_half, 3},  {mixed_by_product, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double result, left, replayed, left_then;
        int ops;
        run_twice(*state, rows[i].fn, NULL, &result, &left, &ops);
        run_twice(*state, rows[i].fn, "in_place", &replayed, &left_then, &ops);
        if (result != replayed || left != left_then || ops != rows[i].ops)
            fail_msg("case %zu: %g and %g, expected %g and %g; %d operators", i, replayed, left_then, result, left,
                     ops);
    }
}

int main(void)
{
    setenv("TENON_FALLBACK", "allow", 1);
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_reads_does_not_run),
        TEST(what_changes_memory_that_stays_runs),
        TEST(copies_that_tell_nothing_go),
        TEST(copies_stay_where_they_must),
        TEST(results_take_the_place_of_what_is_used_up),
        TEST(results_are_made_where_they_would_be_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
