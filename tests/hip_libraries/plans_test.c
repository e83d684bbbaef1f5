/* SPDX-License-Identifier: Apache-2.0
 *
 * Which plans the HIP plugin makes of what rocBLAS and MIOpen offer, and what it says when they fail. The libraries are the
 * fakes; the plugin, whose file is the first argument, is asked as the core asks it. Further arguments are why rocBLAS and
 * why MIOpen cannot be used. */
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

static void convolutions_are_plain_sums_in_f32(void **state)
{
    use images = convolution(1);
    (void)state;
    assert_named(images, "miopen:solution 12 f32");
    assert_true(result_of(images, number, 1) == 18 * (double)number);
    images.flags = TN_OP_TF32;
    assert_named(images, "miopen:solution 12 f32");
    setenv("TENON_FAKE_MIOPEN", "inexact", 1);
    assert_named(images, "gpu:implicit_gemm");
    assert_logged("4 hip: conv2d: MIOpen has no solution for it in f32; the plugin's own kernels do it\n");
}

static void every_plan_gives_the_same_bits_and_can_be_captured(void **state)
{
    const use uses[] = {without_bias(6), linear(6), linear_gradient(6), convolution(1)};
    const uint64_t promised = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE | TN_PLAN_CONCURRENT;
    (void)state;
    for (int i = 0; i < 4; i++) {
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
    setenv("TENON_FAKE_MIOPEN", "failing", 1);
    assert_named(linear(6), "gpu:matmul");
    assert_named(convolution(1), "gpu:implicit_gemm");
    assert_logged(
        "2 hip: conv2d: asking MIOpen for solutions: miopenStatusInternalError (5); the plugin's own kernels do "
        "it\n");
    assert_logged("2 hip: linear: asking rocBLAS for a product: rocblas_status_internal_error (6); the plugin's own "
                  "kernels do it\n");
    unsetenv("TENON_FAKE_ROCBLAS"); /* and they can be asked again */
    unsetenv("TENON_FAKE_MIOPEN");
    assert_named(linear(6), "rocblas:f32");
    assert_named(convolution(1), "miopen:solution");
}

static void a_library_that_declines_is_no_trouble(void **state)
{
    (void)state;
    setenv("TENON_FAKE_ROCBLAS", "none", 1);
    setenv("TENON_FAKE_MIOPEN", "none", 1);
    assert_named(linear(6), "gpu:matmul");
    assert_named(convolution(1), "gpu:implicit_gemm");
    assert_logged("4 hip: conv2d: asking MIOpen for solutions: miopenStatus... (6); the plugin's own kernels do it\n");
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

/* ---- without them: in a process of its own, since a library is opened once */

static char **reasons; /* why rocBLAS and MIOpen are not used */

static void assert_missing(use a, use b, const char *own, const char *library, const char *why, const char *work)
{
    char line[600], ending[40], not_used[40];
    const use uses[] = {a, b};
    snprintf(ending, sizeof ending, ", without %s", library);
    for (int i = 0; i < 2; i++) {
        const char *name = name_of(uses[i]);
        if (strncmp(name, own, strlen(own)) != 0 || !strstr(name, ending)) fail_msg("\"%s\"", name);
    }
    snprintf(line, sizeof line, "2 hip: %s is not used (%s): the plugin's own kernels do its %s\n", library, why, work);
    assert_logged(line);
    snprintf(not_used, sizeof not_used, "%s is not used", library);
    assert_null(strstr(strstr(logged, not_used) + 1, not_used));
}

static void what_is_missing_is_told_once_and_named_by_the_plans(void **state)
{
    (void)state;
    assert_missing(linear(6), linear(7), "gpu:matmul", "rocBLAS", reasons[0], "products");
    assert_missing(convolution(1), convolution(2), "gpu:implicit_gemm", "MIOpen", reasons[1], "convolutions");
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
        cmocka_unit_test_setup(convolutions_are_plain_sums_in_f32, forget),
        cmocka_unit_test_setup(every_plan_gives_the_same_bits_and_can_be_captured, forget),
        cmocka_unit_test_setup(scratch_memory_has_a_limit, forget),
        cmocka_unit_test_setup(a_failing_library_is_told_and_not_needed, forget),
        cmocka_unit_test_setup(a_library_that_declines_is_no_trouble, forget),
        cmocka_unit_test_setup(a_lost_device_ends_it, forget),
    };
    path = argv[1];
    reasons = argv + 2;
    if (argc == 4) return cmocka_run_group_tests_name("hip_plans_without", without, open_device, close_device);
    return cmocka_run_group_tests_name("hip_plans", tests, open_device, close_device);
}
