/* SPDX-License-Identifier: Apache-2.0
 *
 * What a context asks of plans: exact products or TF32, and the same bits each time. The plugin is bad_plugins/modes. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static tn_context *open_modes(void)
{
    tn_context *tn = tn_open("modes");
    assert_good(tn);
    return tn;
}

static double flags_of_add(tn_context *tn)
{
    tn_tensor *x = tn_zeros(tn, TN_F32, TN_SCALAR);
    return tn_item(tn_add(x, x));
}

static void plans_are_asked_for_what_the_context_says(void **state)
{
    (void)state;
    tn_context *tn = open_modes();
    assert_true(tn_get_math(tn) == TN_MATH_F32 && !tn_is_deterministic(tn));
    assert_true(flags_of_add(tn) == 0);
    tn_set_math(tn, TN_MATH_TF32);
    assert_true(flags_of_add(tn) == TN_OP_TF32);
    tn_use_deterministic(tn, true);
    assert_true(flags_of_add(tn) == (TN_OP_TF32 | TN_OP_DETERMINISTIC));
    tn_set_math(tn, TN_MATH_F32);
    assert_true(flags_of_add(tn) == TN_OP_DETERMINISTIC);
    tn_use_deterministic(tn, false);
    assert_true(flags_of_add(tn) == 0);
    assert_int_equal(tn_close(tn), 0);
}

static void environment_says_what_a_context_begins_with(void **state)
{
    (void)state;
    setenv("TENON_MATH", "tf32", 1);
    setenv("TENON_DETERMINISTIC", "on", 1);
    tn_context *tn = open_modes();
    assert_true(tn_get_math(tn) == TN_MATH_TF32 && tn_is_deterministic(tn));
    assert_true(flags_of_add(tn) == (TN_OP_TF32 | TN_OP_DETERMINISTIC));
    assert_int_equal(tn_close(tn), 0);
    setenv("TENON_MATH", "bf16", 1);
    tn = tn_open("modes");
    assert_string_equal(tn_message(tn), "TENON_MATH is \"bf16\"; it may be f32 or tf32");
    tn_clear(tn);
    tn_close(tn);
    setenv("TENON_MATH", "f32", 1);
    setenv("TENON_DETERMINISTIC", "1", 1);
    tn = tn_open("modes");
    assert_string_equal(tn_message(tn), "TENON_DETERMINISTIC is \"1\"; it may be off or on");
    tn_clear(tn);
    tn_close(tn);
    unsetenv("TENON_MATH");
    unsetenv("TENON_DETERMINISTIC");
}

static void a_plan_that_promises_nothing_is_as_good_as_none_when_bits_matter(void **state)
{
    (void)state;
    tn_context *tn = open_modes();
    tn_tensor *x = tn_zeros(tn, TN_F32, TN_SCALAR);
    tn_sub(x, x);
    assert_good(tn);
    tn_use_deterministic(tn, true);
    tn_sub(x, x);
    assert_int_equal(tn_check(tn), TN_UNSUPPORTED);
    assert_non_null(strstr(tn_message(tn),
                           "sub cannot run on modes:0: its plan of sub (what was asked) need not give the "
                           "same bits each time, as it was asked to"));
    tn_clear(tn);
    tn_use_deterministic(tn, false);
    tn_sub(x, x);
    assert_int_equal(tn_close(tn), 0);
}

static void add_twice(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    (void)arg;
    out[0] = tn_add(in[0], in[0]);
}

static void a_program_is_recorded_for_each_mode(void **state)
{
    (void)state;
    tn_context *tn = open_modes();
    tn_program *program = tn_program_open(tn, "add", add_twice, NULL, 1, 1);
    tn_tensor *x = tn_zeros(tn, TN_F32, TN_SCALAR), *y = NULL;
    for (int i = 0; i < 8; i++) {
        tn_use_deterministic(tn, i % 2);
        tn_program_run(program, &x, &y);
        assert_true(tn_item(y) == (i % 2 ? TN_OP_DETERMINISTIC : 0));
    }
    assert_int_equal(tn_program_look(program).recordings, 2);
    assert_int_equal(tn_close(tn), 0);
}

int main(void)
{
    char file[4096];
    snprintf(file, sizeof file, "%s/modes.so", getenv("TENON_BAD_PLUGINS"));
    if (access(file, R_OK) != 0) fail_msg("%s is not there", file);
    setenv("TENON_PLUGIN_FILES", file, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_asked_for_what_the_context_says),
        cmocka_unit_test(environment_says_what_a_context_begins_with),
        cmocka_unit_test(a_plan_that_promises_nothing_is_as_good_as_none_when_bits_matter),
        cmocka_unit_test(a_program_is_recorded_for_each_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
