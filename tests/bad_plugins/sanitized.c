/* SPDX-License-Identifier: Apache-2.0
 *
 * Its note says that it was compiled with a sanitizer that no build of Tenon uses. */
#include "base.h"
#include "note.h"
#include "trace.h"

NOTE(TN_ABI_MAJOR, "sanitized", "", "memory");
TRACE("sanitized");

QUERY
{
    base.name = "sanitized";
    *plugin = &base;
    return TN_OK;
}
