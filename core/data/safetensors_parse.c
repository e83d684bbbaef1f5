/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads safetensors headers, from memory alone, so that a fuzzer can drive it. Whatever a file claims is checked
 * before it is used. */
#include "data/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- dtypes */

static const struct {
    const char *name;
    tn_dtype dtype; /* 0: of the format, but not supported */
} dtypes[] = {
    {"F32", TN_F32}, {"F64", TN_F64}, {"I64", TN_I64}, {"I32", TN_I32}, {"U8", TN_U8},  {"BOOL", TN_BOOL},
    {"F16", 0},      {"BF16", 0},     {"I16", 0},      {"I8", 0},       {"U16", 0},     {"U32", 0},
    {"U64", 0},      {"C64", 0},      {"F8_E4M3", 0},  {"F8_E5M2", 0},  {"F8_E8M0", 0},
};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

const char *tn__safetensors_dtype_name(tn_dtype dtype)
{
    for (int i = 0; i < DTYPES; i++)
        if (dtype && dtypes[i].dtype == dtype) return dtypes[i].name;
    return NULL;
}

/* ---- messages */

/* Text from a file, fit for a message: not too long, no control characters. */
#define SHOWN(text) show((text), (char[68]){0})
static const char *show(const char *text, char *buffer)
{
    enum { MOST = 60 };
    size_t length = strlen(text), n = length < MOST ? length : MOST;
    for (size_t i = 0; i < n; i++) buffer[i] = (unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i];
    strcpy(buffer + n, length > MOST ? "..." : "");
    return buffer;
}

#define CORRUPT(error, ...) tn_fail((error), TN_CORRUPT, 0, __VA_ARGS__)

/* ---- one entry */

static tn_status read_dtype(const json_t *info, tn_safetensors_entry *entry, tn_error *error)
{
    const char *name = json_string_value(json_object_get(info, "dtype"));
    if (!name) return CORRUPT(error, "tensor \"%s\" has no dtype, or one that is not a string", SHOWN(entry->name));
    for (int i = 0; i < DTYPES; i++) {
        if (strcmp(dtypes[i].name, name) != 0) continue;
        entry->dtype = dtypes[i].dtype;
        if (entry->dtype) return TN_OK;
        return tn_fail(error, TN_UNSUPPORTED, 0,
                       "tensor \"%s\" is %s, which is not supported yet; convert it to F32 before saving",
                       SHOWN(entry->name), name);
    }
    return CORRUPT(error, "tensor \"%s\" has the unknown dtype \"%s\"", SHOWN(entry->name), SHOWN(name));
}

/* Sizes of 0 count as 1 in the product: strides must not overflow either. */
static tn_status read_shape(const json_t *info, tn_safetensors_entry *entry, int64_t *bytes, tn_error *error)
{
    const json_t *shape = json_object_get(info, "shape");
    if (!json_is_array(shape)) return CORRUPT(error, "tensor \"%s\" has no list \"shape\"", SHOWN(entry->name));
    size_t rank = json_array_size(shape);
    if (rank > TN_MAX_RANK)
        return CORRUPT(error, "tensor \"%s\" has %zu dims; at most %d are supported", SHOWN(entry->name), rank,
                       TN_MAX_RANK);
    int64_t product = (int64_t)tn_dtype_size(entry->dtype);
    bool empty = false;
    for (size_t i = 0; i < rank; i++) {
        const json_t *item = json_array_get(shape, i);
        int64_t dim = json_integer_value(item);
        if (!json_is_integer(item) || dim < 0)
            return CORRUPT(error, "tensor \"%s\": dim %zu of its shape is negative or no whole number",
                           SHOWN(entry->name), i);
        if (__builtin_mul_overflow(product, dim ? dim : 1, &product))
            return CORRUPT(error, "tensor \"%s\": its shape has more elements than any memory can hold",
                           SHOWN(entry->name));
        empty |= dim == 0;
        entry->dims[i] = dim;
    }
    entry->rank = (int)rank;
    *bytes = empty ? 0 : product;
    return TN_OK;
}

/* data: bytes of data in the file, header: where they begin. */
static tn_status read_offsets(const json_t *info, tn_safetensors_entry *entry, uint64_t header, uint64_t data,
                              tn_error *error)
{
    const json_t *offsets = json_object_get(info, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    int64_t begin = json_integer_value(first), end = json_integer_value(second);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second) || begin < 0)
        return CORRUPT(error, "tensor \"%s\": its data_offsets are not two whole numbers of at least 0",
                       SHOWN(entry->name));
    if (end < begin)
        return CORRUPT(error, "tensor \"%s\": its data_offsets [%" PRId64 ", %" PRId64 "] run backwards",
                       SHOWN(entry->name), begin, end);
    if ((uint64_t)end > data)
        return CORRUPT(error,
                       "tensor \"%s\": its data_offsets [%" PRId64 ", %" PRId64 "] reach beyond the %" PRIu64
                       " bytes of data; the file is truncated or damaged",
                       SHOWN(entry->name), begin, end, data);
    entry->begin = header + (uint64_t)begin;
    entry->end = header + (uint64_t)end;
    return TN_OK;
}

static tn_status read_entry(const json_t *info, tn_safetensors_entry *entry, uint64_t header, uint64_t data,
                            tn_error *error)
{
    int64_t needed = 0;
    if (!json_is_object(info)) return CORRUPT(error, "tensor \"%s\" is not a JSON object", SHOWN(entry->name));
    tn_status status = read_dtype(info, entry, error);
    if (status == TN_OK) status = read_shape(info, entry, &needed, error);
    if (status == TN_OK) status = read_offsets(info, entry, header, data, error);
    if (status != TN_OK || entry->end - entry->begin == (uint64_t)needed) return status;
    return CORRUPT(error, "tensor \"%s\": its shape and dtype need %" PRId64 " bytes, its data_offsets give %" PRIu64,
                   SHOWN(entry->name), needed, entry->end - entry->begin);
}

/* ---- all entries together */

static int by_begin(const void *a, const void *b)
{
    const tn_safetensors_entry *x = *(const tn_safetensors_entry *const *)a;
    const tn_safetensors_entry *y = *(const tn_safetensors_entry *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Sorted by their beginnings, the tensors must fill the data from the header to the end of the file. */
static tn_status check_sorted(const tn_safetensors_entry *const *sorted, int n, uint64_t header, uint64_t size,
                              tn_error *error)
{
    uint64_t filled = header;
    for (int i = 0; i < n; i++) {
        const tn_safetensors_entry *entry = sorted[i];
        if (entry->begin < filled)
            return CORRUPT(error, "tensors \"%s\" and \"%s\" overlap", SHOWN(sorted[i ? i - 1 : 0]->name),
                           SHOWN(entry->name));
        if (entry->begin > filled)
            return CORRUPT(error, "%" PRIu64 " bytes before tensor \"%s\" belong to no tensor", entry->begin - filled,
                           SHOWN(entry->name));
        filled = entry->end;
    }
    if (filled == size) return TN_OK;
    return CORRUPT(error, "%" PRIu64 " bytes at the end of the file belong to no tensor", size - filled);
}

static tn_status check_coverage(const tn_safetensors_index *index, uint64_t header, uint64_t size, tn_error *error)
{
    size_t n = (size_t)index->n_entries;
    const tn_safetensors_entry **sorted = calloc(n + 1, sizeof *sorted);
    if (!sorted) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a list of %zu tensors", n);
    for (size_t i = 0; i < n; i++) sorted[i] = &index->entries[i];
    qsort(sorted, n, sizeof *sorted, by_begin);
    tn_status status = check_sorted(sorted, index->n_entries, header, size, error);
    free(sorted);
    return status;
}

/* A kernel may rely on it that a bool is 0 or 1. */
static tn_status check_bools(const tn_safetensors_index *index, const uint8_t *bytes, tn_error *error)
{
    for (int i = 0; i < index->n_entries; i++) {
        const tn_safetensors_entry *entry = &index->entries[i];
        for (uint64_t at = entry->begin; entry->dtype == TN_BOOL && at < entry->end; at++)
            if (bytes[at] > 1)
                return CORRUPT(error, "tensor \"%s\" is BOOL and has a byte of value %d", SHOWN(entry->name),
                               bytes[at]);
    }
    return TN_OK;
}

static tn_status read_metadata(const json_t *metadata, tn_safetensors_index *index, tn_error *error)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata)) return CORRUPT(error, "its " TN_SAFETENSORS_METADATA " is not a JSON object");
    index->metadata = calloc(json_object_size(metadata) + 1, sizeof *index->metadata);
    if (!index->metadata) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for its metadata");
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value))
            return CORRUPT(error, "the value of \"%s\" in its metadata is not a string", SHOWN(key));
        tn_safetensors_pair *pair = &index->metadata[index->n_metadata++];
        pair->key = strdup(key);
        pair->value = strdup(json_string_value(value));
        if (!pair->key || !pair->value) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for its metadata");
    }
    return TN_OK;
}

static tn_status read_root(const json_t *root, uint64_t header, uint64_t size, tn_safetensors_index *index,
                           tn_error *error)
{
    const char *name;
    json_t *info;
    tn_status status = TN_OK;
    index->entries = calloc(json_object_size(root) + 1, sizeof *index->entries);
    if (!index->entries) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for its list of tensors");
    json_object_foreach((json_t *)root, name, info)
    {
        if (strcmp(name, TN_SAFETENSORS_METADATA) == 0) {
            status = read_metadata(info, index, error);
        } else {
            tn_safetensors_entry *entry = &index->entries[index->n_entries++];
            if (!(entry->name = strdup(name))) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a name");
            status = read_entry(info, entry, header, size - header, error);
        }
        if (status != TN_OK) return status;
    }
    return check_coverage(index, header, size, error);
}

/* ---- the header */

static tn_status header_length(const uint8_t *bytes, size_t size, uint64_t *length, tn_error *error)
{
    if (size < 8) return CORRUPT(error, "it has %zu bytes; a safetensors file has at least 10", size);
    *length = 0;
    for (int i = 8; i-- > 0;) *length = *length << 8 | bytes[i];
    if (*length > TN_SAFETENSORS_MAX_HEADER)
        return CORRUPT(error,
                       "its header is said to have %" PRIu64 " bytes; at most %d are allowed (is it a "
                       "safetensors file?)",
                       *length, TN_SAFETENSORS_MAX_HEADER);
    if (*length > size - 8)
        return CORRUPT(error, "its header is said to have %" PRIu64 " bytes, but only %zu follow; it is truncated",
                       *length, size - 8);
    if (*length == 0 || bytes[8] != '{') return CORRUPT(error, "its header is not a JSON object");
    return TN_OK;
}

tn_status tn__safetensors_parse(const uint8_t *bytes, size_t size, tn_safetensors_index *index, tn_error *error)
{
    uint64_t length = 0;
    json_error_t where;
    *index = (tn_safetensors_index){0};
    tn_status status = header_length(bytes, size, &length, error);
    if (status != TN_OK) return status;
    json_t *root = json_loadb((const char *)bytes + 8, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    if (!root) return CORRUPT(error, "its header is not valid JSON: %s (byte %d)", SHOWN(where.text), where.position);
    status = read_root(root, 8 + length, size, index, error);
    if (status == TN_OK) status = check_bools(index, bytes, error);
    json_decref(root);
    if (status != TN_OK) tn__safetensors_release(index);
    return status;
}

void tn__safetensors_release(tn_safetensors_index *index)
{
    for (int i = 0; i < index->n_entries; i++) free(index->entries[i].name);
    for (int i = 0; i < index->n_metadata; i++) {
        free(index->metadata[i].key);
        free(index->metadata[i].value);
    }
    free(index->entries);
    free(index->metadata);
    *index = (tn_safetensors_index){0};
}
