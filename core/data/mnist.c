/* SPDX-License-Identifier: Apache-2.0
 *
 * IDX files as tensors, and pairs of them as the MNIST and Fashion-MNIST datasets. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/idx.h"
#include "data/source.h"

enum { SIDE = 28, CLASSES = 10 };

/* A pair of files in memory, checked. */
typedef struct pair {
    tn__idx images, labels;
    uint8_t *image_bytes, *label_bytes;
    int64_t *classes;
} pair;

tn_tensor *tn_idx_read(tn_context *tn, const char *path)
{
    tn_error error = {.struct_size = sizeof error};
    tn__idx idx;
    uint8_t *bytes;
    tn_status status = tn__idx_load(path, &idx, &bytes, &error);
    if (status != TN_OK) return tn_raise(tn, status, "%s", error.message);
    tn_tensor *x = tn_from(tn, idx.data, TN_U8, idx.rank, idx.dims);
    free(bytes);
    return x;
}

/* ---- reading a pair */

/* The raw file if it is there, else the gzipped one. */
static tn_status load_file(const char *folder, const char *name, tn__idx *idx, uint8_t **bytes, tn_error *error)
{
    static const char *const endings[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        char *path;
        if (asprintf(&path, "%s/%s%s", folder, name, endings[i]) < 0)
            return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory");
        bool there = access(path, F_OK) == 0;
        tn_status status = there ? tn__idx_load(path, idx, bytes, error) : TN_OK;
        free(path);
        if (there) return status;
    }
    return tn_fail(error, TN_NOT_FOUND, 0, "neither %s nor %s.gz is in %s", name, name, folder);
}

static tn_status check_shapes(const pair *p, const char *folder, tn_error *error)
{
    const tn__idx *images = &p->images, *labels = &p->labels;
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

static tn_status load_pair(pair *p, const char *folder, const tn__data_file *images, const tn__data_file *labels,
                           tn_error *error)
{
    tn_status status = load_file(folder, images->name, &p->images, &p->image_bytes, error);
    if (status == TN_OK) status = load_file(folder, labels->name, &p->labels, &p->label_bytes, error);
    if (status == TN_OK) status = check_shapes(p, folder, error);
    if (status == TN_OK) status = read_classes(p, folder, error);
    return status;
}

static void free_pair(pair *p)
{
    free(p->image_bytes);
    free(p->label_bytes);
    free(p->classes);
}

/* ---- datasets */

static tn_dataset *from_pair(tn_context *tn, const pair *p)
{
    int64_t n = p->images.dims[0];
    tn_mark mark = tn_begin(tn);
    tn_tensor *images = tn_from(tn, p->images.data, TN_U8, TN_SHAPE(n, 1, SIDE, SIDE));
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
    pair p = {.classes = NULL};
    tn_dataset *data = NULL;
    if (!folder)
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory", name);
    else if (load_pair(&p, folder, &files[0], &files[1], &error) == TN_OK)
        data = from_pair(tn, &p);
    else
        raise_for(tn, name, dir, &error);
    free_pair(&p);
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
