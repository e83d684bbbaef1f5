/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors format: eight bytes with the length of a JSON header, the header, the data.
 *     {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 * Offsets count from the end of the header; the tensors fill the data without holes. All numbers are little-endian. */
#ifndef TENON_SAFETENSORS_H
#define TENON_SAFETENSORS_H

#include "tenon_abi.h"

#define TN_SAFETENSORS_METADATA "__metadata__"
enum { TN_SAFETENSORS_MAX_HEADER = 100000000 }; /* bytes; the limit of the format's own implementation */

typedef struct tn_safetensors_entry {
    char *name;
    tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK];
    uint64_t begin, end; /* bytes, counted from the start of the file */
} tn_safetensors_entry;

typedef struct tn_safetensors_pair {
    char *key, *value;
} tn_safetensors_pair;

/* What a header says. */
typedef struct tn_safetensors_index {
    tn_safetensors_entry *entries; /* in the header's order */
    int n_entries;
    tn_safetensors_pair *metadata;
    int n_metadata;
} tn_safetensors_index;

/* Reads and checks a whole file in memory. Trusts nothing: on TN_OK every entry lies within the file and has the
 * number of bytes that its shape needs, and all bytes of BOOL tensors are 0 or 1. After a failure *index is empty. */
tn_status tn__safetensors_parse(const uint8_t *bytes, size_t size, tn_safetensors_index *index, tn_error *error);
void tn__safetensors_release(tn_safetensors_index *index);

/* "F32"; NULL for a dtype that is not supported. */
const char *tn__safetensors_dtype_name(tn_dtype dtype);

#endif
