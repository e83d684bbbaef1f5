/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors writer. The header lists the tensors in the order given; their data are ordered by the size of an
 * element, largest first, so that each lies on a multiple of it without any hole. */
#include "data/atomic_file.h"
#include "data/safetensors.h"
#include "tenon.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    tn_context *tn;
    const char *path;
    int n;
    const char *const *names;
    tn_tensor *const *tensors;
    tn_error error;
} writer;

static const uint64_t element_sizes[] = {8, 4, 2, 1};
enum { SIZES = sizeof element_sizes / sizeof *element_sizes };

static uint64_t bytes_of(const tn_tensor *x)
{
    return (uint64_t)tn_numel(x) * tn_dtype_size(tn_dtype_of(x));
}

static tn_status no_memory(writer *w)
{
    return tn_fail(&w->error, TN_OUT_OF_MEMORY, 0, "no memory for the header");
}

/* Adds value, which it takes over, to object. */
static tn_status put(writer *w, json_t *object, const char *key, json_t *value)
{
    if (!key || json_object_get(object, key)) {
        json_decref(value);
        return tn_fail(&w->error, TN_INVALID, 0, "\"%s\" %s", key ? key : "", key ? "is there twice" : "is no name");
    }
    if (json_object_set_new(object, key, value) == 0) return TN_OK;
    return tn_fail(&w->error, TN_INVALID, 0, "\"%s\" or its value is not valid UTF-8", key);
}

static tn_status put_metadata(writer *w, json_t *root, const char *const *metadata)
{
    json_t *object = json_object();
    tn_status status = object ? TN_OK : no_memory(w);
    for (; status == TN_OK && metadata[0]; metadata += 2)
        status = metadata[1] ? put(w, object, metadata[0], json_string(metadata[1]))
                             : tn_fail(&w->error, TN_INVALID, 0, "the metadata \"%s\" has no value", metadata[0]);
    if (status == TN_OK) return put(w, root, TN_SAFETENSORS_METADATA, object);
    json_decref(object);
    return status;
}

static tn_status put_tensor(writer *w, json_t *root, int i, uint64_t begin)
{
    const tn_tensor *x = w->tensors[i];
    const char *dtype = tn__safetensors_dtype_name(tn_dtype_of(x));
    if (!dtype)
        return tn_fail(&w->error, TN_UNSUPPORTED, 0, "\"%s\" is %s, which cannot be saved", w->names[i],
                       tn_dtype_name(tn_dtype_of(x)));
    json_t *shape = json_array();
    for (int d = 0; d < tn_rank(x); d++) json_array_append_new(shape, json_integer(tn_dim(x, d)));
    return put(w, root, w->names[i],
               json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape, "data_offsets", (json_int_t)begin,
                         (json_int_t)(begin + bytes_of(x))));
}

/* Where the data of each tensor begins. */
static void place(const writer *w, uint64_t *begins)
{
    uint64_t at = 0;
    for (int s = 0; s < SIZES; s++)
        for (int i = 0; i < w->n; i++) {
            if (tn_dtype_size(tn_dtype_of(w->tensors[i])) != element_sizes[s]) continue;
            begins[i] = at;
            at += bytes_of(w->tensors[i]);
        }
}

/* The header as text, padded so that the data begin on a multiple of 8; NULL on failure. The caller frees. */
static char *make_header(writer *w, const char *const *metadata)
{
    char *header = NULL;
    uint64_t *begins = calloc((size_t)w->n + 1, sizeof *begins);
    json_t *root = json_object();
    tn_status status = begins && root ? TN_OK : no_memory(w);
    if (status == TN_OK) place(w, begins);
    if (status == TN_OK && metadata) status = put_metadata(w, root, metadata);
    for (int i = 0; status == TN_OK && i < w->n; i++) status = put_tensor(w, root, i, begins[i]);
    char *text = status == TN_OK ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text) {
        size_t padded = (strlen(text) + 7) / 8 * 8;
        if (asprintf(&header, "%-*s", (int)padded, text) < 0) header = NULL;
    }
    if (status == TN_OK && !header) no_memory(w);
    free(text);
    free(begins);
    json_decref(root);
    return header;
}

static tn_status write_header(writer *w, tn_atomic_file *file, const char *header)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(strlen(header) >> 8 * i);
    tn_status status = tn__atomic_write(file, length, sizeof length, &w->error);
    return status == TN_OK ? tn__atomic_write(file, header, strlen(header), &w->error) : status;
}

static tn_status write_tensor(writer *w, tn_atomic_file *file, int i)
{
    size_t bytes = (size_t)bytes_of(w->tensors[i]);
    void *data = malloc(bytes + 1);
    if (!data) return tn_fail(&w->error, TN_OUT_OF_MEMORY, 0, "no memory for \"%s\"", w->names[i]);
    tn_status status = tn_read(w->tensors[i], data, bytes);
    if (status != TN_OK)
        tn_fail(&w->error, status, 0, "\"%s\" cannot be read: %s", w->names[i], tn_message(w->tn));
    else
        status = tn__atomic_write(file, data, bytes, &w->error);
    free(data);
    return status;
}

static tn_status write_file(writer *w, const char *header)
{
    tn_atomic_file *file = tn__atomic_open(w->path, &w->error);
    if (!file) return w->error.status;
    tn_status status = write_header(w, file, header);
    for (int s = 0; s < SIZES; s++)
        for (int i = 0; status == TN_OK && i < w->n; i++)
            if (tn_dtype_size(tn_dtype_of(w->tensors[i])) == element_sizes[s]) status = write_tensor(w, file, i);
    if (status == TN_OK) return tn__atomic_commit(file, &w->error);
    tn__atomic_abort(file);
    return status;
}

tn_status tn_safetensors_save(tn_context *tn, const char *path, int n, const char *const *names,
                              tn_tensor *const *tensors, const char *const *metadata)
{
    if (tn_check(tn) != TN_OK) return tn_check(tn);
    writer w = {tn, path, n, names, tensors, {.struct_size = sizeof(tn_error)}};
    char *header = make_header(&w, metadata);
    if (header) write_file(&w, header);
    free(header);
    if (w.error.status != TN_OK) tn_raise(tn, w.error.status, "%s: %s", path, w.error.message);
    return tn_check(tn);
}
