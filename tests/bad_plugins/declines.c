/* SPDX-License-Identifier: Apache-2.0
 *
 * Says in a sentence that it will not. */
#include "base.h"

QUERY
{
    return tn_fail(error, TN_UNSUPPORTED, 7, "this machine has no moonlight");
}
