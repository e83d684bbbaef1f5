/* SPDX-License-Identifier: Apache-2.0
 *
 * Crashes in a constructor, before anything could be asked. */
#include "base.h"

#include <signal.h>

__attribute__((constructor)) static void crash(void)
{
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

QUERY
{
    *plugin = &base;
    return TN_OK;
}
