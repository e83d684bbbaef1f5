/* SPDX-License-Identifier: Apache-2.0
 *
 * Has no note. */
#include "vendor.h"

QUERY
{
    return vendor_query(host, plugin, error);
}
