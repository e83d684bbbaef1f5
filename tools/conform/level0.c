/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 0: the binary, and what can be asked of it without a device. */
#include "parts.h"

static void loads(conform_run *run)
{
    if (conform_load(run)) run->compared++;
}

const conform_check conform_level0[] = {
    {"binary.loads", "it can be loaded, and its query gives a table", loads, false},
    {0},
};
