/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans made of oneDNN primitives. A chain has slots (tensors: an input, an output, or a piece of the workspace) and
 * steps that work on them in order: a primitive, a reorder to a layout that a primitive chose, a copy from strides
 * that oneDNN is slow with.
 *
 * A maker begins a chain, adds slots and steps without looking at errors (the first one sticks and turns all later
 * calls into nothing), and ends it, which gives the plan or the error.
 *
 * Execution is reentrant. A oneDNN memory object carries the address that it stands for, so two executions must not
 * share one: a plan owns several complete sets of them, and an execution takes one that is free. Only if more threads
 * than there are sets execute the very same plan at once does one wait, and then only until another is done. */
#ifndef DN_CHAIN_H
#define DN_CHAIN_H

#include "common.h"

enum { DN_MAX_SLOTS = 12, DN_MAX_STEPS = 8, DN_MAX_ARGS = 24 };

typedef enum dn_place { DN_INPUT, DN_OUTPUT, DN_WORKSPACE } dn_place;
typedef struct dn_chain dn_chain;

typedef struct dn_arg {
    int arg;  /* DNNL_ARG_SRC ... */
    int slot; /* negative: the primitive does not have this operand here */
} dn_arg;

/* An empty chain for a job of `flops` operations, and attributes to make its primitives with; NULL: out of memory,
 * and *error says so. */
dn_chain *dn_chain_begin(tn_device *device, const tn_op_desc *desc, uint64_t flops, tn_error *error);
/* Gives the plan, named after its last primitive but for reorders, or frees everything and returns the first error. */
tn_status dn_chain_end(dn_chain *chain, tn_plan **plan);

dnnl_engine_t dn_chain_engine(const dn_chain *chain);
dnnl_primitive_attr_t dn_chain_attr(const dn_chain *chain);
/* Notes the status of a oneDNN call; returns 1 if the chain is still sound, else 0. */
int dn_chain_try(dn_chain *chain, dnnl_status_t status, const char *call);

/* A slot for f32 input or output `index`. `stored`: how oneDNN shall find it in memory; where its strides are not the
 * tensor's own, the slot is in the workspace and the elements are copied, before the steps that follow or, for an
 * output, after all steps. rank, dims, strides: the view of that memory that the primitive gets. */
int dn_chain_slot(dn_chain *chain, dn_place place, uint64_t index, const tn_tensor_desc *stored, int rank,
                  const int64_t *dims, const int64_t *strides);
/* The same with the tensor's own dims. */
int dn_chain_tensor(dn_chain *chain, dn_place place, uint64_t index, const tn_tensor_desc *stored);
/* A slot in the workspace, laid out as `md` says. */
int dn_chain_scratch(dn_chain *chain, dn_md md);
dn_md dn_chain_md(const dn_chain *chain, int slot); /* NULL after a failure */

/* The slot itself if its layout is `md`, else a new one in the workspace with that layout... */
int dn_chain_chosen(dn_chain *chain, int slot, dn_md md);
/* ... and a reorder to it. */
int dn_chain_reordered(dn_chain *chain, int slot, dn_md md);
/* A reorder of slot `from` into slot `to`, if they are not the same. */
void dn_chain_reorder(dn_chain *chain, int from, int to);
/* The primitive of pd, which is consumed (NULL allowed after a failure). Adds its scratch memory. */
void dn_chain_primitive(dn_chain *chain, dnnl_primitive_desc_t pd, int n, const dn_arg *args);
/* max(y, 0) on all of a slot made with `stored`. NaN stays NaN; oneDNN's own relu makes it 0, which would hide that a
 * model has diverged. */
void dn_chain_relu(dn_chain *chain, int slot, const tn_tensor_desc *stored);

#endif
