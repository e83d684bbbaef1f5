/* SPDX-License-Identifier: Apache-2.0
 *
 * Aborts as soon as it is loaded. */
#include "base.h"

__attribute__((constructor)) static void give_up(void)
{
    abort();
}

QUERY
{
    *plugin = &base;
    return TN_OK;
}
