/* SPDX-License-Identifier: Apache-2.0
 *
 * Downloads of gzipped files, decompressed as they come in. */
#ifndef TENON_DATA_DOWNLOAD_H
#define TENON_DATA_DOWNLOAD_H

#include "tenon.h"

typedef struct tn__progress {
    tn_progress_fn call; /* may be NULL */
    void *arg;
    const char *file;
    uint64_t total; /* bytes of the decompressed file */
} tn__progress;

/* https, file, and http to this machine itself are allowed: everything else is refused. */
bool tn__url_allowed(const char *url);
/* Writes the decompressed content, at most `capacity` bytes, which must be below 4 GiB. *got == capacity may mean that
 * there was more. */
tn_status tn__download(const char *url, uint8_t *content, uint64_t capacity, uint64_t *got,
                       const tn__progress *progress, tn_error *error);

#endif
