/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels whose blocks are cut into teams of threads, host side: which cut, how many blocks, and nests of the dims that
 * stay and of those that are folded. */
#ifndef GPU_TEAMS_H
#define GPU_TEAMS_H

#include "nest.h"

/* The dims of x whose bit is set in mask (gone: they are folded), or not set (kept). Operands: y, x for kept; x for
 * gone. keepdim: y has all the dims of x. As the order does not matter to a fold, x's strides decide it. */
gpu_nest gpu_nest_kept(const tn_tensor_desc *y, const tn_tensor_desc *x, int64_t mask, int keepdim);
gpu_nest gpu_nest_gone(const tn_tensor_desc *x, int64_t mask);
/* A walk over n tensors of one shape, n <= 4, in the order in which the first lies in memory. */
gpu_nest gpu_nest_sorted(int n, const tn_tensor_desc *const *tensors);
/* Distance of neighbours in the fastest dim, 0 if there is none. */
int64_t gpu_nest_step(const gpu_nest *nest, int operand);

/* Do neighbouring results lie closer together than neighbouring elements of one result? */
int gpu_teams_in_columns(int64_t kept, int64_t kept_step, int64_t gone, int64_t gone_step);
/* Teams for `kept` results of `gone` elements each, `each` of these to a thread, in blocks of at most `most` threads. */
gpu_teams gpu_teams_for(int64_t kept, int64_t gone, int64_t each, int columns, uint32_t most);
/* Blocks for `kept` results in one dimension. Kernels stride over what is left. */
gpu_grid gpu_teams_grid(const tn_device *device, gpu_teams teams, int64_t kept);

/* Into how many pieces to cut the elements of each result, so that all multiprocessors have work: 1 for few elements. */
int64_t gpu_teams_pieces(const tn_device *device, gpu_teams teams, int64_t kept, int64_t gone);

/* The nest `kept`, for results that are stored one after the other: operand k becomes dense. */
gpu_nest gpu_nest_with_dense(gpu_nest kept, int k);

#endif
