/* SPDX-License-Identifier: Apache-2.0
 *
 * Offers an operator twice. */
#include "vendor.h"

NOTE;

QUERY
{
    vendor_kernels[VENDOR_MUL].schema = TN_SCHEMA(add);
    return vendor_query(host, plugin, error);
}
