/* SPDX-License-Identifier: Apache-2.0
 *
 * A variant that asks for more than variant_1, and crashes. */
#include "base.h"

#include <signal.h>

TN_PLUGIN_NOTE("variant", "1.0", "Tenon's tests", "x86-64-v2", "");

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
