/* SPDX-License-Identifier: Apache-2.0
 *
 * Aborts while it is asked. */
#include "base.h"

QUERY
{
    abort();
}
