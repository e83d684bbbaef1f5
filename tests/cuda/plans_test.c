/* SPDX-License-Identifier: Apache-2.0
 *
 * Which plans the CUDA plugin makes of what cuBLASLt and cuDNN offer, and what it says when they fail. The libraries are
 * the fakes; the plugin, whose file is the first argument, is asked as the core asks it. A second argument is why cuDNN
 * cannot be used. */
#include "../gpu_host/plans.h"

/* ---- precision */

static void f32_is_what_products_are_computed_in(void **state)
{
    (void)state;
    assert_named(linear(6), "cublasLt:f32");
    assert_true(result_of(linear(6), number, 1) == 5 * (double)number);
    assert_named(convolution(1), "cudnn:engine 4 f32");
    assert_true(result_of(convolution(1), number, 1) == 18 * (double)number);
}

static void tf32_is_named_where_it_is_allowed(void **state)
{
    use product = linear(6), images = convolution(1);
    (void)state;
    product.flags = images.flags = TN_OP_TF32;
    assert_named(product, "cublasLt:tf32");
    assert_true(result_of(product, number, 1) == 5);
    assert_named(images, "cudnn:engine 0 tf32");
    assert_true(result_of(images, number, 1) == 18);
}

static void f32_is_named_where_tf32_is_allowed_and_not_to_be_had(void **state)
{
    use images = convolution(1);
    (void)state;
    images.flags = TN_OP_TF32;
    setenv("TENON_FAKE_CUDNN", "exact", 1);
    assert_named(images, "cudnn:engine 4 f32");
}

/* ---- determinism */

static void every_plan_gives_the_same_bits(void **state)
{
    const use uses[] = {linear(6), convolution(1)};
    (void)state;
    for (int i = 0; i < 2; i++) {
        tn_plan *plan = NULL;
        tn_error error;
        assert_int_equal(plan_of(&uses[i], &plan, &error), TN_OK);
        assert_true(plan->flags & TN_PLAN_DETERMINISTIC);
        plan->destroy(plan);
    }
}

static void an_engine_that_gives_other_bits_is_never_taken(void **state)
{
    use images = convolution(1);
    (void)state;
    setenv("TENON_FAKE_CUDNN", "nondeterministic", 1);
    assert_named(images, "gpu:implicit_gemm");
    images.flags = TN_OP_DETERMINISTIC | TN_OP_TF32;
    assert_named(images, "gpu:implicit_gemm");
}

/* ---- the sums beside a product */

static void a_bias_gradient_goes_with_the_product(void **state)
{
    (void)state;
    assert_named(linear_gradient(6), "cublasLt:f32");
    assert_null(strstr(name_of(linear_gradient(6)), "apart"));
}

/* By columns it is the first factor that is summed up, by rows the second. */
static void a_bias_gradient_is_the_sum_of_dy_in_either_order_of_dw(void **state)
{
    use by_rows = linear_gradient(6), by_columns = by_rows;
    (void)state;
    by_columns.out[0].strides[0] = 1;
    by_columns.out[0].strides[1] = 4;
    for (int i = 0; i < 2; i++) {
        memset(results, 0, sizeof results);
        assert_named(i ? by_columns : by_rows, "cublasLt:f32");
        assert_true(result_of(i ? by_columns : by_rows, 2, 3) == 6 * 2 * 3);
        for (int o = 0; o < 4; o++) assert_true(results[1][o] == 6 * 2);
        assert_true(results[1][4] == 0);
    }
}

static void a_bias_gradient_is_made_apart_where_it_must_be(void **state)
{
    (void)state;
    setenv("TENON_FAKE_CUBLASLT", "unfused", 1);
    assert_named(linear_gradient(6), "cublasLt:f32, sums apart");
    assert_logged("4 cuda: linear_grad_weight: asking cuBLASLt for an algorithm: CUBLAS_STATUS_NOT_SUPPORTED (15); "
                  "cuBLASLt is asked for the product alone\n");
    assert_not_logged("2 cuda");
}

/* ---- failures */

static void a_failing_library_is_told_and_not_needed(void **state)
{
    (void)state;
    setenv("TENON_FAKE_CUBLASLT", "failing", 1);
    setenv("TENON_FAKE_CUDNN", "failing", 1);
    assert_named(linear(6), "gpu:matmul");
    assert_named(convolution(1), "gpu:implicit_gemm");
    assert_logged(
        "2 cuda: linear: asking cuBLASLt for an algorithm: CUBLAS_STATUS_INTERNAL_ERROR (14); the plugin's own "
        "kernels do it\n");
    assert_logged("2 cuda: conv2d: finalising a graph: CUDNN_STATUS_INTERNAL_ERROR (4000); cuDNN is asked for the "
                  "convolution alone\n");
    assert_logged("2 cuda: conv2d: finalising a graph: CUDNN_STATUS_INTERNAL_ERROR (4000); the plugin's own kernels do "
                  "it\n");
}

static void a_library_that_declines_is_no_trouble(void **state)
{
    (void)state;
    setenv("TENON_FAKE_CUBLASLT", "none", 1);
    setenv("TENON_FAKE_CUDNN", "none", 1);
    assert_named(linear(6), "gpu:matmul");
    assert_named(convolution(1), "gpu:implicit_gemm");
    assert_logged("4 cuda: linear: cuBLASLt has no algorithm for it; the plugin's own kernels do it\n");
    assert_logged("4 cuda: conv2d: cuDNN has no engine for this graph of 2 operations in f32; cuDNN is asked for the "
                  "convolution alone\n");
    assert_logged(
        "4 cuda: conv2d: cuDNN has no engine for this graph of 1 operation in f32; the plugin's own kernels do "
        "it\n");
    assert_not_logged("2 cuda");
}

static void a_lost_device_ends_it(void **state)
{
    const use uses[] = {linear(6), convolution(1)};
    (void)state;
    setenv("TENON_FAKE_DEVICE", "lost", 1);
    for (int i = 0; i < 2; i++) {
        tn_plan *plan = NULL;
        tn_error error;
        assert_int_equal(plan_of(&uses[i], &plan, &error), TN_DEVICE_LOST);
        assert_string_equal(error.message, "waiting for the stream: it is gone");
        assert_int_equal(error.native_code, 700);
    }
}

/* ---- without cuDNN: in a process of its own, since a library is opened once */

static const char *reason; /* why it is not used */

static void what_is_missing_is_told_once_and_named_by_the_plans(void **state)
{
    char line[600];
    (void)state;
    for (int images = 1; images < 3; images++) {
        const char *name = name_of(convolution(images));
        if (strncmp(name, "gpu:implicit_gemm", 17) != 0 || !strstr(name, ", without cuDNN")) fail_msg("\"%s\"", name);
    }
    snprintf(line, sizeof line, "2 cuda: cuDNN is not used (%s): the plugin's own kernels do its convolutions\n",
             reason);
    assert_logged(line);
    assert_null(strstr(strstr(logged, "cuDNN is not used") + 1, "cuDNN is not used"));
    assert_named(linear(6), "cublasLt:f32");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest without[] = {
        cmocka_unit_test(what_is_missing_is_told_once_and_named_by_the_plans),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(f32_is_what_products_are_computed_in, forget),
        cmocka_unit_test_setup(tf32_is_named_where_it_is_allowed, forget),
        cmocka_unit_test_setup(f32_is_named_where_tf32_is_allowed_and_not_to_be_had, forget),
        cmocka_unit_test_setup(every_plan_gives_the_same_bits, forget),
        cmocka_unit_test_setup(an_engine_that_gives_other_bits_is_never_taken, forget),
        cmocka_unit_test_setup(a_bias_gradient_goes_with_the_product, forget),
        cmocka_unit_test_setup(a_bias_gradient_is_the_sum_of_dy_in_either_order_of_dw, forget),
        cmocka_unit_test_setup(a_bias_gradient_is_made_apart_where_it_must_be, forget),
        cmocka_unit_test_setup(a_failing_library_is_told_and_not_needed, forget),
        cmocka_unit_test_setup(a_library_that_declines_is_no_trouble, forget),
        cmocka_unit_test_setup(a_lost_device_ends_it, forget),
    };
    path = argv[1];
    reason = argc > 2 ? argv[2] : NULL;
    if (reason) return cmocka_run_group_tests_name("cuda_plans_without", without, open_device, close_device);
    return cmocka_run_group_tests_name("cuda_plans", tests, open_device, close_device);
}
