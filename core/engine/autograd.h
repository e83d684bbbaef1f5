/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph that recording builds. A node belongs to the tensor that it made (output 0 of an operator), or to a leaf
 * that wants a gradient; it holds its operator's inputs. */
#ifndef TENON_AUTOGRAD_H
#define TENON_AUTOGRAD_H

#include "ops/op.h"

/* The version of what an operator updates in place, as batch norm does its running statistics: no gradient reads it. */
#define TN_WRITTEN UINT64_MAX

struct tn_node {
    const tn_op *op; /* NULL: the node of a leaf */
    uint64_t sequence;
    void *attrs;
    int n_in, n_out;
    tn_tensor **in;             /* held; NULL where absent */
    uint64_t *versions;         /* of in's storage when recorded; TN_WRITTEN where the operator writes to it */
    tn_tensor *out[TN_MAX_OUT]; /* out[0] is the owner, not held; the others are held */
    uint64_t out_version;
    bool freed; /* by backward: in and attrs are gone */
    /* during a walk */
    uint64_t pass;
    bool needed;   /* on a way to a wanted tensor */
    bool captured; /* keep dy for tn_grad_for */
    tn_tensor *dy; /* held */
};

/* Does anything that is computed from x need recording? */
static inline bool tn__tracks(const tn_tensor *x)
{
    return x && x->requires_grad;
}

/* Records op as the maker of out[0], if recording is on and an input is tracked. attrs are copied. False after
 * raising. */
bool tn__record(tn_context *tn, const tn_op *op, const void *attrs, size_t attrs_size, int n_in, tn_tensor *const *in,
                int n_out, tn_tensor **out);
/* False after raising if x must not be written in place now. */
bool tn__may_write(tn_tensor *x, const char *what);

#endif
