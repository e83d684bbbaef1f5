/* SPDX-License-Identifier: Apache-2.0
 *
 * Needs two features of a CPU, by name. */
#include "base.h"

TN_PLUGIN_NOTE("features", "1.0", "Tenon's tests", "avx2 fma", "");

QUERY
{
    base.name = "features";
    *plugin = &base;
    return TN_OK;
}
