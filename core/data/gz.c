/* SPDX-License-Identifier: Apache-2.0
 *
 * zlib's gzFile with sentences for errors: it passes raw files through and checks the sums of gzipped ones. */
#include "data/gz.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 17, CHUNK_BYTES = 1 << 30 };
enum { BEST_RATIO = 1032 }; /* of deflate: 258 bytes from two bits */

static tn_status wrong(const tn__gz *gz, tn_error *error)
{
    int code = Z_OK;
    const char *why = gzerror(gz->file, &code);
    if (code == Z_ERRNO)
        return tn_fail(error, TN_IO, errno, "%s: reading failed: %s; check the disk", gz->path, strerror(errno));
    if (code == Z_MEM_ERROR) return tn_fail(error, TN_OUT_OF_MEMORY, code, "%s: no memory to decompress it", gz->path);
    if (code == Z_BUF_ERROR)
        return tn_fail(error, TN_CORRUPT, code,
                       "%s: corrupt gzip: the file of %llu bytes ends too early; fetch it again", gz->path,
                       (unsigned long long)gz->size);
    const char *reason = strstr(why, ": "); /* zlib puts its own name of the file before it */
    return tn_fail(error, TN_CORRUPT, code, "%s: corrupt gzip: %s; fetch the file again", gz->path,
                   reason ? reason + 2 : why);
}

static tn_status open_regular(const char *path, int *fd, uint64_t *size, tn_error *error)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block us */
    if (*fd < 0) {
        tn_status status = errno == ENOENT ? TN_NOT_FOUND : TN_IO;
        return tn_fail(error, status, errno, "%s: cannot be opened: %s", path, strerror(errno));
    }
    if (fstat(*fd, &info) == 0 && S_ISREG(info.st_mode)) {
        *size = (uint64_t)info.st_size;
        return TN_OK;
    }
    close(*fd);
    return tn_fail(error, TN_IO, 0, "%s: is no regular file", path);
}

tn_status tn__gz_open(tn__gz *gz, const char *path, tn_error *error)
{
    int fd = -1;
    *gz = (tn__gz){.path = path};
    tn_status status = open_regular(path, &fd, &gz->size, error);
    if (status != TN_OK) return status;
    gz->file = gzdopen(fd, "rb");
    if (!gz->file) {
        close(fd);
        return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory to read it", path);
    }
    gzbuffer(gz->file, BUFFER_BYTES);
    return TN_OK;
}

tn_status tn__gz_read(tn__gz *gz, void *buffer, uint64_t bytes, uint64_t *got, tn_error *error)
{
    *got = 0;
    while (*got < bytes) {
        uint64_t left = bytes - *got;
        int n = gzread(gz->file, (char *)buffer + *got, left < CHUNK_BYTES ? (unsigned)left : (unsigned)CHUNK_BYTES);
        int code = Z_OK;
        if (n < 0) return wrong(gz, error);
        if (n == 0) {
            gzerror(gz->file, &code); /* a short stream is told only here */
            return code == Z_OK || code == Z_STREAM_END ? TN_OK : wrong(gz, error);
        }
        *got += (uint64_t)n;
    }
    return TN_OK;
}

tn_status tn__gz_skip(tn__gz *gz, uint64_t bytes, tn_error *error)
{
    if (bytes > INT64_MAX || gzseek(gz->file, (z_off_t)bytes, SEEK_CUR) < 0) return wrong(gz, error);
    return TN_OK;
}

tn_status tn__gz_rewind(tn__gz *gz, tn_error *error)
{
    return gzrewind(gz->file) == 0 ? TN_OK : wrong(gz, error);
}

uint64_t tn__gz_limit(const tn__gz *gz)
{
    if (gzdirect(gz->file)) return gz->size;
    return gz->size > UINT64_MAX / BEST_RATIO ? UINT64_MAX : gz->size * BEST_RATIO;
}

void tn__gz_close(tn__gz *gz)
{
    if (gz->file) gzclose_r(gz->file);
    gz->file = NULL;
}

tn_status tn__gz_read_file(const char *path, void *buffer, uint64_t capacity, uint64_t *got, tn_error *error)
{
    tn__gz gz;
    tn_status status = tn__gz_open(&gz, path, error);
    if (status != TN_OK) return status;
    status = tn__gz_read(&gz, buffer, capacity, got, error);
    tn__gz_close(&gz);
    return status;
}
