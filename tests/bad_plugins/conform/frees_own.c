/* SPDX-License-Identifier: Apache-2.0
 *
 * Gives the host back what it never had from it. */
#include "vendor.h"

NOTE;

static void event_destroy(tn_device *device TN_UNUSED, tn_event *event)
{
    vendor_host->free((char *)event + 64);
}

static tn_status event_create(tn_device *device TN_UNUSED, tn_event **event, tn_error *error)
{
    void *memory = calloc(1, 256);
    *event = memory;
    return memory ? TN_OK : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for an event");
}

QUERY
{
    vendor.event_create = event_create;
    vendor.event_destroy = event_destroy;
    return vendor_query(host, plugin, error);
}
