/* SPDX-License-Identifier: Apache-2.0
 *
 * Was compiled with another relu than the catalogue's. */
#include "vendor.h"

NOTE;

QUERY
{
    vendor_kernels[VENDOR_RELU].schema = "relu/1(x:T[...]; slope:f64) -> y:T[...]";
    return vendor_query(host, plugin, error);
}
