/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that may or may not be gzipped, read as a stream of their content. Messages begin with the path. */
#ifndef TENON_DATA_GZ_H
#define TENON_DATA_GZ_H

#include <zlib.h>

#include "tenon_abi.h"

typedef struct tn__gz {
    gzFile file;
    const char *path; /* the caller's string, which must outlive the stream */
    uint64_t size;    /* of the file itself */
} tn__gz;

/* Refuses what is no regular file. After a failure there is nothing to close. */
tn_status tn__gz_open(tn__gz *gz, const char *path, tn_error *error);
/* Reads up to `bytes`; *got is smaller only at the end of the content, whose checksum is then known to be right. */
tn_status tn__gz_read(tn__gz *gz, void *buffer, uint64_t bytes, uint64_t *got, tn_error *error);
tn_status tn__gz_skip(tn__gz *gz, uint64_t bytes, tn_error *error);
tn_status tn__gz_rewind(tn__gz *gz, tn_error *error);
/* No more content than this can come out: what a header asks for beyond it need not be allocated. */
uint64_t tn__gz_limit(const tn__gz *gz);
void tn__gz_close(tn__gz *gz);

/* The whole content of a file, at most `capacity` bytes of it. */
tn_status tn__gz_read_file(const char *path, void *buffer, uint64_t capacity, uint64_t *got, tn_error *error);

#endif
