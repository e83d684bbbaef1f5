/* SPDX-License-Identifier: Apache-2.0
 *
 * Which plans the CUDA plugin makes of what cuBLASLt and cuDNN offer, and what it says when they fail. The libraries are
 * the fakes; the plugin, whose file is the first argument, is asked as the core asks it. A second argument is why cuDNN
 * cannot be used. */
#include "tenon_abi.h"
#include "tenon_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* ---- the host */

static char logged[4000]; /* since a test began, a line each: the level's number, and what was said */

static void keep_line(uint32_t level, const char *message)
{
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%u %s\n", level, message);
}

static void *alloc(uint64_t bytes, uint64_t alignment)
{
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static const tn_host_api host = {
    .struct_size = sizeof host, .abi_major = TN_ABI_MAJOR, .log = keep_line, .alloc = alloc, .free = free};
static const tn_plugin *plugin;
static tn_device *device;

static const char *path; /* of the plugin's file */

static int open_device(void **state)
{
    tn_error error = {.struct_size = sizeof error};
    void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    tn_status (*query)(const tn_host_api *, const tn_plugin **, tn_error *) = NULL;
    (void)state;
    void *found = file ? dlsym(file, TN_PLUGIN_QUERY_SYMBOL) : NULL;
    if (!found) printf("%s: %s\n", path, dlerror());
    if (!found) return -1;
    memcpy(&query, &found, sizeof query);
    return query(&host, &plugin, &error) || plugin->device_open(0, &device, &error) ? -1 : 0;
}

static int close_device(void **state)
{
    (void)state;
    plugin->device_close(device);
    return 0;
}

static int forget(void **state)
{
    static const char *const variables[] = {"TENON_FAKE_CUBLASLT", "TENON_FAKE_CUDNN", "TENON_FAKE_DEVICE",
                                            "TENON_MATH"};
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    logged[0] = 0;
    return 0;
}

static void assert_logged(const char *line)
{
    if (!strstr(logged, line)) fail_msg("no \"%s\" in what was logged: %s", line, logged);
}

static void assert_not_logged(const char *line)
{
    if (strstr(logged, line)) fail_msg("\"%s\" is in what was logged: %s", line, logged);
}

/* ---- operators in use */

typedef struct use {
    const char *name;
    const void *attrs;
    tn_tensor_desc in[3], out;
    uint64_t n_in, flags;
} use;

static tn_tensor_desc dense(uint32_t rank, const int64_t *dims)
{
    tn_tensor_desc t = {.struct_size = sizeof t, .dtype = TN_F32, .rank = rank, .alignment = 64};
    int64_t stride = 1;
    for (uint32_t d = rank; d-- > 0; stride *= dims[d]) {
        t.dims[d] = dims[d];
        t.strides[d] = stride;
    }
    return t;
}
#define DENSE(...) dense(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static use linear(int64_t rows)
{
    return (use){.name = "linear", .in = {DENSE(rows, 5), DENSE(4, 5), DENSE(4)}, .out = DENSE(rows, 4), .n_in = 3};
}

static use convolution(int64_t images)
{
    static const tn_conv2d_attrs attrs = {
        .struct_size = sizeof attrs, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    return (use){.name = "conv2d",
                 .attrs = &attrs,
                 .in = {DENSE(images, 2, 6, 6), DENSE(3, 2, 3, 3), DENSE(3)},
                 .out = DENSE(images, 3, 4, 4),
                 .n_in = 3};
}

static const tn_kernel *kernel_of(const char *name)
{
    const size_t length = strlen(name);
    for (uint64_t i = 0; i < plugin->n_kernels; i++)
        if (!strncmp(plugin->kernels[i].schema, name, length) && plugin->kernels[i].schema[length] == '/')
            return &plugin->kernels[i];
    fail_msg("the plugin has no %s", name);
    return NULL;
}

static tn_status plan_of(const use *u, tn_plan **plan, tn_error *error)
{
    const tn_tensor_desc *in[] = {&u->in[0], &u->in[1], &u->in[2]}, *out[] = {&u->out};
    const tn_op_desc desc = {.struct_size = sizeof desc,
                             .name = u->name,
                             .attrs = u->attrs,
                             .in = in,
                             .out = out,
                             .n_in = u->n_in,
                             .n_out = 1,
                             .flags = u->flags};
    const tn_kernel *kernel = kernel_of(u->name);
    *error = (tn_error){.struct_size = sizeof *error};
    return kernel->plan_create(kernel, device, &desc, plan, error);
}

/* The implementation's name of a plan that is made well. */
static const char *name_of(use u)
{
    static char name[100];
    tn_plan *plan = NULL;
    tn_error error;
    if (plan_of(&u, &plan, &error) != TN_OK) fail_msg("%s: %s", u.name, error.message);
    snprintf(name, sizeof name, "%s", plan->implementation);
    plan->destroy(plan);
    return name;
}

static void assert_named(use u, const char *beginning)
{
    const char *name = name_of(u);
    if (strncmp(name, beginning, strlen(beginning)) != 0) fail_msg("\"%s\" is no \"%s...\"", name, beginning);
}

/* The first element of the result where all inputs are full of one number. */
static double result_of(use u, float x, float w)
{
    _Alignas(64) float in[3][256], out[256];
    void *const inputs[] = {in[0], in[1], in[2]}, *const outputs[] = {out};
    tn_plan *plan = NULL;
    tn_stream *stream = NULL;
    tn_error error;
    for (int i = 0; i < 256; i++) in[0][i] = x, in[1][i] = w, in[2][i] = 0;
    assert_int_equal(plan_of(&u, &plan, &error), TN_OK);
    assert_int_equal(plugin->stream_create(device, &stream, &error), TN_OK);
    void *workspace = alloc(plan->workspace_bytes + 1, 256);
    const tn_bindings at = {.struct_size = sizeof at, .in = inputs, .out = outputs, .workspace = workspace};
    assert_int_equal(plan->execute(plan, stream, &at, &error), TN_OK);
    assert_int_equal(plugin->stream_sync(device, stream, &error), TN_OK);
    plugin->stream_destroy(device, stream);
    plan->destroy(plan);
    free(workspace);
    return (double)out[0];
}

/* ---- precision */

/* The sum of k products of this number and 1, which TF32 does not keep. */
static const float number = 1 + 0x1p-12f;

static void f32_is_what_products_are_computed_in(void **state)
{
    (void)state;
    assert_named(linear(6), "cublasLt:f32");
    assert_true(result_of(linear(6), number, 1) == 5 * (double)number);
    assert_named(convolution(1), "cudnn:engine 4 f32");
    assert_true(result_of(convolution(1), number, 1) == 18 * (double)number);
}

static void assert_tf32_is_named_and_taken(uint64_t flags)
{
    use product = linear(6), images = convolution(1);
    product.flags = images.flags = flags;
    assert_named(product, "cublasLt:tf32");
    assert_true(result_of(product, number, 1) == 5);
    assert_named(images, "cudnn:engine 0 tf32");
    assert_true(result_of(images, number, 1) == 18);
}

static void tf32_is_named_where_a_flag_allows_it(void **state)
{
    (void)state;
    assert_tf32_is_named_and_taken(TN_OP_TF32);
}

static void tf32_is_named_where_a_variable_allows_it(void **state)
{
    (void)state;
    setenv("TENON_MATH", "tf32", 1);
    assert_tf32_is_named_and_taken(0);
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
        cmocka_unit_test_setup(tf32_is_named_where_a_flag_allows_it, forget),
        cmocka_unit_test_setup(tf32_is_named_where_a_variable_allows_it, forget),
        cmocka_unit_test_setup(f32_is_named_where_tf32_is_allowed_and_not_to_be_had, forget),
        cmocka_unit_test_setup(every_plan_gives_the_same_bits, forget),
        cmocka_unit_test_setup(an_engine_that_gives_other_bits_is_never_taken, forget),
        cmocka_unit_test_setup(a_failing_library_is_told_and_not_needed, forget),
        cmocka_unit_test_setup(a_library_that_declines_is_no_trouble, forget),
        cmocka_unit_test_setup(a_lost_device_ends_it, forget),
    };
    path = argv[1];
    reason = argc > 2 ? argv[2] : NULL;
    if (reason) return cmocka_run_group_tests_name("cuda_plans_without", without, open_device, close_device);
    return cmocka_run_group_tests_name("cuda_plans", tests, open_device, close_device);
}
