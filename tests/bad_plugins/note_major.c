/* SPDX-License-Identifier: Apache-2.0
 *
 * Its note says that it was made for another major version. */
#include "base.h"
#include "note.h"
#include "trace.h"

NOTE(TN_ABI_MAJOR + 1, "base", "", TN_NOTE_SANITIZER);
TRACE("note_major");

QUERY
{
    *plugin = &base;
    return TN_OK;
}
