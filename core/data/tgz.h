/* SPDX-License-Identifier: Apache-2.0
 *
 * One file out of a .tar.gz (or plain .tar) archive. */
#ifndef TENON_DATA_TGZ_H
#define TENON_DATA_TGZ_H

#include "tenon_abi.h"

/* Copies the content of the regular file `member` of the archive, at most `capacity` bytes of it. */
tn_status tn__tgz_read(const char *path, const char *member, void *buffer, uint64_t capacity, uint64_t *got,
                       tn_error *error);

#endif
