/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of programs' edges share: functions of one input of four elements and one result. */
#ifndef TENON_EDGE_H
#define TENON_EDGE_H

#include <math.h>

#include "check.h"

#define FUNCTION(name) static void name(void *arg TN_UNUSED, tn_tensor *const *in TN_UNUSED, tn_tensor **out TN_UNUSED)
#define CONTEXT tn_context *tn = *state

TN_UNUSED static tn_tensor *four(tn_context *tn, double value)
{
    return tn_full(tn, TN_F32, value, TN_SHAPE(4));
}

TN_UNUSED static double mean_of(tn_tensor *x)
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

TN_UNUSED static void assert_mean(tn_tensor *x, double expected)
{
    double mean = mean_of(x);
    if (fabs(mean - expected) > 1e-6 * fabs(expected)) fail_msg("the mean is %.9g, not %.9g", mean, expected);
}

/* A program of one input and one result. */
TN_UNUSED static tn_program *open_program(tn_context *tn, tn_program_fn fn, void *arg)
{
    tn_program *program = tn_program_open(tn, "edge", fn, arg, 1, 1);
    assert_good(tn);
    return program;
}

TN_UNUSED static tn_tensor *run(tn_program *program, tn_tensor *in)
{
    tn_tensor *out = NULL;
    tn_program_run(program, &in, &out);
    return out;
}

TN_UNUSED FUNCTION(doubles)
{
    out[0] = tn_mul_scalar(in[0], 2);
}

/* The function is refused with the phrase, leaves no recording, and the context goes on working. */
TN_UNUSED static void assert_function_refused(tn_context *tn, tn_program_fn fn, void *arg, const char *phrase)
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

#endif
