/* SPDX-License-Identifier: Apache-2.0
 *
 * Crashes as soon as it is loaded; its note gives its name, so that who does not want it need not load it. */
#include "base.h"
#include "trace.h"

#include <signal.h>

TN_PLUGIN_NOTE("unwanted", "1.0", "Tenon's tests", "", "");

__attribute__((constructor)) static void crash(void)
{
    leave_trace("unwanted");
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

QUERY
{
    *plugin = &base;
    return TN_OK;
}
