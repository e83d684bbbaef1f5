/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes every version of an extension for its own. */
#include "vendor.h"

NOTE;

static const void *get_extension(const char *name, uint32_t version TN_UNUSED)
{
    return vendor_get_extension(name, 1);
}

QUERY
{
    vendor.get_extension = get_extension;
    return vendor_query(host, plugin, error);
}
