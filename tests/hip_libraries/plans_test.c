/* SPDX-License-Identifier: Apache-2.0
 *
 * Which plans the HIP plugin makes of what rocBLAS offers, and what it says when that fails. The library is the fake; the
 * plugin, whose file is the first argument, is asked as the core asks it. A second argument is why rocBLAS cannot be
 * used. */
#include "../gpu_host/plans.h"

static use without_bias(int64_t rows)
{
    use u = linear(rows);
    u.n_in = 2;
    return u;
}

/* ---- what is made */

static void f32_and_f64_are_what_products_are_computed_in(void **state)
{
    use twice = without_bias(6);
    (void)state;
    assert_named(without_bias(6), "rocblas:f32");
    assert_true(result_of(without_bias(6), number, 1) == 5 * (double)number);
    twice.in[0].dtype = twice.in[1].dtype = twice.out[0].dtype = TN_F64;
    assert_named(twice, "rocblas:f64");
}

static void tf32_is_not_taken_where_it_is_allowed(void **state)
{
    use product = without_bias(6);
    (void)state;
    product.flags = TN_OP_TF32;
    assert_named(product, "rocblas:f32");
    assert_true(result_of(product, number, 1) == 5 * (double)number);
}

static void what_goes_with_a_product_is_made_apart(void **state)
{
    (void)state;
    assert_named(linear(6), "rocblas:f32, bias apart");
    assert_true(result_of(linear(6), number, 1) == 5 * (double)number);
    assert_named(linear_gradient(6), "rocblas:f32, sums apart");
    assert_true(result_of(linear_gradient(6), 2, 3) == 6 * 2 * 3);
    for (int o = 0; o < 4; o++) assert_true(results[1][o] == 6 * 2);
}

static void every_plan_gives_the_same_bits_and_can_be_captured(void **state)
{
    const use uses[] = {without_bias(6), linear(6), linear_gradient(6)};
    const uint64_t promised = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE | TN_PLAN_CONCURRENT;
    (void)state;
    for (int i = 0; i < 3; i++) {
        tn_plan *plan = NULL;
        tn_error error;
        assert_int_equal(plan_of(&uses[i], &plan, &error), TN_OK);
        assert_int_equal(plan->flags & promised, promised);
        assert_true(plan->workspace_bytes >= 512);
        plan->destroy(plan);
    }
}

static void scratch_memory_has_a_limit(void **state)
{
    const use product = without_bias(6);
    tn_plan *plan = NULL;
    tn_error error;
    (void)state;
    setenv("TENON_FAKE_ROCBLAS", "greedy", 1);
    assert_int_equal(plan_of(&product, &plan, &error), TN_OK);
    assert_int_equal(plan->workspace_bytes, 32 << 20);
    plan->destroy(plan);
    assert_true(result_of(product, 2, 3) == 5 * 2 * 3);
}

/* ---- failures */

static void a_failing_library_is_told_and_not_needed(void **state)
{
    (void)state;
    setenv("TENON_FAKE_ROCBLAS", "failing", 1);
    assert_named(linear(6), "gpu:matmul");
    assert_logged("2 hip: linear: asking rocBLAS for a product: rocblas_status_internal_error (6); the plugin's own "
                  "kernels do it\n");
    unsetenv("TENON_FAKE_ROCBLAS"); /* and it can be asked again */
    assert_named(linear(6), "rocblas:f32");
}

static void a_library_that_declines_is_no_trouble(void **state)
{
    (void)state;
    setenv("TENON_FAKE_ROCBLAS", "none", 1);
    assert_named(linear(6), "gpu:matmul");
    assert_logged("4 hip: linear: asking rocBLAS for a product: rocblas_status_not_implemented (2); the plugin's own "
                  "kernels do it\n");
    assert_not_logged("2 hip");
}

static void a_lost_device_ends_it(void **state)
{
    const use product = linear(6);
    tn_plan *plan = NULL;
    tn_error error;
    (void)state;
    setenv("TENON_FAKE_DEVICE", "lost", 1);
    assert_int_equal(plan_of(&product, &plan, &error), TN_DEVICE_LOST);
    assert_string_equal(error.message, "waiting for the stream: it is gone");
}

/* ---- without rocBLAS: in a process of its own, since a library is opened once */

static const char *reason; /* why it is not used */

static void what_is_missing_is_told_once_and_named_by_the_plans(void **state)
{
    char line[600];
    (void)state;
    for (int rows = 6; rows < 8; rows++) {
        const char *name = name_of(linear(rows));
        if (strncmp(name, "gpu:matmul", 10) != 0 || !strstr(name, ", without rocBLAS")) fail_msg("\"%s\"", name);
    }
    snprintf(line, sizeof line, "2 hip: rocBLAS is not used (%s): the plugin's own kernels do its products\n", reason);
    assert_logged(line);
    assert_null(strstr(strstr(logged, "rocBLAS is not used") + 1, "rocBLAS is not used"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest without[] = {
        cmocka_unit_test(what_is_missing_is_told_once_and_named_by_the_plans),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(f32_and_f64_are_what_products_are_computed_in, forget),
        cmocka_unit_test_setup(tf32_is_not_taken_where_it_is_allowed, forget),
        cmocka_unit_test_setup(what_goes_with_a_product_is_made_apart, forget),
        cmocka_unit_test_setup(every_plan_gives_the_same_bits_and_can_be_captured, forget),
        cmocka_unit_test_setup(scratch_memory_has_a_limit, forget),
        cmocka_unit_test_setup(a_failing_library_is_told_and_not_needed, forget),
        cmocka_unit_test_setup(a_library_that_declines_is_no_trouble, forget),
        cmocka_unit_test_setup(a_lost_device_ends_it, forget),
    };
    path = argv[1];
    reason = argc > 2 ? argv[2] : NULL;
    if (reason) return cmocka_run_group_tests_name("hip_plans_without", without, open_device, close_device);
    return cmocka_run_group_tests_name("hip_plans", tests, open_device, close_device);
}
