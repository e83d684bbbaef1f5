/* SPDX-License-Identifier: Apache-2.0
 *
 * Its device is there, but cannot be opened. */
#include "base.h"

static tn_status fails(uint32_t index, tn_device **device, tn_error *error)
{
    (void)index, (void)device;
    return tn_fail(error, TN_INTERNAL, 46, "another process holds the device");
}

QUERY
{
    base.device_open = fails;
    *plugin = &base;
    return TN_OK;
}
