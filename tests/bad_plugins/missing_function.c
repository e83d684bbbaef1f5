/* SPDX-License-Identifier: Apache-2.0
 *
 * One function of the table is NULL. */
#include "base.h"

QUERY
{
    base.memory_copy = NULL;
    *plugin = &base;
    return TN_OK;
}
