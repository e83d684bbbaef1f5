/* SPDX-License-Identifier: Apache-2.0
 *
 * Of the library's vendor, but of another version. */
#include "base.h"
#include "trace.h"

TN_PLUGIN_NOTE("elder", "0.0.1", "Tenon", "", "");
TRACE("elder");

QUERY
{
    base.name = "elder";
    base.version = "0.0.1";
    base.vendor = "Tenon";
    *plugin = &base;
    return TN_OK;
}
