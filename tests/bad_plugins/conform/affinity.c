/* SPDX-License-Identifier: Apache-2.0
 *
 * Binds the thread that opens a device to a CPU. */
#include "vendor.h"

#include <sched.h>

NOTE;

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    return vendor_device_open(index, device, error);
}

QUERY
{
    vendor.device_open = device_open;
    return vendor_query(host, plugin, error);
}
