/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of plans that libraries make share: the plugin with the fakes, asked for plans as the core asks, and
 * what it logs. */
#ifndef TENON_TEST_GPU_PLANS_H
#define TENON_TEST_GPU_PLANS_H

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

static char logged[20000]; /* since a test began, a line each: the level's number, and what was said */

TN_UNUSED static void keep_line(uint32_t level, const char *message)
{
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%u %s\n", level, message);
}

TN_UNUSED static void *alloc(uint64_t bytes, uint64_t alignment)
{
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static const tn_host_api host = {
    .struct_size = sizeof host, .abi_major = TN_ABI_MAJOR, .log = keep_line, .alloc = alloc, .free = free};
static const tn_plugin *plugin;
static tn_device *device;

static const char *path; /* of the plugin's file */

TN_UNUSED static int open_device(void **state)
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

TN_UNUSED static int close_device(void **state)
{
    (void)state;
    plugin->device_close(device);
    return 0;
}

TN_UNUSED static int forget(void **state)
{
    static const char *const variables[] = {"TENON_FAKE_CUBLASLT", "TENON_FAKE_CUDNN", "TENON_FAKE_DEVICE",
                                            "TENON_FAKE_SLOW",     "TENON_CUDA_TUNE",  "TENON_FAKE_ROCBLAS",
                                            "TENON_FAKE_MIOPEN"};
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    logged[0] = 0;
    return 0;
}

TN_UNUSED static void assert_logged(const char *line)
{
    if (!strstr(logged, line)) fail_msg("no \"%s\" in what was logged: %s", line, logged);
}

TN_UNUSED static void assert_not_logged(const char *line)
{
    if (strstr(logged, line)) fail_msg("\"%s\" is in what was logged: %s", line, logged);
}

/* ---- operators in use */

typedef struct use {
    const char *name;
    const void *attrs;
    tn_tensor_desc in[3], out[2];
    uint64_t n_in, n_out, flags;
} use;

TN_UNUSED static tn_tensor_desc dense(uint32_t rank, const int64_t *dims)
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

TN_UNUSED static use linear(int64_t rows)
{
    return (use){.name = "linear",
                 .in = {DENSE(rows, 5), DENSE(4, 5), DENSE(4)},
                 .out = {DENSE(rows, 4)},
                 .n_in = 3,
                 .n_out = 1};
}

TN_UNUSED static use linear_gradient(int64_t rows)
{
    return (use){.name = "linear_grad_weight",
                 .in = {DENSE(rows, 4), DENSE(rows, 5)},
                 .out = {DENSE(4, 5), DENSE(4)},
                 .n_in = 2,
                 .n_out = 2};
}

TN_UNUSED static use convolution(int64_t images)
{
    static const tn_conv2d_attrs attrs = {
        .struct_size = sizeof attrs, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    return (use){.name = "conv2d",
                 .attrs = &attrs,
                 .in = {DENSE(images, 2, 6, 6), DENSE(3, 2, 3, 3), DENSE(3)},
                 .out = {DENSE(images, 3, 4, 4)},
                 .n_in = 3,
                 .n_out = 1};
}

TN_UNUSED static const tn_kernel *kernel_of(const char *name)
{
    const size_t length = strlen(name);
    for (uint64_t i = 0; i < plugin->n_kernels; i++)
        if (!strncmp(plugin->kernels[i].schema, name, length) && plugin->kernels[i].schema[length] == '/')
            return &plugin->kernels[i];
    fail_msg("the plugin has no %s", name);
    return NULL;
}

TN_UNUSED static tn_status plan_of(const use *u, tn_plan **plan, tn_error *error)
{
    const tn_tensor_desc *in[] = {&u->in[0], &u->in[1], &u->in[2]}, *out[] = {&u->out[0], &u->out[1]};
    const tn_op_desc desc = {.struct_size = sizeof desc,
                             .name = u->name,
                             .attrs = u->attrs,
                             .in = in,
                             .out = out,
                             .n_in = u->n_in,
                             .n_out = u->n_out,
                             .flags = u->flags};
    const tn_kernel *kernel = kernel_of(u->name);
    *error = (tn_error){.struct_size = sizeof *error};
    return kernel->plan_create(kernel, device, &desc, plan, error);
}

/* The implementation's name of a plan that is made well. */
TN_UNUSED static const char *name_of(use u)
{
    static char name[100];
    tn_plan *plan = NULL;
    tn_error error;
    if (plan_of(&u, &plan, &error) != TN_OK) fail_msg("%s: %s", u.name, error.message);
    snprintf(name, sizeof name, "%s", plan->implementation);
    plan->destroy(plan);
    return name;
}

TN_UNUSED static void assert_named(use u, const char *beginning)
{
    const char *name = name_of(u);
    if (strncmp(name, beginning, strlen(beginning)) != 0) fail_msg("\"%s\" is no \"%s...\"", name, beginning);
}

static _Alignas(64) float results[2][256]; /* of the last result_of */

/* The first element of output 0 where input 0 is full of x, input 1 of w, and input 2 of zeros. */
TN_UNUSED static double result_of(use u, float x, float w)
{
    static _Alignas(64) float in[3][256];
    void *const inputs[] = {in[0], in[1], in[2]}, *const outputs[] = {results[0], results[1]};
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
    return (double)results[0][0];
}

/* The sum of k products of this number and 1, which TF32 does not keep. */
TN_UNUSED static const float number = 1 + 0x1p-12f;

#endif
