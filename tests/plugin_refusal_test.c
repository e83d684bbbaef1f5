/* SPDX-License-Identifier: Apache-2.0
 *
 * Plugins that the loader refuses once it has tried or loaded them: each gets one clear sentence, and the reference
 * backend goes on working. */
#include "plugins.h"

static void plugins_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *rule, *phrase;
    } rows[] = {
        {"good", "no rule", "usable"},
        {"noted", "no rule", "usable"},
        {"future_minor", "no rule", "usable"},
        {"prints", "no rule", "usable"},
        {"no_symbol", "symbol", "does not export tn_plugin_query_v1"},
        {"undefined_symbol", "symbol", "undefined symbol: tenon_test_nobody_has_this"},
        {"needs_library", "library", "libtenon_test_gone.so.7: cannot open shared object file"},
        {"wrong_major", "abi", "built for ABI 2."},
        {"short_table", "table", "fewer than"},
        {"missing_function", "table", "no memory_copy"},
        {"no_table", "table", "gave no table"},
        {"no_kernels", "table", "no kernels"},
        {"bad_name", "table", "\"Bad Name\" is not usable"},
        {"declines", "declined", "this machine has no moonlight"},
        {"no_device", "device", "no driver: testErrorInsufficientDriver (35)"},
        {"count_fails", "device", "the bus is on fire"},
        {"crashes", "crash", "signal 11"},
        {"aborts", "crash", "signal 6"},
        {"early_abort", "crash", "signal 6"},
        {"exits", "crash", "exit code 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refusal(built(rows[i].name), rows[i].rule, rows[i].phrase);
}

static void a_plugin_that_throws_is_refused(void **state)
{
    (void)state;
    if (access(built("throws"), R_OK) != 0) skip(); /* there is no C++ compiler */
    assert_refusal(built("throws"), "crash", "an exception left it");
    assert_refusal(built("early_throws"), "crash", "an exception left it");
}

static void a_plugin_that_hangs_is_refused(void **state)
{
    (void)state;
    assert_refusal(built("hangs"), "timeout", "did not answer within 10 s");
}

static void no_slot_of_the_table_may_be_empty(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t offset;
    } slots[] = {
#define SLOT(field) {#field, offsetof(tn_plugin, field)}
        SLOT(name),        SLOT(version),       SLOT(vendor),        SLOT(library),       SLOT(device_count),
        SLOT(device_info), SLOT(device_open),   SLOT(device_close),  SLOT(memory_alloc),  SLOT(memory_free),
        SLOT(memory_copy), SLOT(memory_fill),   SLOT(memory_info),   SLOT(stream_create), SLOT(stream_destroy),
        SLOT(stream_sync), SLOT(event_create),  SLOT(event_destroy), SLOT(event_record),  SLOT(event_wait),
        SLOT(event_query), SLOT(event_elapsed), SLOT(get_extension), SLOT(shutdown),
#undef SLOT
    };
    setenv("TENON_PROBE", "none", 1); /* it is sound but for that */
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        char offset[20], phrase[60];
        snprintf(offset, sizeof offset, "%zu", slots[i].offset);
        snprintf(phrase, sizeof phrase, "its table has no %s", slots[i].name);
        setenv("TENON_TEST_SLOT", offset, 1);
        assert_refusal(built("missing_slot"), "table", phrase);
    }
    unsetenv("TENON_TEST_SLOT");
    assert_usable(built("missing_slot")); /* with all of them */
    unsetenv("TENON_PROBE");
}

/* No core needs a later minor than 0 yet, so that no plugin is too old: the rule itself is tested. */
static void an_older_minor_than_the_core_needs_is_not_compatible(void **state)
{
    (void)state;
    assert_true(tn_abi_compatible(TN_ABI_MAJOR, 0, 0));
    assert_true(tn_abi_compatible(TN_ABI_MAJOR, 7, 0));
    assert_true(tn_abi_compatible(TN_ABI_MAJOR, 2, 2));
    assert_false(tn_abi_compatible(TN_ABI_MAJOR, 1, 2));
    assert_false(tn_abi_compatible(TN_ABI_MAJOR - 1, 9, 0));
    assert_false(tn_abi_compatible(TN_ABI_MAJOR + 1, 0, 0));
}

/* ---- trying first */

static void offer_noted(FILE *out, const char *wanted)
{
    setenv("TENON_PROBE", wanted, 1);
    offer(out, built("noted"));
}

static void whether_a_plugin_is_tried_first_can_be_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *wanted;
        int loads;
    } rows[] = {{"foreign", 2}, {"all", 2}, {"none", 1}, {"", 2}, {"perhaps", 2}};
    take_traces("noted");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_says(in_child(offer_noted, rows[i].wanted), "usable");
        assert_int_equal(take_traces("noted"), rows[i].loads);
    }
}

/* Its note says that it came with the library, but it does not lie beside it. */
static void a_note_alone_earns_no_trust(void **state)
{
    (void)state;
    assert_usable(built("ours"));
    assert_int_equal(take_traces("ours"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_that_break_a_rule_are_refused),
        cmocka_unit_test(a_plugin_that_throws_is_refused),
        cmocka_unit_test(a_plugin_that_hangs_is_refused),
        cmocka_unit_test(no_slot_of_the_table_may_be_empty),
        cmocka_unit_test(an_older_minor_than_the_core_needs_is_not_compatible),
        cmocka_unit_test(whether_a_plugin_is_tried_first_can_be_chosen),
        cmocka_unit_test(a_note_alone_earns_no_trust),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
