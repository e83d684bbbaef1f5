/* SPDX-License-Identifier: Apache-2.0
 *
 * The same vendor, whose work is done when a call returns. */
#include "vendor.h"

NOTE;

QUERY
{
    vendor_synchronous = 1;
    return vendor_query(host, plugin, error);
}
