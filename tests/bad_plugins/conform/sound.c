/* SPDX-License-Identifier: Apache-2.0
 *
 * The vendor as it is: nothing is wrong with it. */
#include "vendor.h"

NOTE;

QUERY
{
    return vendor_query(host, plugin, error);
}
