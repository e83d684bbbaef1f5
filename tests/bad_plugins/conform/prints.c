/* SPDX-License-Identifier: Apache-2.0
 *
 * Greets on standard output. */
#include "vendor.h"

NOTE;

QUERY
{
    puts("vendor 1.0");
    return vendor_query(host, plugin, error);
}
