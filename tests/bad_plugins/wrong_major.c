/* SPDX-License-Identifier: Apache-2.0
 *
 * Built for another major version of the ABI. */
#include "base.h"

QUERY
{
    base.abi_major = TN_ABI_MAJOR + 1;
    *plugin = &base;
    return TN_OK;
}
