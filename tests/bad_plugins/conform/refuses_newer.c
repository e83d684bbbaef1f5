/* SPDX-License-Identifier: Apache-2.0
 *
 * Declines a host whose minor version is not its own. */
#include "vendor.h"

NOTE;

QUERY
{
    if (host->abi_minor != TN_ABI_MINOR)
        return tn_fail(error, TN_UNSUPPORTED, 0, "this plugin wants ABI 1.%d, not 1.%u", TN_ABI_MINOR, host->abi_minor);
    return vendor_query(host, plugin, error);
}
