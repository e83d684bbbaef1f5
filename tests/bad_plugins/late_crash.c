/* SPDX-License-Identifier: Apache-2.0
 *
 * Survives being tried, and crashes when its device is described. */
#include "base.h"

#include <signal.h>

static tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    (void)index, (void)info, (void)error;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return TN_INTERNAL;
}

QUERY
{
    base.name = "late_crash";
    base.device_info = device_info;
    *plugin = &base;
    return TN_OK;
}
