/* SPDX-License-Identifier: Apache-2.0
 *
 * Its table lacks what lies at the offset $TENON_TEST_SLOT. */
#include "base.h"

QUERY
{
    const char *offset = getenv("TENON_TEST_SLOT");
    if (offset) memset((char *)&base + atoi(offset), 0, sizeof(void *));
    *plugin = &base;
    return TN_OK;
}
