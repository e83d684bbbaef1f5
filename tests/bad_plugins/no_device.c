/* SPDX-License-Identifier: Apache-2.0
 *
 * No device is success, with a reason. */
#include "base.h"

static tn_status none(uint32_t *count, tn_error *reason)
{
    *count = 0;
    tn_fail(reason, TN_NOT_FOUND, 35, "no driver: testErrorInsufficientDriver (35)");
    return TN_OK;
}

QUERY
{
    base.device_count = none;
    *plugin = &base;
    return TN_OK;
}
