/* SPDX-License-Identifier: Apache-2.0
 *
 * Made for a later minor version, whose table is longer. */
#include "base.h"

QUERY
{
    static struct {
        tn_plugin table;
        void *more[4];
    } later;
    later.table = base;
    later.table.struct_size = sizeof later;
    later.table.abi_minor = TN_ABI_MINOR + 7;
    *plugin = &later.table;
    return TN_OK;
}
