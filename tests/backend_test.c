/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing a backend, operators that a backend lacks, and memory that the host cannot reach. The core looks for backends
 * once per process, so every case runs in a child of its own. */
#include "plugins.h"

#include <math.h>

/* ---- choosing */

static void open_backend(FILE *out, const char *spec)
{
    setenv("TENON_PLUGIN_FILES", built("no_device"), 1);
    setenv("TENON_PLUGIN_PATH", nothing, 1);
    tn_context *tn = tn_open(*spec ? spec : NULL);
    fprintf(out, "%s %s %s", tn_status_name(tn_check(tn)), tn_default_device(tn), tn_message(tn));
    if (tn_check(tn) != TN_OK) works(tn); /* must not crash */
    tn_clear(tn);
    tn_close(tn);
}

static void an_unknown_backend_lists_all_candidates(void **state)
{
    (void)state;
    const char *text = in_child(open_backend, "nonesuch");
    assert_says(text, "TN_NOT_FOUND");
    assert_says(text, "backend \"nonesuch\" cannot be had");
    assert_says(text, "testErrorInsufficientDriver");
    assert_says(text, "reference: usable");
    assert_says(in_child(open_backend, "base"), "refused");
    assert_says(in_child(open_backend, "reference:1"), "TN_NOT_FOUND");
    assert_says(in_child(open_backend, "reference:x"), "TN_NOT_FOUND");
    assert_says(in_child(open_backend, ":"), "TN_NOT_FOUND");
}

static void the_environment_names_the_backend(void **state)
{
    (void)state;
    setenv("TENON_BACKEND", "nonesuch", 1);
    assert_says(in_child(open_backend, ""), "TN_NOT_FOUND");
    assert_says(in_child(open_backend, "reference"), "TN_OK reference:0");
    setenv("TENON_BACKEND", "", 1);
    assert_says(in_child(open_backend, ""), "TN_OK reference:0");
    unsetenv("TENON_BACKEND");
    assert_says(in_child(open_backend, "auto"), "TN_OK reference:0");
}

static void open_failing(FILE *out, const char *path)
{
    setenv("TENON_PLUGIN_FILES", path, 1);
    tn_context *tn = tn_open("base");
    fprintf(out, "%s %s", tn_status_name(tn_check(tn)), tn_message(tn));
    tn_clear(tn);
    tn_close(tn);
}

static void a_device_that_does_not_open_says_why(void **state)
{
    (void)state;
    assert_says(in_child(open_failing, built("open_fails")), "another process holds the device (code 46)");
}

/* ---- operators that a backend lacks. Its add gives 42, whatever is added. */

static void use_partial(FILE *out, const char *policy)
{
    int n;
    setenv("TENON_PLUGIN_FILES", built("partial"), 1);
    if (*policy) setenv("TENON_FALLBACK", policy, 1);
    tn_context *tn = tn_open("partial");
    tn_tensor *x = tn_from(tn, (float[]){1}, TN_F32, TN_SCALAR),
              *pair = tn_from(tn, (float[]){1, 2}, TN_F32, TN_SHAPE(2));
    fprintf(out, "has add %d, mul %d, sub %d; ", tn_backend_has_op("partial", "add"),
            tn_backend_has_op("partial", "mul"), tn_backend_has_op("partial", "sub"));
    fprintf(out, "add %g; ", tn_item(tn_add(x, x)));
    fprintf(out, "fell back %d; ", tn_fell_back(tn));
    fprintf(out, "mul %g; ", tn_item(tn_mul(x, x)));
    fprintf(out, "pair %g; ", tn_item(tn_select(tn_add(pair, pair), 0, 1)));
    fprintf(out, "fell back %d; %s %s;", tn_fell_back(tn), tn_status_name(tn_check(tn)), tn_message(tn));
    const tn_placement *placed = tn_placements(tn, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(placed[i].op, "mul") == 0) fprintf(out, " mul on %s %d", placed[i].device, placed[i].fell_back);
    tn_clear(tn);
    tn_close(tn);
}

static void a_missing_operator_is_an_error_on_a_named_backend(void **state)
{
    (void)state;
    const char *text = in_child(use_partial, "");
    assert_says(text, "has add 1, mul 0, sub 0; add 42; fell back 0; mul nan; pair nan; fell back 0;");
    assert_says(text, "TN_UNSUPPORTED mul cannot run on partial:0");
    assert_says(text, "TENON_FALLBACK=warn");
}

static void a_missing_operator_falls_back_where_allowed(void **state)
{
    (void)state;
    const char *text = in_child(use_partial, "allow");
    assert_says(text, "add 42; fell back 0; mul 1; pair 4; fell back 1; TN_OK");
    assert_says(text, "mul on reference:0 1");
    text = in_child(use_partial, "perhaps");
    assert_says(text, "TENON_FALLBACK is \"perhaps\"");
}

/* ---- memory that the host cannot reach */

typedef struct far_step {
    tn_context *tn;
    tn_module *net;
    tn_optimizer *adam;
} far_step;

static void learn_far_away(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    const far_step *s = arg;
    (void)in;
    tn_tensor *x = tn_normal(s->tn, TN_F32, 0, 1, TN_SHAPE(4, 1, 6, 6));
    tn_tensor *y = tn_argmax(tn_narrow(tn_flatten(x, 1, -1), 1, 0, 5), 1, false);
    tn_optim_zero_grad(s->adam);
    out[0] = tn_cross_entropy(tn_nn_forward(s->net, x), y);
    tn_backward(out[0]);
    tn_optim_step(s->adam);
}

static void train_far_away(FILE *out, const char *spec, bool as_program)
{
    setenv("TENON_PLUGIN_FILES", built("remote"), 1);
    setenv("TENON_FALLBACK", "allow", 1);
    tn_context *tn = tn_open(spec);
    tn_manual_seed(tn, 3);
    tn_module *net = tn_nn_sequential(tn, tn_nn_conv2d(tn, 1, 2, 3, true, NULL), tn_nn_batch_norm2d(tn, 2),
                                      tn_nn_relu(tn), tn_nn_max_pool2d(tn, 2), tn_nn_flatten(tn),
                                      tn_nn_dropout(tn, 0.2), tn_nn_linear(tn, 8, 5, true), NULL);
    far_step step = {tn, net, tn_optim_adam(net, NULL)};
    tn_program *program = tn_program_open(tn, "step", learn_far_away, &step, 0, 1);
    for (int i = 0; i < 3; i++) {
        tn_mark mark = tn_begin(tn);
        tn_tensor *loss = NULL;
        if (as_program)
            tn_program_run(program, NULL, &loss);
        else
            learn_far_away(&step, NULL, &loss);
        fprintf(out, "%.9g ", tn_item(loss));
        tn_end(tn, mark, NULL);
    }
    tn_tensor *far = tn_arange(tn, TN_F32, 0, 6, 1), *near = tn_to(far, "reference"), *back = tn_to(near, spec);
    fprintf(out, "%g %g %s", tn_item(tn_sum(near, TN_ALL, false)), tn_item(tn_select(tn_add(far, back), 0, 5)),
            tn_message(tn));
    const char *why = tn_program_look(program).not_recorded;
    if (why) fprintf(out, " %s", why);
    tn_clear(tn);
    tn_close(tn);
}

static void train_operator_by_operator(FILE *out, const char *spec)
{
    train_far_away(out, spec, false);
}

static void train_as_program(FILE *out, const char *spec)
{
    train_far_away(out, spec, true);
}

/* Alike but for rounding: tensors that have travelled may lie in another order. */
static void a_device_with_memory_of_its_own_trains_alike(void **state)
{
    (void)state;
    double near[5], far[5];
    static const char format[] = "%lf %lf %lf %lf %lf";
    for (int as_program = 0; as_program < 2; as_program++) {
        void (*train)(FILE * out, const char *spec) = as_program ? train_as_program : train_operator_by_operator;
        const char *text = in_child(train, "reference");
        assert_int_equal(sscanf(text, format, &near[0], &near[1], &near[2], &near[3], &near[4]), 5);
        assert_null(strstr(text, "does not run"));
        text = in_child(train, "remote");
        assert_int_equal(sscanf(text, format, &far[0], &far[1], &far[2], &far[3], &far[4]), 5);
        for (int i = 0; i < 5; i++)
            if (!(fabs(near[i] - far[i]) <= 1e-5 * fabs(near[i])))
                fail_msg("%d: %.9g near, %.9g far", i, near[i], far[i]);
        assert_true(near[0] > near[2]);
        /* A program says why it cannot be one: what falls back there travels. */
        assert_true(!strstr(text, "does not run on remote:0 but on the host") == !as_program);
    }
}

/* Copies are the device's own operators: a program of them is replayed there, and timed by the device's events. */
static void copy_twice(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    (void)arg;
    out[0] = tn_clone(tn_clone(in[0]));
}

static void replay_far_away(FILE *out, const char *spec)
{
    setenv("TENON_PLUGIN_FILES", built("remote"), 1);
    tn_context *tn = tn_open(spec);
    tn_program *program = tn_program_open(tn, "copies", copy_twice, NULL, 1, 1);
    tn_program_set_passes(program, "none");
    for (int i = 0; i < 4; i++) {
        tn_tensor *x = tn_from(tn, (float[]){(float)i, 2}, TN_F32, TN_SHAPE(2)), *y = NULL;
        tn_reset_placements(tn);
        tn_set_profiling(tn, i == 3);
        tn_program_run(program, &x, &y);
        int n;
        const tn_placement *row = tn_placements(tn, &n);
        uint64_t calls = n ? row->calls : 0, ns = n ? row->nanoseconds : 0;
        tn_set_profiling(tn, false);
        fprintf(out, "%g: %d calls, %d ns; ", tn_item(tn_select(y, 0, 0)), (int)calls, (int)ns);
    }
    fprintf(out, "%d recording; %s", tn_program_look(program).recordings, tn_message(tn));
    tn_clear(tn);
    tn_close(tn);
}

static void a_program_is_replayed_on_a_device_with_memory_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(in_child(replay_far_away, "remote"),
                        "0: 2 calls, 0 ns; 1: 2 calls, 0 ns; 2: 2 calls, 0 ns; 3: 2 calls, 2000 ns; 1 recording; ");
}

/* Calls and nanoseconds of copy on a device, and how the backend describes itself. */
static void tell_copies(FILE *out, tn_context *tn, const char *device)
{
    int n;
    const tn_placement *rows = tn_placements(tn, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].op, "copy") == 0 && strcmp(rows[i].device, device) == 0)
            fprintf(out, "%d copies %d ns; ", (int)rows[i].calls, (int)rows[i].nanoseconds);
    tn_reset_placements(tn);
}

static void copy_and_tell(FILE *out, const char *spec)
{
    setenv("TENON_PLUGIN_FILES", built("remote"), 1);
    for (int round = 0; round < 2; round++) { /* the second finds the events given back */
        tn_context *tn = tn_open(spec);
        tn_tensor *x = tn_empty(tn, TN_F32, TN_SHAPE(2, 3));
        for (int i = 0; i < 3; i++) {
            tn_set_profiling(tn, i == 1);
            tn_clone(x);
            tn_clone(x);
            tell_copies(out, tn, tn_default_device(tn));
        }
        fprintf(out, "%s", tn_message(tn));
        tn_clear(tn);
        tn_close(tn);
    }
}

static void events_time_operators_while_profiling(void **state)
{
    (void)state;
    const char *round = "2 copies 0 ns; 2 copies 2000 ns; 2 copies 0 ns; ";
    char both[200];
    snprintf(both, sizeof both, "%s%s", round, round);
    assert_string_equal(in_child(copy_and_tell, "remote"), both);
    assert_null(strstr(in_child(copy_and_tell, "reference"), " 0 ns")); /* has a clock, profiling or not */
}

static void describe(FILE *out, const char *name)
{
    int n;
    setenv("TENON_PLUGIN_FILES", built(name), 1);
    const tn_backend_status *all = tn_backends(&n), *b = all, *reference = all + n - 1;
    fprintf(out, "%s %d, %s %d", b->devices->synchronous ? "synchronous" : "asynchronous", b->load_nanoseconds > 0,
            reference->devices->synchronous ? "synchronous" : "asynchronous", reference->load_nanoseconds > 0);
}

static void backends_say_how_they_work(void **state)
{
    (void)state;
    assert_string_equal(in_child(describe, "remote"), "asynchronous 1, synchronous 0");
    assert_string_equal(in_child(describe, "good"), "synchronous 1, synchronous 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_backend_lists_all_candidates),
        cmocka_unit_test(the_environment_names_the_backend),
        cmocka_unit_test(a_device_that_does_not_open_says_why),
        cmocka_unit_test(a_missing_operator_is_an_error_on_a_named_backend),
        cmocka_unit_test(a_missing_operator_falls_back_where_allowed),
        cmocka_unit_test(a_device_with_memory_of_its_own_trains_alike),
        cmocka_unit_test(a_program_is_replayed_on_a_device_with_memory_of_its_own),
        cmocka_unit_test(events_time_operators_while_profiling),
        cmocka_unit_test(backends_say_how_they_work),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
