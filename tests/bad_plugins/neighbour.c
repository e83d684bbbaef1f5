/* SPDX-License-Identifier: Apache-2.0
 *
 * Of the library's version, but of another vendor. */
#include "base.h"
#include "trace.h"

TN_PLUGIN_NOTE("neighbour", TEST_VERSION, "Tenon's tests", "", "");
TRACE("neighbour");

QUERY
{
    base.name = "neighbour";
    base.version = TEST_VERSION;
    base.vendor = "Tenon's tests";
    *plugin = &base;
    return TN_OK;
}
