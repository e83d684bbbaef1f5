/* SPDX-License-Identifier: Apache-2.0
 *
 * A document of results is reduced to the figures that follow from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result/result.h"

#define ASSERT_NEAR(found, expected)                                       \
    do {                                                                   \
        double found_ = (found), expected_ = (expected);                   \
        if (!(fabs(found_ - expected_) <= 1e-9 * fabs(expected_)))         \
            fail_msg("%s is %.12g, not %.12g", #found, found_, expected_); \
    } while (0)

/* Text in which ' stands for ". */
static json_t *parse(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    json_error_t why;
    json_t *document = json_loads(copy, 0, &why);
    if (!document) fail_msg("%s at %d", why.text, why.position);
    free(copy);
    return document;
}

static const char *const text =
    "{'schema': 'tenon.bench/1', 'runs': [{"
    "'label': 'box', 'started': '2026-01-01T00:00:00Z', 'partial': false, 'machine': {}, 'software': {},"
    "'settings': {'threads': 2, 'target': 0.97, 'baseline': 'slow'},"
    "'limits': [{'name': 'cpu', 'flops': {'unit': 'FLOP/s', 'f32': [90e9, 100e9, 200e9], 'tf32': [900e9], 'f64': [50e9]},"
    "  'bandwidth': {'unit': 'B/s', 'sets': [{'bytes': 1000, 'samples': [80e9]}, {'bytes': 1e6, 'samples': [10e9]}]}}],"
    "'rows': ["
    " {'task': 'train', 'model': 'convnet', 'backend': 'fast', 'device': 'fast:1', 'dtype': 'f32', 'batch_size': 64,"
    "  'limits': 'cpu', 'error': null,"
    "  'setup': {'unit': 's', 'start_up': 0.5}, 'memory': {'unit': 'B', 'host_peak': 1000},"
    "  'rounds': [{'steps': 1, 'images': 64, 'seconds': 0.5}, {'steps': 1, 'images': 64, 'seconds': 0.25},"
    "             {'steps': 2, 'images': 128, 'seconds': 1.0}],"
    "  'step_times': {'unit': 's', 'rounds': [[0.4], [0.2, 0.3]]},"
    "  'epochs': {'unit': 's', 'seconds': [3, 1, 2]},"
    "  'losses': [{'images': 64, 'seconds': 1, 'loss': 2.3}],"
    "  'evaluations': [{'images': 1, 'seconds': 3, 'loss': 0.2, 'accuracy': 0.95},"
    "                  {'images': 2, 'seconds': 4, 'loss': 0.1, 'accuracy': 0.972},"
    "                  {'images': 3, 'seconds': 6, 'loss': 0.09, 'accuracy': 0.971}],"
    "  'profile': {'unit': 's', 'steps': 2, 'step': 0.3, 'phases': {'data': 0.05, 'forward': 0.1, 'backward': 0.1},"
    "    'operators': [{'op': 'add', 'calls': 2, 'seconds': 0.1, 'flops': 1000, 'bytes': 1600},"
    "                  {'op': 'conv2d', 'calls': 1, 'seconds': 0.15, 'flops': 3e9, 'bytes': 2e6}]}},"
    " {'task': 'train', 'model': 'convnet', 'backend': 'slow', 'device': 'slow:0', 'dtype': 'f32', 'batch_size': 64,"
    "  'error': null, 'rounds': [{'steps': 1, 'images': 32, 'seconds': 0.5}, {'steps': 1, 'images': 32, 'seconds': 0.25},"
    "                            {'steps': 1, 'images': 64, 'seconds': 1.0}]},"
    " {'task': 'train', 'model': 'convnet', 'backend': 'slow', 'device': 'slow:0', 'dtype': 'f64', 'batch_size': 64,"
    "  'error': 'no f64'},"
    " {'task': 'infer', 'model': 'convnet', 'backend': 'peer', 'variant': 'eager', 'dtype': 'f32', 'batch_size': 1,"
    "  'error': null, 'rounds': [{'steps': 1, 'images': 1, 'seconds': 0.5}],"
    "  'fallback': [{'op': 'add', 'device': 'reference:0', 'calls': 3}]},"
    " {'task': 'train', 'model': 'convnet', 'backend': 'slow', 'device': 'slow:0', 'dtype': 'f32', 'math': 'tf32',"
    "  'batch_size': 64, 'error': null, 'rounds': [{'steps': 1, 'images': 64, 'seconds': 0.1}]}"
    "]}]}";

static int open(void **state)
{
    *state = bench_results_read(parse(text), "a test");
    return *state == NULL;
}

static int close(void **state)
{
    bench_results_close(*state);
    return 0;
}

static void rows_know_who_they_are(void **state)
{
    const bench_results *results = *state;
    assert_int_equal(results->n_rows, 5);
    assert_string_equal(results->rows[0]->label, "fast:1");
    assert_string_equal(results->rows[1]->label, "slow");
    assert_string_equal(results->rows[3]->label, "peer eager");
    assert_string_equal(results->rows[0]->work, "train convnet f32 64");
    assert_string_equal(results->rows[0]->work, results->rows[1]->work);
}

/* The baseline is sought among rows of the same work. */
static void what_computes_otherwise_is_other_work(void **state)
{
    const bench_results *results = *state;
    assert_string_equal(results->rows[0]->math, "f32"); /* the dtype, where nothing else is said */
    assert_string_equal(results->rows[4]->math, "tf32");
    assert_string_equal(results->rows[4]->work, "train convnet tf32 64");
    assert_ptr_equal(bench_baseline_of(results->rows[0]), results->rows[1]);
    assert_ptr_equal(bench_baseline_of(results->rows[4]), results->rows[4]);
}

static void samples_become_figures(void **state)
{
    const bench_row *row = ((const bench_results *)*state)->rows[0];
    ASSERT_NEAR(row->rate.value, 128);
    ASSERT_NEAR(row->step.p50, 0.3);
    assert_int_equal(row->n_times, 3);
    ASSERT_NEAR(row->epoch_seconds, 2);
    ASSERT_NEAR(row->accuracy, 0.971);
    ASSERT_NEAR(row->time_to_target, 4);
    ASSERT_NEAR(row->start_up, 0.5);
    assert_true(isnan(row->device_peak) && isnan(row->first_step));
}

static void the_profile_adds_up(void **state)
{
    const bench_profile *profile = &((const bench_results *)*state)->rows[0]->profile;
    assert_string_equal(profile->operators[0].op, "conv2d"); /* longest first */
    ASSERT_NEAR(profile->in_operators, 0.25);
    ASSERT_NEAR(profile->in_operators + profile->idle, 0.3);
    ASSERT_NEAR(profile->data + profile->forward + profile->backward + profile->optimizer + profile->other, 0.3);
}

/* add moves 800 bytes a call, which fit into the cache; conv2d is bound by arithmetic. */
static void the_roofline_is_that_of_each_operator(void **state)
{
    const bench_row *row = ((const bench_results *)*state)->rows[0];
    ASSERT_NEAR(bench_peak_for(row->limits, "f32"), 100e9);
    ASSERT_NEAR(bench_peak_for(row->limits, "f64"), 50e9);
    ASSERT_NEAR(bench_peak_for(row->limits, "tf32"), 900e9);
    ASSERT_NEAR(bench_bandwidth_at(row->limits, 1000), 80e9);
    ASSERT_NEAR(bench_bandwidth_at(row->limits, 1001), 10e9);
    ASSERT_NEAR(bench_bandwidth_at(row->limits, 1e12), 10e9);
    assert_true(isnan(bench_bandwidth_at(NULL, 1)));
    double add = 1600 / 80e9, conv2d = 3e9 / 100e9;
    ASSERT_NEAR(row->bound, add + conv2d);
    ASSERT_NEAR(row->roofline, (add + conv2d) / 0.3);
    ASSERT_NEAR(row->attained, 3.000001e9 / 0.3);
    assert_true(isnan(((const bench_results *)*state)->rows[1]->roofline));
}

static void speedups_are_paired_within_a_run(void **state)
{
    const bench_results *results = *state;
    const bench_row *baseline = bench_baseline_of(results->rows[0]);
    assert_ptr_equal(baseline, results->rows[1]);
    bench_interval speedup = bench_speedup(results->rows[0], baseline);
    ASSERT_NEAR(speedup.value, 2); /* in each round, however long it was */
    ASSERT_NEAR(speedup.low, 2);
    ASSERT_NEAR(speedup.high, 2);
    assert_null(bench_baseline_of(results->rows[2])); /* it has no figure itself */
    results->runs[0].baseline = "nobody";
    assert_null(bench_baseline_of(results->rows[0]));
}

static void errors_and_fallbacks_do_not_count(void **state)
{
    const bench_results *results = *state;
    assert_true(bench_row_counts(results->rows[0]));
    assert_false(bench_row_counts(results->rows[2]));
    assert_false(bench_row_counts(results->rows[3]));
    assert_string_equal(results->rows[2]->error, "no f64");
    assert_string_equal(results->rows[3]->fell_back, "add");
}

static void summaries_hold_what_was_derived(void **state)
{
    bench_results *results = *state;
    bench_summarise(results);
    const json_t *rows = json_object_get(json_array_get(json_object_get(results->document, "runs"), 0), "rows");
    const json_t *summary = json_object_get(json_array_get(rows, 0), "summary");
    ASSERT_NEAR(json_number_value(json_object_get(summary, "rate")), 128);
    assert_true(json_is_true(json_object_get(summary, "counts")));
    assert_null(json_object_get(json_object_get(json_array_get(rows, 2), "summary"), "rate"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_know_who_they_are, open, close),
        cmocka_unit_test_setup_teardown(what_computes_otherwise_is_other_work, open, close),
        cmocka_unit_test_setup_teardown(samples_become_figures, open, close),
        cmocka_unit_test_setup_teardown(the_profile_adds_up, open, close),
        cmocka_unit_test_setup_teardown(the_roofline_is_that_of_each_operator, open, close),
        cmocka_unit_test_setup_teardown(speedups_are_paired_within_a_run, open, close),
        cmocka_unit_test_setup_teardown(errors_and_fallbacks_do_not_count, open, close),
        cmocka_unit_test_setup_teardown(summaries_hold_what_was_derived, open, close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
