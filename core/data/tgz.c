/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads ustar archives (POSIX.1-1988): blocks of 512 bytes, a header before each file, an empty block at the end. */
#include "data/tgz.h"

#include <stdbool.h>
#include <string.h>

#include "data/gz.h"

enum { BLOCK = 512 };

typedef struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], padding[12];
} header;
TN_STATIC_ASSERT(sizeof(header) == BLOCK, "a tar header is one block");

static uint64_t octal(const char *digits, size_t n)
{
    uint64_t value = 0;
    while (n > 0 && *digits == ' ') digits++, n--;
    for (; n > 0 && *digits >= '0' && *digits <= '7'; digits++, n--) value = value * 8 + (uint64_t)(*digits - '0');
    return value;
}

/* The sum of all bytes, those of the checksum itself taken as spaces. */
static bool checksum_right(const header *h)
{
    const unsigned char *bytes = (const unsigned char *)h;
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        bool own = i >= offsetof(header, checksum) && i < offsetof(header, checksum) + sizeof h->checksum;
        sum += own ? ' ' : bytes[i];
    }
    return sum == octal(h->checksum, sizeof h->checksum);
}

static bool is_member(const header *h, const char *member)
{
    char path[sizeof h->prefix + sizeof h->name + 2];
    int prefix = memcmp(h->magic, "ustar", 5) == 0 ? (int)strnlen(h->prefix, sizeof h->prefix) : 0;
    snprintf(path, sizeof path, "%.*s%s%.*s", prefix, h->prefix, prefix ? "/" : "", (int)sizeof h->name, h->name);
    return (h->type == '0' || h->type == '\0') && strcmp(path, member) == 0;
}

/* Leaves the stream at the content of the member. */
static tn_status find(tn__gz *gz, const char *member, uint64_t *size, tn_error *error)
{
    static const header end;
    header h;
    uint64_t got;
    for (;;) {
        tn_status status = tn__gz_read(gz, &h, sizeof h, &got, error);
        if (status != TN_OK) return status;
        if (got == 0 || (got == sizeof h && memcmp(&h, &end, sizeof h) == 0))
            return tn_fail(error, TN_NOT_FOUND, 0, "%s: has no %s in it", gz->path, member);
        if (got != sizeof h || !checksum_right(&h))
            return tn_fail(error, TN_CORRUPT, 0, "%s: is no tar archive, or a damaged one", gz->path);
        *size = octal(h.size, sizeof h.size);
        if (is_member(&h, member)) return TN_OK;
        status = tn__gz_skip(gz, (*size + BLOCK - 1) / BLOCK * BLOCK, error);
        if (status != TN_OK) return status;
    }
}

tn_status tn__tgz_read(const char *path, const char *member, void *buffer, uint64_t capacity, uint64_t *got,
                       tn_error *error)
{
    tn__gz gz;
    uint64_t size = 0;
    *got = 0;
    tn_status status = tn__gz_open(&gz, path, error);
    if (status != TN_OK) return status;
    status = find(&gz, member, &size, error);
    if (size > capacity) size = capacity;
    if (status == TN_OK) status = tn__gz_read(&gz, buffer, size, got, error);
    if (status == TN_OK && *got < size) status = tn_fail(error, TN_CORRUPT, 0, "%s: ends within %s", path, member);
    tn__gz_close(&gz);
    return status;
}
