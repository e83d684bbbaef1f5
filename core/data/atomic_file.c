/* SPDX-License-Identifier: Apache-2.0
 *
 * Atomic files. The temporary name is made with O_EXCL rather than mkstemp, so that the umask gives its permissions. */
#include "data/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tn_atomic_file {
    char *path;      /* what it will be called, links resolved */
    char *temporary; /* what it is called now */
    int fd;          /* -1 once closed */
};

static tn_status io_error(tn_error *error, const char *what, const char *path)
{
    int code = errno;
    return tn_fail(error, TN_IO, code, "cannot %s %s: %s", what, path, strerror(code));
}

static void release(tn_atomic_file *file)
{
    if (file->fd >= 0) close(file->fd);
    free(file->temporary);
    free(file->path);
    free(file);
}

/* The name to replace: behind a symbolic link lies the file that is meant. */
static char *resolve(const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode)) {
        char *target = realpath(path, NULL);
        if (target) return target;
    }
    return strdup(path);
}

/* A fresh file beside the real one; a name that a killed process left behind is passed over. */
static int create_temporary(tn_atomic_file *file)
{
    for (int attempt = 0; attempt < 1000; attempt++) {
        free(file->temporary);
        if (asprintf(&file->temporary, "%s.%ld-%d.tmp", file->path, (long)getpid(), attempt) < 0) {
            file->temporary = NULL;
            return -1;
        }
        int fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

tn_atomic_file *tn__atomic_open(const char *path, tn_error *error)
{
    struct stat old;
    tn_atomic_file *file = calloc(1, sizeof *file);
    if (file) file->fd = -1;
    if (!file || !(file->path = resolve(path))) {
        tn_fail(error, TN_OUT_OF_MEMORY, 0, "cannot write %s: out of memory", path);
        goto fail;
    }
    bool replaces = stat(file->path, &old) == 0;
    if (replaces && !S_ISREG(old.st_mode)) {
        tn_fail(error, TN_IO, 0, "cannot write %s: it is not a regular file; give another name", path);
        goto fail;
    }
    file->fd = create_temporary(file);
    if (file->fd < 0) {
        io_error(error, "create", path);
        goto fail;
    }
    if (replaces && fchmod(file->fd, old.st_mode & 07777)) {
        io_error(error, "set the permissions of", file->temporary);
        unlink(file->temporary);
        goto fail;
    }
    return file;
fail:
    if (file) release(file);
    return NULL;
}

tn_status tn__atomic_write(tn_atomic_file *file, const void *data, size_t bytes, tn_error *error)
{
    const char *from = data;
    while (bytes > 0) {
        ssize_t written = write(file->fd, from, bytes);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return io_error(error, "write", file->path);
        from += written;
        bytes -= (size_t)written;
    }
    return TN_OK;
}

/* The rename itself must reach the disk too. Some file systems cannot sync a directory and need not. */
static tn_status sync_directory(const char *path, tn_error *error)
{
    char *copy = strdup(path);
    if (!copy) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "cannot sync the directory of %s: out of memory", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0) return TN_OK; /* writable but not readable: legal, and nothing to be done */
    tn_status status = TN_OK;
    if (fsync(fd) && errno != EINVAL && errno != ENOTSUP) status = io_error(error, "sync the directory of", path);
    close(fd);
    return status;
}

tn_status tn__atomic_commit(tn_atomic_file *file, tn_error *error)
{
    tn_status status = TN_OK;
    if (fsync(file->fd)) status = io_error(error, "write", file->path);
    if (close(file->fd) && status == TN_OK) status = io_error(error, "write", file->path);
    file->fd = -1;
    if (status == TN_OK && rename(file->temporary, file->path)) status = io_error(error, "replace", file->path);
    if (status != TN_OK)
        unlink(file->temporary);
    else
        status = sync_directory(file->path, error);
    release(file);
    return status;
}

void tn__atomic_abort(tn_atomic_file *file)
{
    if (!file) return;
    unlink(file->temporary);
    release(file);
}
