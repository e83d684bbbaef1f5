/* SPDX-License-Identifier: Apache-2.0
 *
 * Launches that walk over the elements of a tensor and of others that broadcast to it, in the memory order of the first:
 * kernels/walk.h is the other side. What is too large for 32-bit arithmetic becomes several launches. */
#ifndef GPU_WALK_H
#define GPU_WALK_H

#include "nest.h"

/* An operand of a walk. */
typedef struct gpu_walked {
    const tn_tensor_desc *desc; /* NULL: there is none, and the kernel knows */
    gpu_operand kind;
    uint64_t index;
    int counts; /* no memory: desc is as gpu_counter gives it, and the offset is the row-major index */
} gpu_walked;

typedef struct gpu_route {
    gpu_nest nest;
    gpu_walked of[4];
    uint64_t bytes[4];     /* of an element */
    uint64_t alignment[4]; /* of the address */
} gpu_route;

/* The elements of operand 0, n operands. */
gpu_route gpu_route_of(int n, const gpu_walked *of);
/* A tensor of the shape of desc whose elements lie in row-major order without gaps. */
tn_tensor_desc gpu_counter(const tn_tensor_desc *desc);
/* Makes one element of neighbours that all operands have side by side, where that makes 8 or 4 bytes. */
void gpu_route_widen(gpu_route *route);

typedef struct gpu_walk_kernel {
    gpu_kernel kernel;
    uint32_t threads;      /* of a block; 0: GPU_WALK_THREADS */
    uint32_t each;         /* elements that a thread takes at a time; 0: GPU_LANES */
    int64_t times;         /* work items for each element of the walk; 0: 1 */
    uint32_t shared_bytes; /* of dynamic shared memory */
    uint64_t rng;          /* where in the arguments the address of input 1 is wanted; 0: nowhere */
} gpu_walk_kernel;

/* Appends the launches. args: the kernel's arguments, a gpu_walk first, which is filled in here. */
void gpu_route_launch(gpu_plan *plan, const tn_device *device, const gpu_route *route, const gpu_walk_kernel *how,
                      void *args, uint64_t args_bytes);

/* Halves the nest until each part reaches less far than `most` elements in each operand; calls each(arg, part, how far
 * its first element lies from the nest's in each operand) for all parts. */
void gpu_nest_cut(const gpu_nest *nest, const int64_t start[4], int64_t most,
                  void (*each)(void *arg, const gpu_nest *part, const int64_t start[4]), void *arg);

#endif
