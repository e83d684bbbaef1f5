/* SPDX-License-Identifier: Apache-2.0
 *
 * A name that TENON_BACKEND could not select. */
#include "base.h"

QUERY
{
    base.name = "Bad Name";
    *plugin = &base;
    return TN_OK;
}
