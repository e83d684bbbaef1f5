/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cmocka tests of nn, optim and checkpoints share: a context of the reference backend for each test, and
 * assertions on its error. */
#ifndef TENON_CHECK_H
#define TENON_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tenon.h"

/* The state of a test is its context; an error that it leaves behind fails it. */
TN_UNUSED static int setup(void **state)
{
    tn_context *tn = tn_open("reference");
    if (tn_check(tn) != TN_OK) return tn_close(tn);
    *state = tn;
    return 0;
}

TN_UNUSED static int teardown(void **state)
{
    return tn_close(*state);
}
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

TN_UNUSED static void assert_good(const tn_context *tn)
{
    if (tn_check(tn) != TN_OK) fail_msg("%s", tn_message(tn));
}

/* There is an error of this status, and its message has the phrase; then it is cleared. */
TN_UNUSED static void assert_refused(tn_context *tn, tn_status status, const char *phrase)
{
    if (!strstr(tn_message(tn), phrase)) fail_msg("\"%s\" does not say \"%s\"", tn_message(tn), phrase);
    assert_string_equal(tn_status_name(tn_check(tn)), tn_status_name(status));
    tn_clear(tn);
}

#endif
