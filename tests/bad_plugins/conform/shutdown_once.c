/* SPDX-License-Identifier: Apache-2.0
 *
 * Cannot be shut down twice. */
#include "vendor.h"

NOTE;

static void *whole;

static void shut_down(void)
{
    free(whole);
}

QUERY
{
    if (!whole) whole = malloc(16);
    vendor.shutdown = shut_down;
    return vendor_query(host, plugin, error);
}
