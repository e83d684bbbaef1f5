/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine tells a program that is being recorded (program/record.c). Called only while tn->recorder
 * is not NULL, but for tn__accumulates_in_place. */
#ifndef TENON_RECORDER_H
#define TENON_RECORDER_H

#include "ops/op.h"
#include "tensor/notes.h"

/* One operator that has run. in: NULL where absent. */
typedef struct tn_ran {
    const tn_op *op;
    const void *attrs;
    size_t attrs_size;
    int n_in, n_out;
    tn_tensor *const *in;
    tn_tensor *const *out;
    tn_dev *dev; /* that it ran on */
    bool fell_back;
    uint64_t workspace_bytes;
} tn_ran;

/* False after raising. */
bool tn__note_ran(tn_context *tn, const tn_ran *ran);
/* y is a view of x. op: one of those in views.c, with its attributes; NULL: y is x under another name. */
bool tn__note_view(tn_context *tn, const tn_op *op, const void *attrs, size_t attrs_size, tn_tensor *x, tn_tensor *y);

/* May the host read, or write, x's memory now? It may write to what was made while recording and no operator has used
 * yet: that is a constant of the program. False after raising why not. what: "read", "write". */
bool tn__note_host_read(tn_tensor *x, const char *what);
bool tn__note_host_write(tn_tensor *x, const char *what);
/* What a replay cannot do, though the function can, and why (a phrase): it goes on, and is not recorded. */
void tn__give_up_recording(tn_context *tn, const char *format, ...) TN_PRINTF(2, 3);

/* x's gradient is about to be set (or cleared), or to be looked at or added to. What it was before the function ran
 * matters if it is used first. */
void tn__note_grad_set(tn_tensor *x);
void tn__note_grad_used(tn_tensor *x);
/* Was x's gradient there before? Then what is added goes into its memory, so that the next run finds it. */
bool tn__accumulates_in_place(const tn_tensor *x);

/* The program's generator state on dev, i64[2], and the number of this call in *call. nil after raising. */
tn_tensor *tn__recorded_rng(tn_dev *dev, int64_t *call);

#endif
