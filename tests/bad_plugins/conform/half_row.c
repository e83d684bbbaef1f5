/* SPDX-License-Identifier: Apache-2.0
 *
 * A row of its operators lacks a function. */
#include "vendor.h"

NOTE;

QUERY
{
    vendor_kernels[VENDOR_SUM].plan_create = NULL;
    return vendor_query(host, plugin, error);
}
