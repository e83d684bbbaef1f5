/* SPDX-License-Identifier: Apache-2.0
 *
 * The name in its note is none. */
#include "base.h"
#include "note.h"
#include "trace.h"

NOTE(TN_ABI_MAJOR, "auto", "", TN_NOTE_SANITIZER);
TRACE("note_name");

QUERY
{
    *plugin = &base;
    return TN_OK;
}
