/* SPDX-License-Identifier: Apache-2.0
 *
 * The table ends before what 1.0 has. */
#include "base.h"

QUERY
{
    base.struct_size = offsetof(tn_plugin, get_extension);
    *plugin = &base;
    return TN_OK;
}
