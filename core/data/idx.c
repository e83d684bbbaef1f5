/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads IDX. No length is believed before it has been compared with what is there. */
#include "data/idx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_U8 = 0x08, MAX_HEADER = 4 + 4 * TN_MAX_RANK, SHAPE_CHARS = 16 * TN_MAX_RANK };

/* clang-format off */
static const struct { uint8_t code; const char *name; } types[] = {
    {CODE_U8, "u8"}, {0x09, "i8"}, {0x0B, "i16"}, {0x0C, "i32"}, {0x0D, "f32"}, {0x0E, "f64"},
};
/* clang-format on */

static const char *type_name(uint8_t code)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == code) return types[i].name;
    return "unknown";
}

static const char *format_dims(const tn__idx *idx, char *buffer)
{
    int n = snprintf(buffer, SHAPE_CHARS, "[");
    for (int i = 0; i < idx->rank; i++)
        n += snprintf(buffer + n, (size_t)(SHAPE_CHARS - n), i ? ", %lld" : "%lld", (long long)idx->dims[i]);
    snprintf(buffer + n, (size_t)(SHAPE_CHARS - n), "]");
    return buffer;
}

static tn_status check_magic(const uint8_t *bytes, size_t size, const char *name, tn_error *error)
{
    if (size < 4)
        return tn_fail(error, TN_CORRUPT, 0, "%s: truncated: an IDX header needs 4 bytes, it has %zu", name, size);
    if (bytes[0] || bytes[1])
        return tn_fail(error, TN_CORRUPT, 0,
                       "%s: wrong magic: it starts with %02x %02x %02x %02x, an IDX file of bytes with 00 00 08", name,
                       bytes[0], bytes[1], bytes[2], bytes[3]);
    if (bytes[2] != CODE_U8)
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: its elements have type code 0x%02x (%s); only 0x08 (u8) is read",
                       name, bytes[2], type_name(bytes[2]));
    if (bytes[3] < 1 || bytes[3] > TN_MAX_RANK)
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: it has %u dims; 1 to %d are read", name, bytes[3], TN_MAX_RANK);
    return TN_OK;
}

static int64_t big_endian(const uint8_t *bytes)
{
    return (int64_t)((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
}

/* Everything but the data, of which `bytes` may lack any part. */
static tn_status parse_header(const uint8_t *bytes, size_t size, const char *name, tn__idx *idx, tn_error *error)
{
    char shape[SHAPE_CHARS];
    int64_t total = 1;
    tn_status status = check_magic(bytes, size, name, error);
    *idx = (tn__idx){0};
    if (status != TN_OK) return status;
    idx->rank = bytes[3];
    idx->header_bytes = 4 + 4 * (uint64_t)idx->rank;
    if (size < idx->header_bytes)
        return tn_fail(error, TN_CORRUPT, 0, "%s: truncated: an IDX header of %d dims needs %llu bytes, it has %zu",
                       name, idx->rank, (unsigned long long)idx->header_bytes, size);
    for (int i = 0; i < idx->rank; i++) idx->dims[i] = big_endian(bytes + 4 + 4 * i);
    for (int i = 0; i < idx->rank; i++)
        if (__builtin_mul_overflow(total, idx->dims[i], &total) || total > INT64_MAX - MAX_HEADER)
            return tn_fail(error, TN_CORRUPT, 0, "%s: absurd dims %s: they ask for more than 2^63 bytes", name,
                           format_dims(idx, shape));
    idx->data_bytes = (uint64_t)total;
    return TN_OK;
}

static tn_status too_short(const char *name, const tn__idx *idx, uint64_t has, const char *of, tn_error *error)
{
    char shape[SHAPE_CHARS];
    return tn_fail(error, TN_CORRUPT, 0, "%s: truncated: its header says %s and needs %llu bytes, it has %llu%s", name,
                   format_dims(idx, shape), (unsigned long long)(idx->header_bytes + idx->data_bytes),
                   (unsigned long long)has, of);
}

tn_status tn__idx_parse(const uint8_t *bytes, size_t size, const char *name, tn__idx *idx, tn_error *error)
{
    char shape[SHAPE_CHARS];
    tn_status status = parse_header(bytes, size, name, idx, error);
    if (status != TN_OK) return status;
    uint64_t need = idx->header_bytes + idx->data_bytes;
    if (size < need) return too_short(name, idx, size, "", error);
    if (size > need)
        return tn_fail(error, TN_CORRUPT, 0, "%s: over-long: bytes follow the %llu that its header %s asks for", name,
                       (unsigned long long)need, format_dims(idx, shape));
    idx->data = bytes + idx->header_bytes;
    return TN_OK;
}

/* ---- files */

static tn_status read_header(tn__idx_file *file, tn_error *error)
{
    uint8_t header[MAX_HEADER];
    uint64_t got;
    tn__gz *gz = &file->gz;
    tn__idx *idx = &file->idx;
    tn_status status = tn__gz_read(gz, header, sizeof header, &got, error);
    if (status == TN_OK) status = parse_header(header, (size_t)got, gz->path, idx, error);
    if (status != TN_OK) return status;
    if (idx->header_bytes + idx->data_bytes > tn__gz_limit(gz))
        return too_short(gz->path, idx, gz->size, gzdirect(gz->file) ? "" : ", gzipped", error);
    status = tn__gz_rewind(gz, error);
    return status == TN_OK ? tn__gz_skip(gz, idx->header_bytes, error) : status;
}

tn_status tn__idx_open(tn__idx_file *file, const char *path, tn_error *error)
{
    *file = (tn__idx_file){.read = 0};
    tn_status status = tn__gz_open(&file->gz, path, error);
    if (status != TN_OK) return status;
    status = read_header(file, error);
    if (status != TN_OK) tn__gz_close(&file->gz);
    return status;
}

/* Nothing may follow the last element. */
static tn_status check_end(tn__idx_file *file, tn_error *error)
{
    char shape[SHAPE_CHARS];
    uint8_t more;
    uint64_t got;
    const tn__idx *idx = &file->idx;
    tn_status status = tn__gz_read(&file->gz, &more, 1, &got, error);
    if (status != TN_OK || got == 0) return status;
    return tn_fail(error, TN_CORRUPT, 0, "%s: over-long: bytes follow the %llu that its header %s asks for",
                   file->gz.path, (unsigned long long)(idx->header_bytes + idx->data_bytes), format_dims(idx, shape));
}

tn_status tn__idx_next(tn__idx_file *file, void *buffer, uint64_t bytes, tn_error *error)
{
    const tn__idx *idx = &file->idx;
    uint64_t got = 0;
    tn_status status = tn__gz_read(&file->gz, buffer, bytes, &got, error);
    if (status != TN_OK) return status;
    file->read += got;
    if (got < bytes) return too_short(file->gz.path, idx, idx->header_bytes + file->read, "", error);
    return file->read == idx->data_bytes ? check_end(file, error) : TN_OK;
}

void tn__idx_close(tn__idx_file *file)
{
    tn__gz_close(&file->gz);
}

tn_status tn__idx_load(const char *path, tn__idx *idx, uint8_t **bytes, tn_error *error)
{
    tn__idx_file file;
    *bytes = NULL;
    *idx = (tn__idx){0};
    tn_status status = tn__idx_open(&file, path, error);
    if (status != TN_OK) return status;
    *bytes = malloc(file.idx.data_bytes + 1);
    if (!*bytes)
        status = tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory for its %llu bytes", path,
                         (unsigned long long)file.idx.data_bytes);
    else
        status = tn__idx_next(&file, *bytes, file.idx.data_bytes, error);
    tn__idx_close(&file);
    *idx = file.idx;
    idx->data = *bytes;
    if (status != TN_OK) {
        free(*bytes);
        *bytes = NULL;
    }
    return status;
}
