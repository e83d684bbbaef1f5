/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that appear whole or not at all: written under another name in the same directory, synced, then renamed. An
 * older file of that name stays as it was until then, and after every failure. */
#ifndef TENON_ATOMIC_FILE_H
#define TENON_ATOMIC_FILE_H

#include "tenon_abi.h"

typedef struct tn_atomic_file tn_atomic_file;

/* Begins a file that will be called `path`; its directory must exist. A symbolic link is followed. An older file must
 * be a regular one, and hands its permissions on. NULL after filling *error. */
tn_atomic_file *tn__atomic_open(const char *path, tn_error *error);
/* Appends. After a failure only tn__atomic_abort is left to do. */
tn_status tn__atomic_write(tn_atomic_file *file, const void *data, size_t bytes, tn_error *error);
/* Syncs, renames and releases `file`. After a failure the temporary file is gone and the older one untouched. */
tn_status tn__atomic_commit(tn_atomic_file *file, tn_error *error);
/* Removes the temporary file and releases `file`. NULL is allowed. */
void tn__atomic_abort(tn_atomic_file *file);

#endif
