/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting its devices fails. */
#include "base.h"

static tn_status fails(uint32_t *count, tn_error *error)
{
    *count = 99;
    return tn_fail(error, TN_INTERNAL, 9, "the bus is on fire");
}

QUERY
{
    base.device_count = fails;
    *plugin = &base;
    return TN_OK;
}
