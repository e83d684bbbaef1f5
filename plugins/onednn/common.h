/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the oneDNN plugin: what a device is, and loop plans (operators that run the plugin's own
 * loops). nest.h walks strided operands; chain.h makes plans of oneDNN primitives. */
#ifndef DN_COMMON_H
#define DN_COMMON_H

#include "tenon_abi.h"
#include "tenon_ops.h"

#include "dnnl_compat.h"

extern const tn_host_api *dn_host; /* plugin.c; set before any kernel can be called */

struct tn_device {
    dnnl_engine_t engine;
};

struct tn_stream {
    dnnl_stream_t stream;
};

enum { DN_ALIGNMENT = 64 };

#define DN_TRY(expression)                \
    do {                                  \
        tn_status status_ = (expression); \
        if (status_) return status_;      \
    } while (0)

/* Compile a hot loop for several instruction sets and let the loader choose (glibc on x86-64; not under sanitizers,
 * which run too late for the resolvers). */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(TN_NO_MULTIVERSION)
#define DN_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DN_MULTIVERSION
#endif
/* What such a loop calls must become part of each of its versions. */
#define DN_INLINE static inline __attribute__((always_inline))

/* The iterations of the loop that follows do not depend on each other: an output either is an input, address for
 * address, or does not overlap it. Loops that call the C library stay as they are, which clang would complain about. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"
#define DN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define DN_INDEPENDENT _Pragma("GCC ivdep")
#else
#define DN_INDEPENDENT
#endif

DN_INLINE int64_t dn_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
DN_INLINE int64_t dn_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
DN_INLINE uint64_t dn_round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* ---- error.c */

/* TN_OK, or the failure of a oneDNN call named `call`, on behalf of operator `op`. */
tn_status dn_status(dnnl_status_t status, const char *op, const char *call, tn_error *error);
const char *dn_dtype_name(tn_dtype dtype);
/* TN_OK if `dtype` is one of `allowed` (bits: DN_BIT(TN_F32) | ...), else TN_UNSUPPORTED with a sentence. */
tn_status dn_dtype_in(const tn_op_desc *desc, tn_dtype dtype, uint32_t allowed, tn_error *error);
#define DN_BIT(dtype) (1u << (dtype))
enum {
    DN_FLOATS = DN_BIT(TN_F32) | DN_BIT(TN_F64),
    DN_NUMBERS = DN_FLOATS | DN_BIT(TN_I64) | DN_BIT(TN_I32) | DN_BIT(TN_U8),
    DN_ANY = DN_NUMBERS | DN_BIT(TN_BOOL)
};

/* ---- loop.c: a plan that runs the plugin's own code */

typedef struct dn_loop dn_loop;
typedef tn_status (*dn_loop_fn)(const dn_loop *loop, const tn_bindings *at, tn_error *error);

struct dn_loop {
    tn_plan plan;
    dn_loop_fn run;
    tn_op_desc desc; /* a deep copy that lives as long as the plan; without the name */
    void *extra;     /* the operator's own, zeroed */
};

/* Makes a plan that calls `run`, with `extra_bytes` of its own. It reports bytes moved, one operation per element of
 * the first output (or input) and full determinism; the caller corrects what is not so. */
tn_status dn_loop_create(const tn_op_desc *desc, dn_loop_fn run, uint64_t extra_bytes, dn_loop **loop, tn_error *error);
/* The plan of an operator on tensors without elements: all outputs, if they have any, are sums of nothing, zero. */
tn_status dn_zero_plan(const tn_op_desc *desc, tn_plan **plan, tn_error *error);
/* Bytes of all inputs and outputs. */
uint64_t dn_bytes_moved(const tn_op_desc *desc);

/* ---- the kernels: a check and a maker of plans each, named in plugin.c */

#define DN_KERNEL(name)                                                                                             \
    tn_status dn_##name##_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error); \
    tn_status dn_##name##_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,    \
                               tn_error *error);
DN_KERNEL(map)
DN_KERNEL(scalar)
DN_KERNEL(clamp)
DN_KERNEL(cast)
DN_KERNEL(copy)
DN_KERNEL(fill)
DN_KERNEL(arange)
DN_KERNEL(random)
DN_KERNEL(dropout)
DN_KERNEL(reduce)
DN_KERNEL(argmax)
DN_KERNEL(matmul)
DN_KERNEL(linear)
DN_KERNEL(softmax)
DN_KERNEL(nll_loss)
DN_KERNEL(cross_entropy)
DN_KERNEL(cross_entropy_grad)
DN_KERNEL(one_hot)
DN_KERNEL(conv2d)
DN_KERNEL(conv2d_grad_input)
DN_KERNEL(conv2d_grad_weight)
DN_KERNEL(conv_pool)
DN_KERNEL(conv_pool_grad_input)
DN_KERNEL(conv_pool_grad_weight)
DN_KERNEL(max_pool2d)
DN_KERNEL(max_pool2d_grad)
DN_KERNEL(max_pool2d_gather)
DN_KERNEL(avg_pool2d)
DN_KERNEL(avg_pool2d_grad)
DN_KERNEL(batch_norm2d)
DN_KERNEL(batch_norm2d_grad)
DN_KERNEL(index_select)
DN_KERNEL(index_add)
DN_KERNEL(gather_scale)
DN_KERNEL(cat)
DN_KERNEL(sgd_step)
DN_KERNEL(adam_step)
#undef DN_KERNEL

#endif
