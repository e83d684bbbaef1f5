/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording without memory: the operators and views of a function over tensors that are numbered, not placed. It
 * knows no strides, no devices and no plans, so that it can be saved, and run by any backend at any batch size.
 *
 * Tensors have numbers: first the inputs, then the weights, then the results of the lines, in order. */
#ifndef TENON_PROGRAM_SCRIPT_H
#define TENON_PROGRAM_SCRIPT_H

#include "engine/views.h"
#include "program/program.h"

typedef enum tn_line_kind {
    TN_LINE_OP,         /* an operator of the catalogue */
    TN_LINE_RESHAPE,    /* dims */
    TN_LINE_EXPAND,     /* dims */
    TN_LINE_PERMUTE,    /* dims: the order */
    TN_LINE_SLICE,      /* slice */
    TN_LINE_CONTIGUOUS, /* a copy; input and result may be one where nobody would notice */
    TN_LINE_COPY,       /* writes input 0 to input 1 */
    TN_LINE_EMPTY,      /* dtype, dims: new memory, to be written to */
    TN_LINE_KINDS
} tn_line_kind;

extern const char *const tn__line_names[TN_LINE_KINDS]; /* "reshape"; NULL for operators, which have schemas */

enum { TN_SAME_DIM = -1 }; /* in dims[0] of reshape and expand: dim 0 stays what it is */

typedef struct tn_line {
    tn_line_kind kind;
    const tn_op *op;
    void *attrs; /* of op; owned; NULL if it has none */
    tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK];
    tn_slice_attrs slice; /* its size is not used */
    int n_in, n_out;
    int *in; /* owned; -1 where an optional one is absent */
    int first_out;
} tn_line;

typedef struct tn_weight {
    char *name;
    tn_tensor *tensor; /* retained; NULL while only its name is known */
} tn_weight;

typedef struct tn_script {
    char *name;
    tn_dev *dev; /* where its weights are; NULL while they are not */
    int n_in, n_weights, n_lines, n_out, n_tensors;
    tn_tensor_desc *in; /* dtypes and dims of the inputs, as recorded */
    tn_weight *weights;
    tn_line *lines;
    int *out;
    int line_room, weight_room;
    /* What tn__script_study finds out: */
    int *root; /* of each tensor: the first one that shares its memory */
    int *last; /* the last line that uses it; n_lines for results */
    /* Of each root: is it memory that a line makes, that a line writes to, that is a result or may become one? */
    bool *made, *written, *given;
} tn_script;

/* ---- script.c */

void tn__script_release(tn_script *script);
/* A line at the end, whose results get the next numbers; attrs and in are taken over, also when it fails: false then,
 * there being no memory. */
bool tn__script_add_line(tn_script *script, tn_line *line);
/* Takes over name; weight may be NULL. */
bool tn__script_add_weight(tn_script *script, char *name, tn_tensor *weight);
bool tn__line_writes(const tn_line *line, int i); /* to its input i? */
/* Fills root to given. False if there is no memory, or, with the line in *line, if it writes to memory that no line
 * has made. */
bool tn__script_study(tn_script *script, int *line);

/* ---- script_record.c: what a recording has done; false after raising why it cannot be saved. names: what tensors are
 * to be called; others are constant.0, constant.1, ... */
typedef struct tn_names {
    int n;
    const char **names;
    tn_tensor **tensors;
} tn_names;
bool tn__script_record(tn_script *script, const char *name, const tn_recorded *recorded, const tn_names *names);

/* ---- script_write.c: as JSON; NULL if there is no memory, or a name is not UTF-8. The caller frees. */
char *tn__script_write(const tn_script *script);

/* ---- script_read.c: from JSON, of which nothing is trusted. Weights have names only. After a failure *script is
 * empty. */
tn_status tn__script_read(const char *text, tn_script *script, tn_error *error);

/* ---- script_run.c: a tn_program_fn; arg is a tn_script that has been studied and has its weights */
void tn__script_run(void *arg, tn_tensor *const *in, tn_tensor **out);

/* ---- program.c: for save.c */

/* A program whose function is tn__script_run; takes the script over, also when it fails. */
tn_program *tn__program_of_script(tn_context *tn, tn_script *script);
const tn_script *tn__program_script(const tn_program *program);     /* NULL: its function is somebody's C */
const tn_recorded *tn__program_recorded(const tn_program *program); /* the one that ran last; NULL: none */
const char *tn__program_name(const tn_program *program, tn_context **tn);

#endif
