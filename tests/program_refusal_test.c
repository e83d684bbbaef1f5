/* SPDX-License-Identifier: Apache-2.0
 *
 * What programs refuse, and by which name; and what cannot be replayed, so that the function runs for itself each time. */
#include <stdlib.h>

#include "edge.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
