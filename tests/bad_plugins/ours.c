/* SPDX-License-Identifier: Apache-2.0
 *
 * As if it had come with the library: its note says so. */
#include "base.h"
#include "trace.h"

TN_PLUGIN_NOTE("ours", TEST_VERSION, "Tenon", "", "");
TRACE("ours");

QUERY
{
    base.name = "ours";
    base.version = TEST_VERSION;
    base.vendor = "Tenon";
    *plugin = &base;
    return TN_OK;
}
