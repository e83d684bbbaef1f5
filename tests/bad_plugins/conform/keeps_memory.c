/* SPDX-License-Identifier: Apache-2.0
 *
 * Has something left after shutdown. */
#include "vendor.h"

NOTE;

static void *kept;

QUERY
{
    if (!kept && host->abi_major == TN_ABI_MAJOR && TN_HAS_FIELD(host, tn_host_api, alloc)) kept = host->alloc(100, 8);
    return vendor_query(host, plugin, error);
}
