/* SPDX-License-Identifier: Apache-2.0
 *
 * Its constructor never returns. */
#include "base.h"

#include <unistd.h>

__attribute__((constructor)) static void hang(void)
{
    for (;;) pause();
}

QUERY
{
    *plugin = &base;
    return TN_OK;
}
