/* SPDX-License-Identifier: Apache-2.0
 *
 * What the plugins for NVIDIA's and AMD's GPUs share, host side. An operator's plan is a list of launches: a kernel, a
 * grid, and an argument struct with holes where addresses go. Making a plan decides everything; executing it fills the
 * holes and launches. Shared code knows no vendor: it calls the few functions below, which each plugin defines, and
 * tests/gpu_host, where the kernels run on the CPU, a fiber for each thread. */
#ifndef GPU_H
#define GPU_H

#include "tenon_abi.h"
#include "tenon_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GPU_TRY(expression)               \
    do {                                  \
        tn_status status_ = (expression); \
        if (status_) return status_;      \
    } while (0)

/* ---- kernels: kernels.h lists them; each takes one struct, by value */

typedef enum gpu_kernel {
#define GPU_KERNEL(name, args) GPU_##name,
#include "kernels.h"
#undef GPU_KERNEL
    GPU_KERNELS
} gpu_kernel;

typedef struct gpu_grid {
    uint32_t x, y, z;      /* blocks */
    uint32_t threads;      /* of a block, in one dimension */
    uint32_t shared_bytes; /* of dynamic shared memory */
} gpu_grid;

/* ---- what the vendor's part defines */

enum { GPU_MOST_DEVICES = 64 }; /* of a process; others are not looked at */

typedef struct gpu_limits {
    uint32_t warp;            /* threads that run in step: 32 or 64 */
    uint32_t multiprocessors; /* blocks that run at once, at least */
    uint32_t shared_bytes;    /* that a block may have without asking for more */
} gpu_limits;

extern const tn_host_api *gpu_host;
const gpu_limits *gpu_limits_of(const tn_device *device);
/* Tells what is queued next, for messages of errors that show only later: an operator and its implementation. */
void gpu_note(tn_stream *stream, const char *operator_name, const char *implementation);
/* Queues a launch. args is copied. */
tn_status gpu_launch(tn_stream *stream, gpu_kernel kernel, gpu_grid grid, const void *args, tn_error *error);

/* ---- plan.c: plans that are lists of launches */

typedef enum gpu_operand { GPU_IN, GPU_OUT, GPU_WORKSPACE } gpu_operand;

typedef struct gpu_plan gpu_plan;

enum { GPU_MOST_ARGS = 4000 }; /* bytes of an argument struct: what every GPU takes */

TN_UNUSED static inline uint64_t gpu_bytes_of(const tn_tensor_desc *desc)
{
    return (uint64_t)tn_desc_numel(desc) * tn_dtype_size(desc->dtype);
}

/* Bytes of all inputs and outputs, each moved once. */
uint64_t gpu_bytes_moved(const tn_op_desc *desc);
/* A plan for desc without launches yet. It reports one operation for each element of the first output (or input) and
 * every tensor moved once; correct that in the result. The implementation's name is "<implementation>". NULL if there is
 * no host memory, with the error filled in. */
gpu_plan *gpu_plan_new(const tn_op_desc *desc, const char *implementation, tn_error *error);
/* Appends a launch. args: the kernel's argument struct; holes in it are told by gpu_bind. */
void gpu_plan_launch(gpu_plan *plan, gpu_kernel kernel, gpu_grid grid, const void *args, uint64_t args_bytes);
/* The pointer at `offset` of the last launch's arguments becomes the address of operand `index` plus `bytes` (of the
 * workspace: index is 0). An absent input gives NULL. */
void gpu_plan_bind(gpu_plan *plan, uint64_t offset, gpu_operand kind, uint64_t index, uint64_t bytes);
/* Gives the implementation another name: of what was chosen. */
TN_PRINTF(2, 3) void gpu_plan_name(gpu_plan *plan, const char *format, ...);
/* Reserves workspace; returns its offset. Aligned to 256 bytes. */
uint64_t gpu_plan_workspace(gpu_plan *plan, uint64_t bytes);
tn_plan *gpu_plan_head(gpu_plan *plan);
/* Appends to the implementation's name of a plan that the functions here have made. */
void gpu_plan_remark(tn_plan *plan, const char *remark);
/* Ends making: hands the plan over, or destroys it if a step found no memory. */
tn_status gpu_plan_finish(gpu_plan *plan, tn_plan **out, tn_error *error);

#ifdef __cplusplus
}
#endif
#endif
