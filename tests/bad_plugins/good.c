/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is wrong with this one. */
#include "base.h"

QUERY
{
    *plugin = &base;
    return TN_OK;
}
