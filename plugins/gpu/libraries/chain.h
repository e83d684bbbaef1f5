/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan made of plans, one after the other: a library's, with plans of shared kernels before and behind it. */
#ifndef GPU_CHAIN_H
#define GPU_CHAIN_H

#include "gpu.h"

/* What a step works on: an operand of the whole, or scratch memory of it from `bytes` on. */
typedef struct gpu_ref {
    gpu_operand kind;
    uint64_t index, bytes;
} gpu_ref;

typedef struct gpu_chain gpu_chain;

/* An empty chain; NULL if there is no host memory. Its functions remember the first failure, which gpu_chain_finish tells. */
gpu_chain *gpu_chain_new(tn_device *device, const tn_op_desc *desc, uint64_t flops, tn_error *error);
/* Scratch memory that lasts for the chain. */
gpu_ref gpu_chain_room(gpu_chain *chain, uint64_t bytes);
/* Appends a plan, which becomes the chain's, with its inputs and output 0. */
void gpu_chain_add(gpu_chain *chain, tn_plan *plan, uint64_t n_in, const gpu_ref *in, gpu_ref out);
/* Appends the shared kernels' plan of an operator that has one output. */
void gpu_chain_shared(gpu_chain *chain, const char *operator_name, const void *attrs, uint64_t n_in,
                      const tn_tensor_desc *const *in, const gpu_ref *at, const tn_tensor_desc *out, gpu_ref out_at);
/* Keeps a failure of the caller's own. */
void gpu_chain_fail(gpu_chain *chain, tn_status status, const tn_error *error);
/* Hands the chain over under a name, or destroys it and says what went wrong. */
tn_status gpu_chain_finish(gpu_chain *chain, const char *implementation, tn_plan **plan, tn_error *error);

#endif
