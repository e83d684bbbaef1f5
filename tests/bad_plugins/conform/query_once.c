/* SPDX-License-Identifier: Apache-2.0
 *
 * Cannot be asked twice. */
#include "vendor.h"

NOTE;

static int asked;

QUERY
{
    if (asked++) abort();
    return vendor_query(host, plugin, error);
}
