/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may give us code to run. A plugin must be a regular file at a real absolute path, owned by root, by the user, or
 * by whoever owns libtenon (that one is trusted already); nobody else may be able to replace it. */
#include "engine/backend.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool owner_trusted(uid_t owner)
{
    struct stat library;
    const char *dir = tn__library_dir();
    return owner == 0 || owner == geteuid() || (dir && stat(dir, &library) == 0 && owner == library.st_uid);
}

/* A directory above the file: writable by everyone only if sticky; the file's own not even then. */
static const char *distrust_directories(const char *path, const char **rule, char *buffer, size_t size)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", path);
    for (bool own = true; strcmp(dir, "/") != 0; own = false) {
        char *parent = dirname(dir);
        struct stat status;
        if (parent != dir) memmove(dir, parent, strlen(parent) + 1);
        if (stat(dir, &status) != 0) {
            snprintf(buffer, size, "its directory %s cannot be examined: %s", dir, strerror(errno));
            return buffer;
        }
        *rule = "writable";
        if (status.st_mode & S_IWOTH && (own || !(status.st_mode & S_ISVTX))) {
            snprintf(buffer, size, "everyone may write to %s %s; chmod o-w it",
                     own ? "its directory" : "the directory above it,", dir);
            return buffer;
        }
        if (status.st_mode & S_IWGRP && own)
            tn_log_line(TN_LOG_INFO, "a group may write to %s, which holds a plugin", dir);
    }
    return NULL;
}

const char *tn__distrust(const char *path, char **real, const char **rule, char *buffer, size_t size)
{
    struct stat status;
    *real = NULL;
    *rule = "path";
    if (path[0] != '/')
        snprintf(buffer, size, "its path is not absolute");
    else if (!(*real = realpath(path, NULL)))
        snprintf(buffer, size, "it cannot be reached: %s", strerror(errno));
    else if (stat(*real, &status) != 0)
        snprintf(buffer, size, "it cannot be examined: %s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
        snprintf(buffer, size, "it is not a regular file");
    else if (!owner_trusted(status.st_uid)) {
        *rule = "owner";
        snprintf(buffer, size, "it belongs to user %u, not to root, to you or to the owner of libtenon", status.st_uid);
    } else if (status.st_mode & S_IWOTH) {
        *rule = "writable";
        snprintf(buffer, size, "everyone may write to it; chmod o-w it");
    } else {
        if (status.st_mode & S_IWGRP) tn_log_line(TN_LOG_INFO, "a group may write to %s, which is a plugin", *real);
        return distrust_directories(*real, rule, buffer, size);
    }
    return buffer;
}
