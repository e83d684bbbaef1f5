/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is wrong with this one either; it has a note, and tells when it is loaded. */
#include "base.h"
#include "trace.h"

TN_PLUGIN_NOTE("noted", "1.0", "Tenon's tests", "", "libm.so.6 libtenon_nonesuch.so.3");
TRACE("noted");

QUERY
{
    base.name = "noted";
    *plugin = &base;
    return TN_OK;
}
