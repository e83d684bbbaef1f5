/* SPDX-License-Identifier: Apache-2.0
 *
 * The same vendor, with memory that the host cannot reach. */
#include "vendor.h"

NOTE;

QUERY
{
    vendor_far = (uintptr_t)1 << 62; /* no address of a user's process has this bit */
    return vendor_query(host, plugin, error);
}
