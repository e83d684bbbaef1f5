/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that appear whole or not at all: written beside, synced, renamed. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

static bool write_and_close(FILE *to, bool (*write)(FILE *to, const void *arg), const void *arg, bool sync)
{
    if (!to) return false;
    bool ok = write(to, arg) && fflush(to) == 0 && !ferror(to) && (!sync || fsync(fileno(to)) == 0);
    int why = errno;
    if (fclose(to) != 0 && ok) return false;
    if (!ok) errno = why;
    return ok;
}

static bool write_beside(const char *path, bool (*write)(FILE *to, const void *arg), const void *arg)
{
    char *part = NULL;
    if (asprintf(&part, "%s.%ld.part", path, (long)getpid()) < 0) return false;
    FILE *to = fopen(part, "wxe");
    bool ok = write_and_close(to, write, arg, true) && rename(part, path) == 0;
    int why = errno;
    if (!ok && to) unlink(part);
    free(part);
    errno = why;
    return ok;
}

bool tool_write_file(const char *path, bool (*write)(FILE *to, const void *arg), const void *arg)
{
    struct stat about;
    bool special = stat(path, &about) == 0 && !S_ISREG(about.st_mode);
    errno = 0;
    bool ok = special ? write_and_close(fopen(path, "we"), write, arg, false) : write_beside(path, write, arg);
    if (!ok) error(0, errno, "cannot write %s", path);
    return ok;
}
