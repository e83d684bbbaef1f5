/* SPDX-License-Identifier: Apache-2.0
 *
 * Notes that TN_PLUGIN_NOTE would not write. */
#ifndef TENON_TEST_NOTE_H
#define TENON_TEST_NOTE_H

#include "tenon_abi.h"

#define NOTE(major, name, cpu, sanitizer)                   \
    TN_NOTE_PLACE static const tn_note_record test_note = { \
        sizeof(TN_NOTE_OWNER),                              \
        sizeof(tn_plugin_note),                             \
        TN_NOTE_TYPE,                                       \
        TN_NOTE_OWNER,                                      \
        {sizeof(tn_plugin_note), major, TN_ABI_MINOR, name, "1.0", "Tenon's tests", cpu, "", sanitizer}}

#endif
