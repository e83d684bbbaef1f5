/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked to a library that is not there when it is loaded. */
#include "base.h"

int tenon_test_gone(void);

QUERY
{
    if (tenon_test_gone()) return TN_INTERNAL;
    *plugin = &base;
    return TN_OK;
}
