/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls a function of the core by name. */
#include "vendor.h"

NOTE;

const char *tn_version(void);

QUERY
{
    vendor.library = tn_version();
    return vendor_query(host, plugin, error);
}
