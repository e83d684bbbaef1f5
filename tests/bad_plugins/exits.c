/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends the process while it is loaded. */
#include "base.h"

__attribute__((constructor)) static void leave(void)
{
    exit(0);
}

QUERY
{
    *plugin = &base;
    return TN_OK;
}
