/* SPDX-License-Identifier: Apache-2.0
 *
 * Plugins that tell that their code has run: TRACE(name) makes a constructor that adds a byte to the file `name` in the
 * folder $TENON_TEST_TRACE. */
#ifndef TENON_TEST_TRACE_H
#define TENON_TEST_TRACE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void leave_trace(const char *name)
{
    const char *folder = getenv("TENON_TEST_TRACE");
    char path[4096];
    if (!folder) return;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0 || write(file, "x", 1) != 1) abort();
    close(file);
}

#define TRACE(name)                                      \
    __attribute__((constructor)) static void trace(void) \
    {                                                    \
        leave_trace(name);                               \
    }                                                    \
    TN_STATIC_ASSERT(sizeof(name) > 1, "a trace has a name")

#endif
