/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets a variable of the environment. */
#include "vendor.h"

NOTE;

QUERY
{
    setenv("VENDOR_DEVICES", "1", 1);
    return vendor_query(host, plugin, error);
}
