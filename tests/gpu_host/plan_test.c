/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans as lists of launches, without a device: what happens when host memory runs out while one is made, and the
 * arguments of launches over tensors of which no test could have the memory. */
#include "args.h"
#include "plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- in place of the host and the device */

void gpu_note(tn_stream *stream, const char *operator_name, const char *implementation)
{
    (void)stream, (void)operator_name, (void)implementation;
}

enum { MOST_HELD = 64 };

static int allocations, fails_at; /* which of them finds no memory; -1: none */
static void *held[MOST_HELD];

static void **place_of(const void *memory)
{
    for (int i = 0; i < MOST_HELD; i++)
        if (held[i] == memory) return &held[i];
    return NULL;
}

static void *host_alloc(uint64_t bytes, uint64_t alignment)
{
    if (allocations++ == fails_at) return NULL;
    void **place = place_of(NULL);
    assert_non_null(place);
    *place = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    assert_non_null(*place);
    return *place;
}

static void host_free(void *memory)
{
    if (!memory) return;
    void **place = place_of(memory);
    assert_non_null(place); /* else it was freed before */
    *place = NULL;
    free(memory);
}

static void assert_all_freed(void)
{
    for (int i = 0; i < MOST_HELD; i++) assert_null(held[i]);
}

static const tn_host_api host = {.struct_size = sizeof host, .alloc = host_alloc, .free = host_free};
const tn_host_api *gpu_host = &host;

const gpu_limits *gpu_limits_of(const tn_device *device)
{
    static const gpu_limits limits = {.multiprocessors = 4};
    (void)device;
    return &limits;
}

static gpu_product_args caught; /* of the last launch */

tn_status gpu_launch(tn_stream *stream, gpu_kernel kernel, gpu_grid grid, const void *args, tn_error *error)
{
    (void)stream, (void)kernel, (void)grid, (void)error;
    memcpy(&caught, args, sizeof caught);
    return TN_OK;
}

/* ---- no memory */

/* More launches and holes than the first arrays have room for. */
static tn_status make(tn_plan **plan, tn_error *error)
{
    static const tn_op_desc desc = {.struct_size = sizeof desc, .name = "test"};
    const gpu_fill_args args = {.bits = 1};
    gpu_plan *making = gpu_plan_new(&desc, "gpu:test", error);
    if (!making) return TN_OUT_OF_MEMORY;
    for (int i = 0; i < 20; i++) {
        gpu_plan_launch(making, GPU_fill, (gpu_grid){1, 1, 1, 32, 0}, &args, sizeof args);
        for (int k = 0; k < 4; k++) gpu_plan_bind(making, offsetof(gpu_fill_args, walk.base), GPU_OUT, 0, 0);
    }
    return gpu_plan_finish(making, plan, error);
}

static void a_plan_that_finds_no_memory_is_released_whole(void **state)
{
    tn_status status = TN_OUT_OF_MEMORY;
    (void)state;
    for (fails_at = 0; status != TN_OK; fails_at++) {
        tn_error error = {.struct_size = sizeof error};
        tn_plan *plan = NULL;
        allocations = 0;
        status = make(&plan, &error);
        if (status == TN_OK) {
            plan->destroy(plan);
        } else {
            assert_int_equal(status, TN_OUT_OF_MEMORY);
            assert_int_equal(error.status, TN_OUT_OF_MEMORY);
            assert_non_null(strstr(error.message, "no host memory"));
        }
        assert_all_freed();
    }
    assert_true(fails_at > 10); /* each allocation failed once */
    fails_at = -1;
}

/* ---- large products */

static tn_tensor_desc tensor(uint32_t rank, int64_t a, int64_t b, int64_t c)
{
    return (tn_tensor_desc){.struct_size = sizeof(tn_tensor_desc),
                            .dtype = TN_F32,
                            .rank = rank,
                            .alignment = 256,
                            .dims = {a, b, c},
                            .strides = {b * c, c, 1}};
}

/* x: images rows k, y: k 1. Catches the launch, if the check allows it. */
static tn_status multiply(int64_t images, int64_t rows, int64_t k, tn_error *error)
{
    static const tn_kernel kernel = {TN_SCHEMA(matmul), gpu_matmul_check, gpu_matmul_plan, NULL};
    const tn_tensor_desc x = tensor(3, images, rows, k), z = tensor(3, images, rows, 1);
    const tn_tensor_desc y = {sizeof y, TN_F32, 2, {k, 1}, {1, 1}, 256};
    const tn_op_desc desc = {.struct_size = sizeof desc,
                             .name = "matmul",
                             .in = (const tn_tensor_desc *const[]){&x, &y},
                             .out = (const tn_tensor_desc *const[]){&z},
                             .n_in = 2,
                             .n_out = 1};
    const tn_bindings at = {sizeof at, (void *const[]){NULL, NULL}, (void *const[]){NULL}, NULL};
    tn_plan *plan;
    tn_status status = kernel.check(&kernel, NULL, &desc, error);
    if (status) return status;
    assert_int_equal(kernel.plan_create(&kernel, NULL, &desc, &plan, error), TN_OK);
    assert_int_equal(plan->execute(plan, NULL, &at, error), TN_OK);
    plan->destroy(plan);
    return TN_OK;
}

/* Images that follow each other as rows do are further rows, as long as these can be counted. */
static void rows_are_joined_until_they_cannot_be_counted(void **state)
{
    tn_error error = {.struct_size = sizeof error};
    (void)state;
    assert_int_equal(multiply(3, 100, 2, &error), TN_OK);
    assert_int_equal(caught.out.m, 300);
    assert_int_equal(caught.out.batch, 1);
    assert_int_equal(multiply(3, INT64_C(1) << 29, 2, &error), TN_OK);
    assert_int_equal(caught.out.m, INT64_C(1) << 29);
    assert_int_equal(caught.out.batch, 3);
    assert_int_equal(multiply(INT64_C(1) << 31, 1, 2, &error), TN_UNSUPPORTED);
    assert_non_null(strstr(error.message, "2147483648 products"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_that_finds_no_memory_is_released_whole),
        cmocka_unit_test(rows_are_joined_until_they_cannot_be_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
