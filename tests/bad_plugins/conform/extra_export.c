/* SPDX-License-Identifier: Apache-2.0
 *
 * Exports a helper besides the entry symbol. */
#include "vendor.h"

NOTE;

TN_EXPORT int vendor_helper(void);

int vendor_helper(void)
{
    return 1;
}

QUERY
{
    return vendor_query(host, plugin, error);
}
