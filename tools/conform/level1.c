/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 1: memory and streams. */
#include "parts.h"

static void opens(conform_run *run)
{
    tn_context *tn = conform_open(run, false);
    if (!tn) return;
    run->compared++;
    conform_close(run, tn);
}

const conform_check conform_level1[] = {
    {"device.opens", "a context can be opened on its device", opens, false},
    {0},
};
