/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans that are chosen by their time: TENON_CUDA_TUNE=on. Each test has sizes of its own, since choices are remembered. */
#include "../gpu_host/plans.h"

static void the_first_is_taken_whatever_its_time(void **state)
{
    (void)state;
    setenv("TENON_FAKE_SLOW", "all", 1);
    assert_named(linear(10), "cublasLt:f32");
    assert_null(strstr(name_of(linear(10)), "algorithm"));
    assert_named(convolution(10), "cudnn:engine 4 f32");
}

static void tuning_takes_the_faster_one(void **state)
{
    (void)state;
    setenv("TENON_CUDA_TUNE", "on", 1);
    setenv("TENON_FAKE_SLOW", "algorithm 0", 1);
    assert_named(linear(11), "cublasLt:f32 algorithm 1");
    setenv("TENON_FAKE_SLOW", "algorithm 1", 1);
    assert_named(linear(12), "cublasLt:f32");
    setenv("TENON_FAKE_SLOW", "engine 4", 1);
    assert_named(convolution(11), "cudnn:engine 5 f32");
    setenv("TENON_FAKE_SLOW", "engine 5", 1);
    assert_named(convolution(12), "cudnn:engine 4 f32");
    assert_logged("4 cuda: linear: cublasLt:f32 algorithm 1 takes ");
    assert_logged("4 cuda: conv2d: cudnn:engine 5 f32 takes ");
    assert_not_logged("2 cuda");
}

static void tuning_takes_the_own_kernels_if_they_are_faster(void **state)
{
    (void)state;
    setenv("TENON_CUDA_TUNE", "on", 1);
    setenv("TENON_FAKE_SLOW", "all", 1);
    assert_named(linear(13), "gpu:matmul");
    assert_non_null(strstr(name_of(linear(13)), ", faster than cuBLASLt"));
    assert_named(convolution(1), "gpu:implicit_gemm");
    assert_non_null(strstr(name_of(convolution(1)), ", faster than cuDNN"));
}

static void what_was_timed_is_not_timed_again(void **state)
{
    (void)state;
    setenv("TENON_CUDA_TUNE", "on", 1);
    setenv("TENON_FAKE_SLOW", "algorithm 0", 1);
    assert_named(linear(14), "cublasLt:f32 algorithm 1");
    setenv("TENON_FAKE_SLOW", "algorithm 1", 1);
    logged[0] = 0;
    assert_named(linear(14), "cublasLt:f32 algorithm 1");
    assert_not_logged("takes");
}

static void what_differs_in_precision_is_timed_for_itself(void **state)
{
    use rounded = linear(15);
    (void)state;
    setenv("TENON_CUDA_TUNE", "on", 1);
    assert_true(strlen(name_of(linear(15))) > 0);
    logged[0] = 0;
    rounded.flags = TN_OP_TF32;
    assert_true(strlen(name_of(rounded)) > 0);
    assert_logged("takes");
}

static void a_deterministic_plan_is_never_tuned(void **state)
{
    use product = linear(16), images = convolution(16);
    (void)state;
    setenv("TENON_CUDA_TUNE", "on", 1);
    setenv("TENON_FAKE_SLOW", "all", 1);
    product.flags = images.flags = TN_OP_DETERMINISTIC;
    assert_named(product, "cublasLt:f32");
    assert_named(images, "cudnn:engine 4 f32");
    assert_not_logged("takes");
}

static void a_tuned_plan_computes_the_same(void **state)
{
    (void)state;
    setenv("TENON_CUDA_TUNE", "on", 1);
    assert_true(result_of(linear(17), number, 1) == 5 * (double)number);
    assert_true(result_of(linear(17), number, 1) == 5 * (double)number);
}

static void a_device_lost_while_timing_ends_it(void **state)
{
    const use u = linear(18);
    tn_plan *plan = NULL;
    tn_error error;
    (void)state;
    setenv("TENON_CUDA_TUNE", "on", 1);
    setenv("TENON_FAKE_DEVICE", "lost", 1);
    assert_int_equal(plan_of(&u, &plan, &error), TN_DEVICE_LOST);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_is_taken_whatever_its_time, forget),
        cmocka_unit_test_setup(tuning_takes_the_faster_one, forget),
        cmocka_unit_test_setup(tuning_takes_the_own_kernels_if_they_are_faster, forget),
        cmocka_unit_test_setup(what_was_timed_is_not_timed_again, forget),
        cmocka_unit_test_setup(what_differs_in_precision_is_timed_for_itself, forget),
        cmocka_unit_test_setup(a_deterministic_plan_is_never_tuned, forget),
        cmocka_unit_test_setup(a_tuned_plan_computes_the_same, forget),
        cmocka_unit_test_setup(a_device_lost_while_timing_ends_it, forget),
    };
    (void)argc;
    path = argv[1];
    return cmocka_run_group_tests_name("cuda_tune", tests, open_device, close_device);
}
