/* SPDX-License-Identifier: Apache-2.0
 *
 * One plugin, built for several CPUs: VARIANT says for which. */
#include "base.h"
#include "trace.h"

TN_PLUGIN_NOTE("variant", "1.0", "Tenon's tests", VARIANT, "");
TRACE(VARIANT);

QUERY
{
    base.name = "variant";
    base.library = VARIANT;
    *plugin = &base;
    return TN_OK;
}
