/* SPDX-License-Identifier: Apache-2.0
 *
 * Needs features that no core has heard of. */
#include "base.h"
#include "trace.h"

TN_PLUGIN_NOTE("unknown_cpu", "1.0", "Tenon's tests", "quantum tunnel", "");
TRACE("unknown_cpu");

QUERY
{
    base.name = "unknown_cpu";
    *plugin = &base;
    return TN_OK;
}
