/* SPDX-License-Identifier: Apache-2.0
 *
 * Query succeeds, but gives nothing. */
#include "base.h"

QUERY
{
    *plugin = NULL;
    return TN_OK;
}
