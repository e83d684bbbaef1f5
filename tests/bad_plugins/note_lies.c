/* SPDX-License-Identifier: Apache-2.0
 *
 * Its note gives another name than its table. */
#include "base.h"

TN_PLUGIN_NOTE("honest", "1.0", "Tenon's tests", "", "");

QUERY
{
    *plugin = &base;
    return TN_OK;
}
