/* SPDX-License-Identifier: Apache-2.0
 *
 * Schema strings, read once into structs. The grammar is described in abi/tenon_ops.h. */
#ifndef TENON_SCHEMA_H
#define TENON_SCHEMA_H

#include "ops/op.h"

enum { TN_SCHEMA_ARGS = 8, TN_SCHEMA_ATTRS = 8, TN_SCHEMA_NAME = 24 };

/* A dim is a name, or a number (then `name` is ""). */
typedef struct tn_schema_dim {
    char name[8];
    int64_t size;
} tn_schema_dim;

/* An input or an output. */
typedef struct tn_schema_arg {
    char name[TN_SCHEMA_NAME];
    bool optional, in_place, list;
    char letter;    /* T, I, A, B; 0 if the dtype is fixed */
    tn_dtype dtype; /* if fixed */
    bool ellipsis;  /* leading dims of any number ... */
    char prefix;    /* ... the same where this letter is the same; 0 for a bare "..." */
    bool any_after; /* "[R,...]": the ellipsis comes after `n_dims` dims, not before them */
    int n_dims;
    tn_schema_dim dims[TN_MAX_RANK];
} tn_schema_arg;

typedef struct tn_schema_attr {
    char name[TN_SCHEMA_NAME];
    bool is_float; /* f64, else i64 */
    bool is_array;
    int count;     /* elements; 1 for a scalar */
    size_t offset; /* in the attribute struct */
} tn_schema_attr;

struct tn_schema {
    const char *text;
    char name[TN_SCHEMA_NAME * 2];
    int version;
    int n_in, n_out, n_attrs, n_lists;
    tn_schema_arg in[TN_SCHEMA_ARGS], out[TN_MAX_OUT];
    tn_schema_attr attrs[TN_SCHEMA_ATTRS];
    size_t attrs_size; /* of the attribute struct, 0 if there are no attributes */
};

/* False if text does not follow the grammar; *where is then the place. */
bool tn__schema_parse(const char *text, tn_schema *schema, const char **where);

/* Length of the lists when n_in inputs are given: 1 if the schema has none, -1 if n_in does not fit. */
int tn__schema_list_length(const tn_schema *schema, int n_in);
/* Which of schema->in the flattened input i belongs to. */
int tn__schema_arg_index(const tn_schema *schema, int n_in, int i);

/* May this letter stand for the dtype? */
bool tn__letter_allows(char letter, tn_dtype dtype);

/* ---- engine/infer.c */

/* Checks the inputs against the schema and infers all outputs, row-major strides included; false after raising. */
bool tn__infer(tn_infer *infer);

#endif
