/* SPDX-License-Identifier: Apache-2.0
 *
 * Does not look at the host's major version. */
#include "vendor.h"

NOTE;

QUERY
{
    vendor_host = host;
    *plugin = &vendor;
    return TN_OK;
}
