/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles signals that are not its own. */
#include "vendor.h"

#include <signal.h>
#include <unistd.h>

NOTE;

static void handle(int number)
{
    _exit(number);
}

QUERY
{
    signal(SIGTERM, handle);
    return vendor_query(host, plugin, error);
}
