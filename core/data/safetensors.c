/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors reader: the whole file is read to memory, checked, and handed out as tensors. */
#include "data/safetensors.h"
#include "tenon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tn_safetensors {
    tn_context *tn;
    char *path;
    uint8_t *bytes;
    tn_safetensors_index index;
};

static tn_status read_all(int fd, uint8_t *bytes, size_t size, tn_error *error)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, bytes + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return tn_fail(error, TN_IO, errno, "it cannot be read: %s", strerror(errno));
        if (n == 0) return tn_fail(error, TN_IO, 0, "it became shorter while it was read");
        done += (size_t)n;
    }
    return TN_OK;
}

static tn_status read_open_file(int fd, uint8_t **bytes, size_t *size, tn_error *error)
{
    struct stat status;
    if (fstat(fd, &status)) return tn_fail(error, TN_IO, errno, "it cannot be read: %s", strerror(errno));
    if (!S_ISREG(status.st_mode)) return tn_fail(error, TN_IO, 0, "it is not a regular file");
    *size = (size_t)status.st_size;
    *bytes = malloc(*size + 1);
    if (!*bytes) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for its %zu bytes", *size);
    return read_all(fd, *bytes, *size, error);
}

/* Not blocking, because the path may name a pipe. *bytes is to be freed even after a failure. */
static tn_status read_file(const char *path, uint8_t **bytes, size_t *size, tn_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return tn_fail(error, errno == ENOENT ? TN_NOT_FOUND : TN_IO, errno, "it cannot be opened: %s",
                       strerror(errno));
    tn_status status = read_open_file(fd, bytes, size, error);
    close(fd);
    return status;
}

tn_safetensors *tn_safetensors_open(tn_context *tn, const char *path)
{
    size_t size = 0;
    tn_error error = {.struct_size = sizeof error};
    if (tn_check(tn) != TN_OK) return NULL;
    tn_safetensors *file = calloc(1, sizeof *file);
    if (!file || !(file->path = strdup(path))) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory", path);
        goto fail;
    }
    file->tn = tn;
    tn_status status = read_file(path, &file->bytes, &size, &error);
    if (status == TN_OK) status = tn__safetensors_parse(file->bytes, size, &file->index, &error);
    if (status == TN_OK) return file;
    tn_raise(tn, status, "%s: %s", path, error.message);
fail:
    tn_safetensors_close(file);
    return NULL;
}

void tn_safetensors_close(tn_safetensors *file)
{
    if (!file) return;
    tn__safetensors_release(&file->index);
    free(file->bytes);
    free(file->path);
    free(file);
}

static const tn_safetensors_entry *find(const tn_safetensors *file, const char *name)
{
    for (int i = 0; file && i < file->index.n_entries; i++)
        if (strcmp(file->index.entries[i].name, name) == 0) return &file->index.entries[i];
    return NULL;
}

int tn_safetensors_count(const tn_safetensors *file)
{
    return file ? file->index.n_entries : 0;
}

const char *tn_safetensors_name(const tn_safetensors *file, int i)
{
    return i >= 0 && i < tn_safetensors_count(file) ? file->index.entries[i].name : NULL;
}

bool tn_safetensors_has(const tn_safetensors *file, const char *name)
{
    return find(file, name) != NULL;
}

const char *tn_safetensors_metadata(const tn_safetensors *file, const char *key)
{
    for (int i = 0; file && i < file->index.n_metadata; i++)
        if (strcmp(file->index.metadata[i].key, key) == 0) return file->index.metadata[i].value;
    return NULL;
}

tn_tensor *tn_safetensors_get(tn_safetensors *file, const char *name)
{
    const tn_safetensors_entry *entry = find(file, name);
    if (!entry) return tn_raise(file->tn, TN_NOT_FOUND, "%s has no tensor \"%s\"", file->path, name);
    const uint8_t *data = file->bytes + entry->begin;
    if ((uintptr_t)data % tn_dtype_size(entry->dtype) == 0)
        return tn_from(file->tn, data, entry->dtype, entry->rank, entry->dims);
    /* Files of other writers may lie askew. */
    size_t bytes = (size_t)(entry->end - entry->begin);
    void *aligned = malloc(bytes + 1);
    if (!aligned) return tn_raise(file->tn, TN_OUT_OF_MEMORY, "%s: no memory for \"%s\"", file->path, name);
    memcpy(aligned, data, bytes);
    tn_tensor *x = tn_from(file->tn, aligned, entry->dtype, entry->rank, entry->dims);
    free(aligned);
    return x;
}
