/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls a function that nobody has. */
#include "base.h"

void tenon_test_nobody_has_this(void);

QUERY
{
    tenon_test_nobody_has_this();
    *plugin = &base;
    return TN_OK;
}
