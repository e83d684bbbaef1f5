/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime of GPU plugins (plugins/gpu/runtime) with a vendor whose calls fail when they are told to. */
#include "runtime/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static tn_error error = {.struct_size = sizeof error};

/* Failing devices are never the same: a test that loses one takes nobody's. */
enum { WITHOUT_POOLS, WORKING, BUSY, LOST, WITHOUT_CODE };

static void assert_good(tn_status status)
{
    if (status != TN_OK) fail_msg("%s", error.message);
}

static void assert_says(const char *phrase)
{
    if (!strstr(error.message, phrase)) fail_msg("no \"%s\" in \"%s\"", phrase, error.message);
}

static tn_device *opened(uint32_t index)
{
    tn_device *device = NULL;
    assert_good(gpu_device_open(index, &device, &error));
    return device;
}

static tn_stream *stream_on(tn_device *device)
{
    tn_stream *stream = NULL;
    assert_good(gpu_stream_create(device, &stream, &error));
    return stream;
}

/* ---- */

static void an_integrated_gpu_is_told_from_others(void **state)
{
    tn_device_info info[2] = {{.struct_size = sizeof *info}, {.struct_size = sizeof *info}};
    (void)state;
    assert_good(gpu_device_info(WITHOUT_POOLS, &info[0], &error));
    assert_good(gpu_device_info(WORKING, &info[1], &error));
    assert_int_equal(info[0].kind, TN_DEVICE_INTEGRATED_GPU);
    assert_int_equal(info[1].kind, TN_DEVICE_GPU);
}

static void a_gpu_that_is_opened_is_described(void **state)
{
    (void)state;
    tn_device *device = opened(WORKING);
    assert_string_equal(fake_logged(), "fake: Fake GPU, fk_12: 4 multiprocessors, warps of 32 threads, 49152 bytes of "
                                       "shared memory for a block");
    gpu_device_close(device);
}

static void a_busy_gpu_is_not_lost(void **state)
{
    tn_device *device = NULL;
    (void)state;
    fake_fail("Free", fakeErrorBusy);
    assert_int_equal(gpu_device_open(BUSY, &device, &error), TN_NOT_FOUND);
    assert_says("Fake GPU is busy");
    assert_says("wait for it");
    fake_fail("", fakeSuccess);
    gpu_device_close(opened(BUSY));
}

static void a_lost_gpu_stays_lost(void **state)
{
    tn_device *device = opened(LOST);
    tn_stream *stream = stream_on(device);
    (void)state;
    fake_fail("StreamSynchronize", fakeErrorIllegalAddress);
    assert_int_equal(gpu_stream_sync(device, stream, &error), TN_DEVICE_LOST);
    assert_says("fakeErrorSomething, 700");
    fake_fail("", fakeSuccess);
    assert_int_equal(gpu_stream_sync(device, stream, &error), TN_DEVICE_LOST);
    assert_says("was lost earlier");
    gpu_stream_destroy(device, stream);
    gpu_device_close(device);
}

static void missing_code_names_the_option(void **state)
{
    tn_device *device = NULL;
    (void)state;
    fake_fail("FuncGetAttributes", fakeErrorNoCode);
    assert_int_equal(gpu_device_open(WITHOUT_CODE, &device, &error), TN_UNSUPPORTED);
    assert_says("Fake GPU (fk_12)");
    assert_says("-DARCHITECTURES=12");
    fake_fail("", fakeSuccess);
}

/* Names of what has been freed by the time that its error shows. */
static void note(tn_stream *stream, const char *operator_name, const char *implementation)
{
    char names[2][200];
    snprintf(names[0], sizeof names[0], "%s", operator_name);
    snprintf(names[1], sizeof names[1], "%s", implementation);
    gpu_note(stream, names[0], names[1]);
    memset(names, 'x', sizeof names);
}

static void an_error_that_shows_later_names_the_last_plans(void **state)
{
    tn_device *device = opened(WORKING);
    tn_stream *stream = stream_on(device);
    (void)state;
    fake_fail("StreamSynchronize", fakeErrorOther);
    note(stream, "cat", "gpu:cat");
    note(stream, "conv2d", "gpu:implicit_gemm:tile64");
    note(stream, "relu", "gpu:map");
    assert_true(gpu_stream_for(stream, "cublasLtMatmul") != NULL);
    note(stream, "sum", "gpu:reduce");
    assert_int_equal(gpu_stream_sync(device, stream, &error), TN_INTERNAL);
    assert_says("last were queued conv2d gpu:implicit_gemm:tile64, relu gpu:map, cublasLtMatmul, sum gpu:reduce: ");
    note(stream, "an_operator_whose_name_is_longer_than_what_there_is_room_for_in_a_message",
         "of:an:implementation:whose:name:is:long:too");
    assert_int_equal(gpu_stream_sync(device, stream, &error), TN_INTERNAL);
    assert_says("sum gpu:reduce, an_operator_whose_name_is_longer_than");
    fake_fail("", fakeSuccess);
    gpu_stream_destroy(device, stream);
    gpu_device_close(device);
}

static void a_graph_is_named_by_what_was_recorded(void **state)
{
    tn_device *device = opened(WORKING);
    tn_stream *stream = stream_on(device);
    tn_graph *graph = NULL;
    (void)state;
    note(stream, "cat", "gpu:cat");
    assert_good(gpu_graph.begin(device, stream, &error));
    for (int i = 0; i < 5; i++) note(stream, "relu", "gpu:map");
    note(stream, "adam_step", "gpu:step");
    assert_good(gpu_graph.end(device, stream, &graph, &error));
    assert_good(gpu_graph.launch(device, graph, stream, &error));
    fake_fail("StreamSynchronize", fakeErrorOther);
    assert_int_equal(gpu_stream_sync(device, stream, &error), TN_INTERNAL);
    assert_says("queued cat gpu:cat, a graph of 6 plans, of which the last is adam_step gpu:step: ");
    fake_fail("", fakeSuccess);
    gpu_graph.destroy(device, graph);
    gpu_stream_destroy(device, stream);
    gpu_device_close(device);
}

static void a_graph_becomes_what_was_recorded_or_stays_as_it_was(void **state)
{
    tn_device *device = opened(WORKING);
    tn_stream *stream = stream_on(device);
    tn_graph *graph = NULL;
    (void)state;
    assert_good(gpu_graph.begin(device, stream, &error));
    note(stream, "relu", "gpu:map");
    assert_good(gpu_graph.end(device, stream, &graph, &error));
    assert_good(gpu_graph.begin(device, stream, &error));
    note(stream, "cat", "gpu:cat");
    (void)fake_calls();
    assert_good(gpu_graph.update(device, stream, graph, &error));
    assert_non_null(strstr(fake_calls(), " GraphExecUpdate GraphDestroy"));
    assert_good(gpu_graph.begin(device, stream, &error));
    note(stream, "sum", "gpu:reduce");
    fake_fail("GraphExecUpdate", fakeErrorOther);
    assert_int_equal(gpu_graph.update(device, stream, graph, &error), TN_UNSUPPORTED);
    assert_says("a graph of 1 plan, of which the last is cat gpu:cat cannot become what was recorded: ");
    assert_non_null(strstr(fake_calls(), " GraphDestroy"));
    fake_fail("", fakeSuccess);
    gpu_graph.destroy(device, graph);
    gpu_stream_destroy(device, stream);
    gpu_device_close(device);
}

static void allocate_and_free(tn_device *device)
{
    void *memory = NULL;
    (void)fake_calls();
    assert_good(gpu_memory_alloc(device, TN_MEMORY_DEVICE, 64, &memory, &error));
    gpu_memory_free(device, TN_MEMORY_DEVICE, memory);
}

static void memory_waits_for_a_stream_of_its_own_alone(void **state)
{
    tn_device *device = opened(WORKING);
    (void)state;
    allocate_and_free(device);
    assert_string_equal(fake_calls(), "SetDevice MallocFromPoolAsync StreamSynchronize "
                                      "SetDevice FreeAsync StreamSynchronize ");
    gpu_device_close(device);
    assert_string_equal(fake_calls(), "close SetDevice StreamDestroy MemPoolDestroy ");
    allocate_and_free(device = opened(WITHOUT_POOLS));
    assert_string_equal(fake_calls(), "SetDevice Malloc SetDevice Free ");
    gpu_device_close(device);
}

static void full_memory_says_how_full(void **state)
{
    static const char *const functions[] = {[WITHOUT_POOLS] = "Malloc", [WORKING] = "MallocFromPoolAsync"};
    void *memory = NULL;
    (void)state;
    for (uint32_t i = WITHOUT_POOLS; i <= WORKING; i++) {
        tn_device *device = opened(i);
        fake_fail(functions[i], fakeErrorMemoryAllocation);
        assert_int_equal(gpu_memory_alloc(device, TN_MEMORY_DEVICE, 77, &memory, &error), TN_OUT_OF_MEMORY);
        assert_says("Fake GPU has no 77 bytes left: 10 of its 1000 are free");
        fake_fail("", fakeSuccess);
        gpu_device_close(device);
    }
}

static void a_device_whose_pool_fails_is_not_opened(void **state)
{
    tn_device *device = NULL;
    (void)state;
    fake_fail("MemPoolSetAttribute", fakeErrorOther);
    assert_int_equal(gpu_device_open(WORKING, &device, &error), TN_INTERNAL);
    assert_says("pool of memory");
    assert_non_null(strstr(fake_calls(), "MemPoolDestroy "));
    fake_fail("", fakeSuccess);
    allocate_and_free(device = opened(WORKING));
    gpu_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_integrated_gpu_is_told_from_others),
        cmocka_unit_test(a_gpu_that_is_opened_is_described),
        cmocka_unit_test(a_busy_gpu_is_not_lost),
        cmocka_unit_test(a_lost_gpu_stays_lost),
        cmocka_unit_test(missing_code_names_the_option),
        cmocka_unit_test(an_error_that_shows_later_names_the_last_plans),
        cmocka_unit_test(a_graph_is_named_by_what_was_recorded),
        cmocka_unit_test(a_graph_becomes_what_was_recorded_or_stays_as_it_was),
        cmocka_unit_test(memory_waits_for_a_stream_of_its_own_alone),
        cmocka_unit_test(full_memory_says_how_full),
        cmocka_unit_test(a_device_whose_pool_fails_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
