/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes descriptions for its own only if they have just the size that it was compiled with. */
#include "vendor.h"

NOTE;

static tn_status check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    if (desc->struct_size != sizeof *desc || desc->in[0]->struct_size != sizeof *desc->in[0])
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s is described by a header of another version", desc->name);
    return vendor_check(self, device, desc, error);
}

QUERY
{
    vendor_kernels[VENDOR_ADD].check = check;
    return vendor_query(host, plugin, error);
}
