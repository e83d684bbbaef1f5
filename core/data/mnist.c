/* SPDX-License-Identifier: Apache-2.0
 *
 * IDX files as tensors, and pairs of them as the MNIST and Fashion-MNIST datasets. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/idx.h"
#include "data/source.h"

enum { SIDE = 28, CLASSES = 10 };

/* The data of a file as a tensor of these dims; nil after raising "<of><why>". It goes over in pieces, so that it is in
 * memory but once. */
static tn_tensor *read_tensor(tn_context *tn, const char *of, tn__idx_file *file, int rank, const int64_t *dims)
{
    enum { PIECE = 1 << 20 };
    tn_error error = {.struct_size = sizeof error};
    int64_t bytes = (int64_t)file->idx.data_bytes;
    tn_tensor *x = tn_empty(tn, TN_U8, rank, dims), *flat = tn_reshape(x, TN_SHAPE(bytes));
    uint8_t *piece = malloc(PIECE);
    if (!piece) tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory to read it", file->gz.path);
    tn_status status = tn_check(tn);
    for (int64_t at = 0, n; status == TN_OK && (at < bytes || bytes == 0); at += n) {
        n = bytes - at < PIECE ? bytes - at : PIECE;
        status = tn__idx_next(file, piece, (uint64_t)n, &error);
        if (status != TN_OK || n == 0) break;
        tn_mark mark = tn_begin(tn);
        status = tn_write(tn_narrow(flat, 0, at, n), piece, (size_t)n);
        tn_end(tn, mark, NULL);
    }
    free(piece);
    return status == TN_OK ? x : tn_raise(tn, status, "%s%s", of, error.message);
}

tn_tensor *tn_idx_read(tn_context *tn, const char *path)
{
    tn_error error = {.struct_size = sizeof error};
    tn__idx_file file;
    tn_status status = tn__idx_open(&file, path, &error);
    if (status != TN_OK) return tn_raise(tn, status, "%s", error.message);
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = read_tensor(tn, "", &file, file.idx.rank, file.idx.dims);
    tn__idx_close(&file);
    tn_end(tn, mark, x, NULL);
    return x;
}

/* ---- reading a pair */

/* Images and labels, of which both headers and all labels have been read and checked. */
typedef struct pair {
    char *image_path, *label_path;
    tn__idx_file images;
    tn__idx labels;
    uint8_t *label_bytes;
    int64_t *classes;
    bool open; /* images */
} pair;

/* The raw file if it is there, else the gzipped one; NULL after filling *error. The caller frees. */
static char *find_file(const char *folder, const char *name, tn_error *error)
{
    static const char *const endings[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        char *path;
        if (asprintf(&path, "%s/%s%s", folder, name, endings[i]) < 0) {
            tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory");
            return NULL;
        }
        if (access(path, F_OK) == 0) return path;
        free(path);
    }
    tn_fail(error, TN_NOT_FOUND, 0, "neither %s nor %s.gz is in %s", name, name, folder);
    return NULL;
}

static tn_status check_shapes(const pair *p, const char *folder, tn_error *error)
{
    const tn__idx *images = &p->images.idx, *labels = &p->labels;
    if (images->rank != 3 || images->dims[1] != SIDE || images->dims[2] != SIDE)
        return tn_fail(error, TN_CORRUPT, 0,
                       "%s: its images have %d dims, the last of them %lld; they must be [n, 28, 28]", folder,
                       images->rank, (long long)images->dims[images->rank - 1]);
    if (labels->rank != 1 || labels->dims[0] != images->dims[0])
        return tn_fail(error, TN_CORRUPT, 0, "%s: %lld images, but %lld labels in %d dims; take both from one set",
                       folder, (long long)images->dims[0], (long long)labels->dims[0], labels->rank);
    return TN_OK;
}

static tn_status read_classes(pair *p, const char *folder, tn_error *error)
{
    int64_t n = p->labels.dims[0];
    p->classes = calloc((size_t)n + 1, sizeof *p->classes);
    if (!p->classes) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory for %lld labels", folder, (long long)n);
    for (int64_t i = 0; i < n; i++) {
        p->classes[i] = p->labels.data[i];
        if (p->classes[i] >= CLASSES)
            return tn_fail(error, TN_CORRUPT, 0, "%s: label %lld is %lld; it must be below %d", folder, (long long)i,
                           (long long)p->classes[i], CLASSES);
    }
    return TN_OK;
}

static tn_status open_pair(pair *p, const char *folder, const tn__data_file *images, const tn__data_file *labels,
                           tn_error *error)
{
    p->image_path = find_file(folder, images->name, error);
    if (!p->image_path) return error->status;
    tn_status status = tn__idx_open(&p->images, p->image_path, error);
    p->open = status == TN_OK;
    if (status == TN_OK && !(p->label_path = find_file(folder, labels->name, error))) return error->status;
    if (status == TN_OK) status = tn__idx_load(p->label_path, &p->labels, &p->label_bytes, error);
    if (status == TN_OK) status = check_shapes(p, folder, error);
    if (status == TN_OK) status = read_classes(p, folder, error);
    return status;
}

static void close_pair(pair *p)
{
    if (p->open) tn__idx_close(&p->images);
    free(p->image_path);
    free(p->label_path);
    free(p->label_bytes);
    free(p->classes);
}

/* ---- datasets */

/* NULL after raising. */
static tn_dataset *from_pair(tn_context *tn, const char *name, pair *p)
{
    char of[40];
    int64_t n = p->images.idx.dims[0];
    snprintf(of, sizeof of, "%s: ", name);
    tn_mark mark = tn_begin(tn);
    tn_tensor *images = read_tensor(tn, of, &p->images, TN_SHAPE(n, 1, SIDE, SIDE));
    tn_tensor *labels = tn_from(tn, p->classes, TN_I64, TN_SHAPE(n));
    tn_dataset *data = tn_dataset_from(tn, images, labels);
    tn_end(tn, mark, NULL);
    return data;
}

static void raise_for(tn_context *tn, const char *name, const char *dir, const tn_error *error)
{
    if (error->status != TN_NOT_FOUND)
        tn_raise(tn, error->status, "%s: %s", name, error->message);
    else
        tn_raise(tn, TN_NOT_FOUND, "%s: %s; run `tenon data fetch %s%s%s`, or put its four files there by hand", name,
                 error->message, name, dir ? " --dir " : "", dir ? dir : "");
}

static tn_dataset *open_set(tn_context *tn, const char *name, const char *dir, bool train)
{
    tn_error error = {.struct_size = sizeof error};
    const tn__data_source *source = tn__find_source(name, &error);
    const tn__data_file *files = &source->files[train ? TN__TRAIN_IMAGES : TN__TEST_IMAGES];
    char *folder = tn__data_folder(dir, name);
    pair p = {.open = false};
    tn_dataset *data = NULL;
    if (!folder)
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory", name);
    else if (open_pair(&p, folder, &files[0], &files[1], &error) == TN_OK)
        data = from_pair(tn, name, &p);
    else
        raise_for(tn, name, dir, &error);
    close_pair(&p);
    free(folder);
    return data;
}

tn_dataset *tn_mnist(tn_context *tn, const char *dir, bool train)
{
    return open_set(tn, "mnist", dir, train);
}

tn_dataset *tn_fashion_mnist(tn_context *tn, const char *dir, bool train)
{
    return open_set(tn, "fashion-mnist", dir, train);
}
