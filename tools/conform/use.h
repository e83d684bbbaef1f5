/* SPDX-License-Identifier: Apache-2.0
 *
 * One use of an operator as the plugin sees it: its kernel, a description, and buffers with drawn values. */
#ifndef TENON_CONFORM_USE_H
#define TENON_CONFORM_USE_H

#include "trial.h"

enum { USE_TENSORS = 48 };

typedef struct use_tensor {
    tn_tensor_desc desc;
    bool present;
    uint64_t bytes;
    void *drawn;  /* inputs: row-major, on the host */
    void *memory; /* on the device */
} use_tensor;

typedef struct use {
    conform_run *run;
    conform_device device;
    const tn_kernel *kernel;
    tn_context *reference; /* draws values, and tells what outputs look like */
    tn_op_call *call;
    tn_op_desc desc;
    int n_in, n_out;
    use_tensor in[USE_TENSORS], out[USE_TENSORS];
    const tn_tensor_desc *in_desc[USE_TENSORS], *out_desc[USE_TENSORS];
    uint64_t flops, bytes; /* as the reference backend's plan reports them */
    char what[TRIAL_TEXT];
} use;

/* Opens device and reference; false after conform_fail. use_close is needed in any case. */
bool use_open(use *u, conform_run *run);
void use_close(use *u);
/* Describes the operator on a sample, all tensors row-major. False if the operator itself refuses it, or after
 * conform_fail. use_release is needed if true. */
bool use_describe(use *u, const char *sample, tn_dtype dtype);
void use_release(use *u);
/* Calls body for each sample in each dtype, with the use described, until the run fails. */
void use_for_each(use *u, void (*body)(use *u));

/* A plan, or NULL: the plugin refuses it, or after conform_fail. */
tn_plan *use_plan(use *u, uint64_t flags);
/* Device memory for all tensors; false after conform_fail. */
bool use_allocate(use *u);
/* Writes inputs, poisons outputs, executes, and waits. Output `alias_out` is bound to the address of input `alias_in`; -1:
 * none is. Then results: fresh bytes of all outputs and inputs, one after the other; NULL after conform_fail. */
unsigned char *use_execute(use *u, const tn_plan *plan, int alias_out, int alias_in, uint64_t *size);

#endif
