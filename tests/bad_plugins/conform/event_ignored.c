/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets no stream wait for another. */
#include "vendor.h"

NOTE;

static tn_status event_wait(tn_device *device TN_UNUSED, tn_event *event TN_UNUSED, tn_stream *stream TN_UNUSED,
                            tn_error *error TN_UNUSED)
{
    return TN_OK;
}

QUERY
{
    vendor_pause = 2000;
    vendor.event_wait = event_wait;
    return vendor_query(host, plugin, error);
}
