/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims kernels that it does not have. */
#include "base.h"

QUERY
{
    base.n_kernels = 3;
    *plugin = &base;
    return TN_OK;
}
