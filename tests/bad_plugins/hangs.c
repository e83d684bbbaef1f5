/* SPDX-License-Identifier: Apache-2.0
 *
 * Never answers. */
#include "base.h"

#include <unistd.h>

QUERY
{
    *plugin = &base;
    for (;;) pause();
}
