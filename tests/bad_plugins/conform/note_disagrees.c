/* SPDX-License-Identifier: Apache-2.0
 *
 * Its note is that of another version. */
#include "vendor.h"

TN_PLUGIN_NOTE("vendor", "2.0", "Tenon's tests", "", "");

QUERY
{
    return vendor_query(host, plugin, error);
}
