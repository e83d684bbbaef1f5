/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operator is. Each is declared once: a row in abi/tenon_ops.h and one tn_op, in a file of its own or as a
 * row of a family's table. Its samples feed every test of every backend. */
#ifndef TENON_OP_H
#define TENON_OP_H

#include "tensor/tensor.h"

enum { TN_MAX_OUT = 3 };

typedef struct tn_op tn_op;

/* ---- shape inference: runs after the schema has been checked (ranks, dtypes, equal names of sizes). out[i] comes
 * with all that the schema tells; what it does not tell has dims of -1 or rank UINT32_MAX, dtype 0. */
typedef struct tn_infer {
    tn_context *ctx;
    const tn_op *op;
    const void *attrs;
    tn_tensor *const *in; /* n_in; NULL where absent */
    int n_in, n_out;
    tn_tensor_desc out[TN_MAX_OUT]; /* fill in dtype, rank and dims; strides are the engine's business */
} tn_infer;

/* ---- reference kernel: portable C on host memory, one call for each execution. Unless the op has TN_OP_STRIDED,
 * every array arrives row-major without gaps (the reference backend packs what is not). */
typedef struct tn_run {
    const void *attrs;
    int n_in, n_out;
    const tn_tensor_desc *const *in_desc; /* NULL where absent */
    const tn_tensor_desc *const *out_desc;
    void *const *in; /* addresses; NULL where absent */
    void *const *out;
    void *scratch; /* op->scratch bytes, aligned to 64 */
} tn_run;

/* ---- gradient: called with dy, sends one gradient for each input that wants one. Written with operators. */
typedef struct tn_grad {
    tn_context *ctx;
    const void *attrs;
    tn_tensor *dy;  /* of out[0]; only output 0 has a gradient */
    tn_tensor **in; /* n_in; NULL where absent */
    tn_tensor **out;
    int n_in;
    bool create_graph; /* the gradient must be differentiable itself: use no value that a kernel saved */
    tn_tensor **result;
    const bool *wanted;
} tn_grad;
static inline bool tn_wants_grad(const tn_grad *g, int i)
{
    return g->wanted[i];
}
static inline void tn_send_grad(tn_grad *g, int i, tn_tensor *dx)
{
    g->result[i] = dx;
}

enum {
    TN_OP_ELEMENTWISE = 1, /* dense outputs take the memory order of the inputs */
    TN_OP_STRIDED = 2,     /* the reference kernel takes any strides */
    TN_OP_IMAGE = 4,       /* rank-4 outputs take the order that the device prefers */
    TN_OP_SPARSE = 8,      /* input 0 stands for a sparse tensor, whose zeros need not be multiplied with infinities */
    TN_OP_PADS = 16        /* it may be computed by padding an input with zeros, which may meet infinities or not */
};

struct tn_op {
    const char *name;
    uint32_t flags;
    bool (*infer)(tn_infer *infer);                       /* false after tn_raise; NULL if the schema says all */
    tn_status (*run)(const tn_run *run, tn_error *error); /* NULL if there is only the decomposition */
    uint64_t (*scratch)(const tn_run *run);               /* bytes; run has no addresses yet; NULL: none */
    uint64_t (*flops)(const tn_run *run); /* NULL: number of elements of output 0 (of input 0 if there is none) */
    uint64_t (*bytes)(const tn_run *run); /* moved; NULL: all inputs and outputs once, inputs in place twice */
    void (*grad)(tn_grad *grad);          /* NULL: not differentiable */
    /* Fused operators: the same with other operators. Writes n_out tensors. Used where a backend lacks the op. */
    void (*decompose)(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in, tn_tensor **out);
    /* Inputs and attributes to test with, ended by NULL: "x[2,3,8,8] w[6,3,3,3] b[6]; stride=2,2 padding=1,1".
     * Inputs are named as in the schema; those left out are absent; a list repeats its name. Attributes left out are
     * 0, or 1 for stride, dilation and groups. Values come uniformly from [-2, 2), integers from [0, 5), unless
     * x[2]{0.1,4} says otherwise; x:u8[3] fixes the dtype of a letter for that sample; x[2,3]' lies transposed in
     * memory. */
    const char *const *samples;
    /* Samples of the same kind: how the MNIST models (nn/models.c) use the operator in training and inference, with N
     * where the batch size goes: "x[N,32,13,13] w[64,32,3,3] b[64]". What is updated in place must stay finite and
     * normal however often the operator runs. NULL if they do not use it. */
    const char *const *shapes;
    const void *data; /* the operator's own: what tells the members of a family apart */
};
#define TN_SAMPLES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- catalogue.c: the operators by name, with their schemas read */

typedef struct tn_schema tn_schema; /* ops/schema.h */

extern const tn_op *const tn__catalogue[]; /* in the order of tenon_ops.h, ended by NULL */
int tn__op_index(const char *name);        /* -1 if there is none */
int tn__op_index_of(const tn_op *op);
const tn_schema *tn__op_schema(const tn_op *op);

/* The tn_op of each row, by name: tn__op_conv2d. */
#define TN_OP(name, schema, bound, meaning) extern const tn_op tn__op_##name;
#include "tenon_ops.h"
#undef TN_OP

/* ---- engine/apply.c: what public functions call */

/* Runs op on inputs (NULL = absent optional, lists flattened), records it if a gradient may be wanted, and returns
 * output 0 (nil if it failed; NULL for an operator without outputs). attrs: the attribute struct, or NULL. */
tn_tensor *tn__apply(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in);
/* The same with all outputs: op's n_out tensors go to out, which is all nil after a failure. */
bool tn__apply_all(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in, tn_tensor **out);
/* Runs an op with one output into an existing tensor of the right shape; never recorded. */
bool tn__apply_into(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in, tn_tensor *out);
#define TN_APPLY(tn, name, attrs, ...)                                                                          \
    tn__apply((tn), &tn__op_##name, (attrs), (int)(sizeof((tn_tensor *[]){__VA_ARGS__}) / sizeof(tn_tensor *)), \
              (tn_tensor *[]){__VA_ARGS__})

/* engine/create.c: a generator's state for one call on dev, i64[2], and what to set the attribute `call` to. Moves the
 * context's generator on. nil after raising. */
tn_tensor *tn__rng(tn_dev *dev, int64_t *call);

/* x in the memory order of `like`, which has its shape: a copy, unless it lies so already or `like` has gaps. */
tn_tensor *tn__ordered_like(tn_tensor *x, const tn_tensor *like); /* engine/views.c */
/* Sums dy down to the shape that x had before it was broadcast. */
tn_tensor *tn__unbroadcast(tn_tensor *dy, tn_tensor *x);
/* Raises "<op>: <message> (x: [2, 3], w: [4])" with the shapes of all inputs; returns false. */
bool tn__refuse(tn_infer *infer, const char *format, ...) TN_PRINTF(2, 3);
/* Broadcast shape of n tensors into *out (rank, dims); false after raising. */
bool tn__broadcast(tn_infer *infer, int first, int n, tn_tensor_desc *out);

/* ---- helpers of reference kernels */

/* Calls body on pieces of [0, n) on several threads; serial below `grain`, and within another call. No two pieces have
 * the same `begin`. */
void tn__parallel_for(int64_t n, int64_t grain, void (*body)(void *arg, int64_t begin, int64_t end), void *arg);

/* Philox 4x32-10 block `block` of the stream (seed, offset): four words. */
void tn__philox(uint64_t seed, uint64_t offset, uint64_t block, uint32_t out[4]);

/* Compile a hot loop for several instruction sets and let the loader choose (glibc on x86-64; not under sanitizers,
 * which run too late for the resolvers). */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(TN_NO_MULTIVERSION)
#define TN_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TN_MULTIVERSION
#endif

#endif
