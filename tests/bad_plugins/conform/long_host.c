/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes for granted that the host has all that its own header has. */
#include "vendor.h"

NOTE;

QUERY
{
    if (host->get_extension("test", 1)) return TN_UNSUPPORTED;
    return vendor_query(host, plugin, error);
}
