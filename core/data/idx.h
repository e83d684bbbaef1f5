/* SPDX-License-Identifier: Apache-2.0
 *
 * IDX, the format of the MNIST files: two zero bytes, a type code, the number of dims, each dim in 32 bits big-endian,
 * then the elements. Only unsigned bytes are read. */
#ifndef TENON_DATA_IDX_H
#define TENON_DATA_IDX_H

#include "data/gz.h"

typedef struct tn__idx {
    int rank; /* 1 to TN_MAX_RANK */
    int64_t dims[TN_MAX_RANK];
    uint64_t header_bytes;
    uint64_t data_bytes;
    const uint8_t *data; /* into the bytes that were parsed */
} tn__idx;

/* Reads a whole file's content from memory: it must be exactly as long as its header says. name: for messages. */
tn_status tn__idx_parse(const uint8_t *bytes, size_t size, const char *name, tn__idx *idx, tn_error *error);

/* A file, raw or gzipped, that is read in pieces. */
typedef struct tn__idx_file {
    tn__gz gz;
    tn__idx idx;   /* data is NULL */
    uint64_t read; /* bytes of data so far */
} tn__idx_file;

/* Reads and checks the header. After a failure there is nothing to close. path must outlive the file. */
tn_status tn__idx_open(tn__idx_file *file, const char *path, tn_error *error);
/* The next `bytes` of the data; with the last of them, that nothing follows is checked. */
tn_status tn__idx_next(tn__idx_file *file, void *buffer, uint64_t bytes, tn_error *error);
void tn__idx_close(tn__idx_file *file);
/* All of a file. *bytes, which idx->data points to, is the caller's to free. */
tn_status tn__idx_load(const char *path, tn__idx *idx, uint8_t **bytes, tn_error *error);

#endif
