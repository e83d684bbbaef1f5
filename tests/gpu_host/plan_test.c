/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans as lists of launches, without a device: what happens when host memory runs out while one is made. */
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

tn_status gpu_launch(tn_stream *stream, gpu_kernel kernel, gpu_grid grid, const void *args, tn_error *error)
{
    (void)stream, (void)kernel, (void)grid, (void)args, (void)error;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_that_finds_no_memory_is_released_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
