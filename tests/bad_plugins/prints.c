/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints to standard output whenever it gets a chance. */
#include "base.h"

#include <stdio.h>

__attribute__((constructor)) static void greet(void)
{
    puts("hello from the constructor");
}

static tn_status device_count(uint32_t *count, tn_error *reason)
{
    puts("{\"hello\": \"from device_count\"}");
    fflush(stdout);
    return base_device_count(count, reason);
}

QUERY
{
    puts("hello from query");
    base.name = "prints";
    base.device_count = device_count;
    *plugin = &base;
    return TN_OK;
}
