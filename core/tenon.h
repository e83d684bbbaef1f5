/* SPDX-License-Identifier: Apache-2.0
 *
 * Tenon's public interface: tensors, autograd, nn, optim, data. Names and defaults follow PyTorch.
 *
 * Errors are sticky. A function that fails returns the context's nil tensor (never NULL), and every function passes
 * nil on, so calls nest without a test between them. The first message stays in the context; look once per step with
 * tn_check. A function given a bad tensor does nothing else.
 *
 * Temporaries belong to scopes. What is made between tn_begin and tn_end is freed by tn_end, except what it is told
 * to keep. Nobody frees a tensor by hand. Modules, optimizers, loaders and datasets belong to the context, and
 * tn_close releases them.
 *
 * A context and everything made with it is used by one thread at a time. Several contexts may live in one process.
 */
#ifndef TENON_H
#define TENON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tenon_abi.h"
#include "tenon_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TN_API __attribute__((visibility("default")))
#define TN_SENTINEL __attribute__((sentinel))
#else
#define TN_API
#define TN_SENTINEL
#endif

typedef struct tn_context tn_context;
typedef struct tn_tensor tn_tensor;
typedef struct tn_module tn_module;
typedef struct tn_optimizer tn_optimizer;
typedef struct tn_scheduler tn_scheduler;
typedef struct tn_dataset tn_dataset;
typedef struct tn_loader tn_loader;

TN_API const char *tn_version(void); /* "0.1.0" */

/* ==== context ================================================================================================ */

/* Opens a context on a backend. spec: "auto", "reference", "onednn", "cuda:1", ...; NULL means $TENON_BACKEND, or
 * "auto" if that is unset. Never NULL: if the backend cannot be had, tn_check says so, and the message lists every
 * candidate with the reason why it was refused. */
TN_API tn_context *tn_open(const char *spec);
/* Releases everything made with the context. NULL is allowed. Returns 0 if no error was pending, else 1 after
 * writing the message to stderr, so that main can end with `return tn_close(tn);`. */
TN_API int tn_close(tn_context *tn);

TN_API tn_status tn_check(const tn_context *tn);     /* TN_OK, or the status of the first error */
TN_API const char *tn_message(const tn_context *tn); /* its message, "" if there is none */
TN_API void tn_clear(tn_context *tn);                /* forgets the error */
/* Reports an error of your own, as a user-defined module does. Keeps the first message. Returns nil. */
TN_API tn_tensor *tn_raise(tn_context *tn, tn_status status, const char *format, ...) TN_PRINTF(3, 4);
TN_API const char *tn_status_name(tn_status status); /* "TN_INVALID" */

/* Runs release(object) when the context is closed, last registered first. */
TN_API void tn_on_close(tn_context *tn, void (*release)(void *object), void *object);

typedef struct tn_mark {
    uint64_t scope;
} tn_mark;
TN_API tn_mark tn_begin(tn_context *tn);
/* Frees all tensors made since the mark; those listed (end the list with NULL) move to the enclosing scope. */
TN_API void tn_end(tn_context *tn, tn_mark mark, ...) TN_SENTINEL;
/* For containers that outlive scopes (modules, optimizers): one more, or one less, reason to keep a tensor. Both accept
 * NULL. */
TN_API tn_tensor *tn_retain(tn_tensor *x);
TN_API void tn_release(tn_tensor *x);

/* Number of threads of this process's CPU work; default $TENON_NUM_THREADS, else the CPUs that it may run on. */
TN_API void tn_set_num_threads(int n);
TN_API int tn_get_num_threads(void);
/* What the CPU can run of the levels of x86-64 (v1 to v4), as plugins are chosen by it; $TENON_CPU caps it. 0 on other
 * kinds of processor. */
TN_API int tn_cpu_level(void);
/* Lines at or above a level go to stderr ($TENON_LOG=error|warn|info|debug, default warn). */
TN_API void tn_log_line(uint32_t level, const char *format, ...) TN_PRINTF(2, 3);

/* ==== devices and backends =================================================================================== */

/* The device that new tensors are made on, "onednn:0". */
TN_API const char *tn_default_device(const tn_context *tn);
/* Opens another device if need be and makes it the default. */
TN_API tn_status tn_set_default_device(tn_context *tn, const char *spec);

typedef struct tn_device_status {
    const char *name;         /* "cuda:0" */
    const char *description;  /* "NVIDIA H200" */
    const char *architecture; /* "sm_90" */
    uint32_t kind;            /* TN_DEVICE_* */
    uint64_t memory_bytes;    /* 0 if unknown */
    bool synchronous;         /* work is done when a call returns */
} tn_device_status;

/* One plugin file (or a backend that is linked in) as the loader sees it. Texts belong to the process. */
typedef struct tn_backend_status {
    const char *name;     /* "onednn", or the file's base name if neither its note nor its table could be read */
    const char *path;     /* "" for one that is linked in */
    const char *found_by; /* "TENON_PLUGIN_FILES", "TENON_PLUGIN_PATH", "beside libtenon", "installed", "built in", or
                           * the function that added it */
    const char *version;  /* "" if unknown */
    const char *vendor;   /* "" if unknown */
    const char *library;  /* "oneDNN 2.6.3"; "" if unknown */
    const char *refused;  /* why it cannot be used, in a sentence; NULL if it can */
    const char *rule;     /* the rule that refused it, in a word; NULL if it can be used:
                           *   path owner writable      where it lies, and who may change it
                           *   elf note cpu sanitizer   what was read from the file
                           *   variant name             another file of that name comes first or suits the CPU better
                           *   crash timeout            what became of the child process that tried it first
                           *   library symbol           the dynamic loader's refusal
                           *   abi table declined       what query answered
                           *   device                   there is none, or they could not be counted */
    const tn_plugin_note *note; /* as read from the file, fields that it lacks being 0; NULL if there is none */
    const char *const *needed;  /* the shared libraries that the file is linked to, ended by NULL */
    const tn_device_status *devices;
    int n_devices;
    bool chosen;               /* `auto` takes it */
    uint64_t load_nanoseconds; /* spent in loading and asking it; 0 for one that is linked in */
} tn_backend_status;

/* All candidates in search order, read but not loaded: no code of theirs has run, and what only running them could tell
 * (devices, some refusals, what is chosen) is not there. The result belongs to the process. */
TN_API const tn_backend_status *tn_plugin_files(int *n);
/* All candidates in search order. The result belongs to the process. */
TN_API const tn_backend_status *tn_backends(int *n);
/* Adds a plugin file, searched before all others. Call it before the first tn_open or tn_backends. */
TN_API void tn_add_plugin_file(const char *path);
/* Adds a backend that is linked into the program, by its entry function; searched before all files. `query` is called
 * once, and the table that it gives must live as long as the process. Call it before the first tn_open or
 * tn_backends. */
TN_API void tn_add_plugin(tn_plugin_query_fn query);
/* The entry function of the built-in reference backend: for programs that wrap or test backends themselves. */
TN_API tn_status tn_reference_query(const tn_host_api *host, const tn_plugin **plugin, tn_error *error);
/* What the core offers to plugins; lives as long as the process. */
TN_API const tn_host_api *tn_host(void);

/* One operator of the catalogue. */
typedef struct tn_op_status {
    const char *name, *schema, *meaning;
    double bound; /* how far from exact a kernel may be, as abi/tenon_ops.h defines it; 0: not at all */
    bool fused;   /* a decomposition stands in where a backend lacks it */
    /* Inputs and attributes to try the operator with, ended by NULL: "x[2,3,8,8] w[6,3,3,3]{0,1} b[6]; padding=1,1".
     * Inputs are named as in the schema, and those left out are absent; {0,1} is the range that values are drawn from,
     * x:u8[3] a dtype, x[2,3]' a matrix that lies transposed in memory. Attributes left out are 0, or 1 for stride,
     * dilation and groups. */
    const char *const *samples;
    /* The same for the uses that the MNIST models make of it in training and inference, with N for the batch size:
     * "x[N,32,13,13] w[64,32,3,3] b[64]". Only a NULL if they make none. */
    const char *const *shapes;
} tn_op_status;
TN_API const tn_op_status *tn_ops(int *n);
/* Does the backend offer the operator at all? */
TN_API bool tn_backend_has_op(const char *backend, const char *op);

/* An operator on inputs drawn for one of its samples: what benchmarks and conformance checks run. */
typedef struct tn_op_call tn_op_call;

/* How the inputs lie in memory. What a sample calls transposed is so in the first three; gaps hold NaN, or 1 where the
 * dtype is whole. */
typedef enum tn_op_layout {
    TN_OP_LAYOUT_PREFERRED,     /* images (rank 4, the batch first) as the device prefers them, all else row-major */
    TN_OP_LAYOUT_ROW_MAJOR,     /* no gaps */
    TN_OP_LAYOUT_SHIFTED,       /* row-major, one element behind an aligned address */
    TN_OP_LAYOUT_TRANSPOSED,    /* the first dim fastest, a gap behind each */
    TN_OP_LAYOUT_SLICED,        /* row-major, every other element */
    TN_OP_LAYOUT_CHANNELS_LAST, /* inputs of rank 4: N H W C */
    TN_OP_LAYOUT_EXPANDED,      /* the first dim has stride 0, but for inputs that are updated in place */
    TN_OP_LAYOUTS
} tn_op_layout;
TN_API const char *tn_op_layout_name(tn_op_layout layout); /* "every other element" */

/* Fields left 0 get the value given here. */
typedef struct tn_op_call_options {
    int64_t batch;  /* stands where the sample says N: 1 */
    tn_dtype dtype; /* of what the sample leaves open: TN_F32 */
    uint64_t seed;  /* of the values: 1. Real values are the same in f32 and f64 */
    tn_op_layout layout;
    bool repeated;   /* values are the same along the first dim, as TN_OP_LAYOUT_EXPANDED makes them */
    bool not_finite; /* NaN, infinities and zeros of both signs are among the real values, wherever the operator's
                      * definition alone says what comes of them: not where padding or a sparse input might, or might
                      * not, be multiplied with an infinity */
} tn_op_call_options;

/* One input or result; lists are flattened. */
typedef struct tn_op_operand {
    const char *name;  /* in the schema */
    tn_tensor *tensor; /* NULL: an optional input that is absent */
} tn_op_operand;

/* sample: written as in tn_op_status. Indices must lie in what they index. options NULL: all defaults. Inputs are made
 * on the default device. Belongs to the context. NULL on error: an unknown operator, or a sample that does not fit, and
 * the message says where. */
TN_API tn_op_call *tn_op_call_open(tn_context *tn, const char *op, const char *sample,
                                   const tn_op_call_options *options);
/* Frees it before its context goes. NULL is allowed. */
TN_API void tn_op_call_close(tn_op_call *call);
/* Runs it once; outputs are freed, nothing is recorded. In-place inputs are updated. */
TN_API tn_status tn_op_call_run(tn_op_call *call);
/* The same, and gives what comes out: outputs, in the current scope, and behind them the inputs that were updated in
 * place. NULL and *n = 0 on error. */
TN_API const tn_op_operand *tn_op_call_results(tn_op_call *call, int *n);
/* In the order of the schema. */
TN_API const tn_op_operand *tn_op_call_inputs(const tn_op_call *call, int *n);
/* The attribute struct, NULL if the operator has none. */
TN_API const void *tn_op_call_attrs(const tn_op_call *call);

/* What ran where since tn_open or the last reset. */
typedef struct tn_placement {
    const char *op, *device; /* device: "onednn:0", or "reference:0" after a fallback */
    const char *implementation;
    bool fell_back;
    uint64_t calls;
    uint64_t flops, bytes;     /* as the plans report them, summed */
    uint64_t nanoseconds;      /* spent in execute; in programs, and on a device that is not synchronous, only while
                                * profiling, else 0 */
    uint64_t plan_nanoseconds; /* spent in plan_create */
    uint64_t plans;
} tn_placement;
/* The result lives until the next call that runs an operator. */
TN_API const tn_placement *tn_placements(tn_context *tn, int *n);
TN_API void tn_reset_placements(tn_context *tn);
TN_API bool tn_fell_back(const tn_context *tn); /* did any operator run on another device than its tensors'? */
/* While on, a device that is not synchronous is waited for after each operator, and its own events tell how long the
 * operator took: tn_placement.nanoseconds is then filled on every device, and for the operators of programs. */
TN_API void tn_set_profiling(tn_context *tn, bool on);

/* How products of f32 (matmul, linear, convolution) may be computed: exactly, or with operands rounded to TF32's 10 bits
 * of fraction, where a device has that. At first TENON_MATH says it (f32, tf32), else TN_MATH_F32. What a plan really
 * does is part of its implementation's name. */
typedef enum tn_math { TN_MATH_F32, TN_MATH_TF32 } tn_math;
TN_API void tn_set_math(tn_context *tn, tn_math math);
TN_API tn_math tn_get_math(const tn_context *tn);
/* While on, every operator gives the same bits for the same inputs on the same device; one whose backend cannot promise
 * that is treated like one that it lacks. At first TENON_DETERMINISTIC says it (on, off), else off. */
TN_API void tn_use_deterministic(tn_context *tn, bool on);
TN_API bool tn_is_deterministic(const tn_context *tn);

typedef struct tn_memory {
    uint64_t live;     /* bytes in tensors now */
    uint64_t peak;     /* most that live has been since tn_reset_peak_memory */
    uint64_t reserved; /* bytes held from the device, live or cached */
    uint64_t total;    /* bytes that the device has, 0 if unknown */
} tn_memory;
TN_API tn_memory tn_memory_stats(const tn_context *tn, const char *device);
TN_API void tn_reset_peak_memory(tn_context *tn, const char *device);
/* Waits until the work queued on every open device is done. */
TN_API tn_status tn_synchronize(tn_context *tn);

/* ==== tensors ================================================================================================ */

/* A shape as two arguments: tn_zeros(tn, TN_F32, TN_SHAPE(2, 3)). A scalar is TN_SCALAR. */
#define TN_SHAPE(...)                                                            \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) \
    {                                                                            \
        __VA_ARGS__                                                              \
    }
#define TN_SCALAR 0, NULL

/* ---- making: row-major, on the context's default device */
TN_API tn_tensor *tn_from(tn_context *tn, const void *data, tn_dtype dtype, int rank, const int64_t *dims); /* copies */
TN_API tn_tensor *tn_empty(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims); /* undefined values */
TN_API tn_tensor *tn_zeros(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims);
TN_API tn_tensor *tn_ones(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims);
TN_API tn_tensor *tn_full(tn_context *tn, tn_dtype dtype, double value, int rank, const int64_t *dims);
TN_API tn_tensor *tn_scalar(tn_context *tn, tn_dtype dtype, double value); /* rank 0 */
/* start, start + step, ... below (above, if step < 0) stop; 1-D. */
TN_API tn_tensor *tn_arange(tn_context *tn, tn_dtype dtype, double start, double stop, double step);
/* From the context's generator; f32 and f64. */
TN_API tn_tensor *tn_uniform(tn_context *tn, tn_dtype dtype, double low, double high, int rank, const int64_t *dims);
TN_API tn_tensor *tn_normal(tn_context *tn, tn_dtype dtype, double mean, double std, int rank, const int64_t *dims);
TN_API tn_tensor *tn_zeros_like(tn_tensor *x);
TN_API tn_tensor *tn_ones_like(tn_tensor *x);

/* The generator's state: the same seed gives the same numbers on every backend. */
TN_API void tn_manual_seed(tn_context *tn, uint64_t seed);
TN_API void tn_get_rng_state(const tn_context *tn, uint64_t *seed, uint64_t *offset);
TN_API void tn_set_rng_state(tn_context *tn, uint64_t seed, uint64_t offset);

/* ---- looking: nil has rank 0, one element, dtype 0 */
TN_API bool tn_is_nil(const tn_tensor *x);
TN_API tn_context *tn_context_of(const tn_tensor *x);
TN_API const char *tn_device_of(const tn_tensor *x); /* "onednn:0" */
TN_API tn_dtype tn_dtype_of(const tn_tensor *x);
TN_API const char *tn_dtype_name(tn_dtype dtype); /* "f32" */
TN_API int tn_rank(const tn_tensor *x);
TN_API int64_t tn_dim(const tn_tensor *x, int dim); /* size of dim; negative dims count from the end */
TN_API const int64_t *tn_dims(const tn_tensor *x);
TN_API const int64_t *tn_strides(const tn_tensor *x); /* in elements */
TN_API int64_t tn_numel(const tn_tensor *x);
TN_API bool tn_is_contiguous(const tn_tensor *x);
TN_API double tn_item(tn_tensor *x);      /* the value of a one-element tensor; NAN on error. Waits for the device */
TN_API int64_t tn_item_i64(tn_tensor *x); /* the same for integers; 0 on error */
/* Copies all elements, row-major, to or from `bytes` bytes at data; bytes must be exactly right. */
TN_API tn_status tn_read(tn_tensor *x, void *data, size_t bytes);
/* The same as doubles, `count` of them, whatever the dtype (integers beyond 2^53 are rounded). */
TN_API tn_status tn_read_f64(tn_tensor *x, double *values, int64_t count);
TN_API tn_status tn_write(tn_tensor *x, const void *data, size_t bytes);
/* In PyTorch's layout, summarised beyond 1000 elements. tn_format returns a string that the caller frees. */
TN_API void tn_print(tn_tensor *x);
TN_API char *tn_format(tn_tensor *x);
/* "[2, 3]", written to buffer (at least 192 bytes) and returned: for messages. */
TN_API const char *tn_format_shape(const tn_tensor *x, char *buffer);

/* ---- views: share memory with x; negative dims count from the end */
TN_API tn_tensor *tn_reshape(tn_tensor *x, int rank, const int64_t *dims); /* one dim may be -1; copies if it must */
TN_API tn_tensor *tn_flatten(tn_tensor *x, int start_dim, int end_dim);
TN_API tn_tensor *tn_permute(tn_tensor *x, int rank, const int64_t *order);
TN_API tn_tensor *tn_transpose(tn_tensor *x, int dim0, int dim1);
TN_API tn_tensor *tn_narrow(tn_tensor *x, int dim, int64_t start, int64_t length);
TN_API tn_tensor *tn_slice(tn_tensor *x, int dim, int64_t start, int64_t stop, int64_t step); /* step >= 1 */
TN_API tn_tensor *tn_select(tn_tensor *x, int dim, int64_t index);                            /* removes dim */
TN_API tn_tensor *tn_expand(tn_tensor *x, int rank, const int64_t *dims);                     /* -1 keeps a size */
TN_API tn_tensor *tn_squeeze(tn_tensor *x, int dim); /* removes dim if its size is 1 */
TN_API tn_tensor *tn_unsqueeze(tn_tensor *x, int dim);
TN_API tn_tensor *tn_contiguous(tn_tensor *x); /* x itself if it is already */
TN_API tn_tensor *tn_clone(tn_tensor *x);
TN_API tn_tensor *tn_detach(tn_tensor *x);

/* ---- moving and converting */
TN_API tn_tensor *tn_to(tn_tensor *x, const char *device);
TN_API tn_tensor *tn_cast(tn_tensor *x, tn_dtype dtype);

/* ---- in place: x must not be part of a recorded graph (leaves: only while gradients are disabled) */
TN_API void tn_copy_(tn_tensor *x, tn_tensor *from); /* same shape; converts dtype and device */
TN_API void tn_fill_(tn_tensor *x, double value);
TN_API void tn_uniform_(tn_tensor *x, double low, double high);
TN_API void tn_normal_(tn_tensor *x, double mean, double std);

/* ==== operators (meanings: tenon_ops.h) ====================================================================== */

/* clang-format off */
TN_API tn_tensor *tn_neg(tn_tensor *x);      TN_API tn_tensor *tn_abs(tn_tensor *x);
TN_API tn_tensor *tn_square(tn_tensor *x);   TN_API tn_tensor *tn_sign(tn_tensor *x);
TN_API tn_tensor *tn_exp(tn_tensor *x);      TN_API tn_tensor *tn_log(tn_tensor *x);
TN_API tn_tensor *tn_sqrt(tn_tensor *x);     TN_API tn_tensor *tn_rsqrt(tn_tensor *x);
TN_API tn_tensor *tn_reciprocal(tn_tensor *x);
TN_API tn_tensor *tn_sin(tn_tensor *x);      TN_API tn_tensor *tn_cos(tn_tensor *x);
TN_API tn_tensor *tn_tanh(tn_tensor *x);     TN_API tn_tensor *tn_sigmoid(tn_tensor *x);
TN_API tn_tensor *tn_relu(tn_tensor *x);     TN_API tn_tensor *tn_gelu(tn_tensor *x);
TN_API tn_tensor *tn_erf(tn_tensor *x);      TN_API tn_tensor *tn_step(tn_tensor *x);
TN_API tn_tensor *tn_logical_not(tn_tensor *x);

TN_API tn_tensor *tn_add(tn_tensor *x, tn_tensor *y);     TN_API tn_tensor *tn_sub(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_mul(tn_tensor *x, tn_tensor *y);     TN_API tn_tensor *tn_div(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_maximum(tn_tensor *x, tn_tensor *y); TN_API tn_tensor *tn_minimum(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_pow(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_eq(tn_tensor *x, tn_tensor *y);      TN_API tn_tensor *tn_ne(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_lt(tn_tensor *x, tn_tensor *y);      TN_API tn_tensor *tn_le(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_gt(tn_tensor *x, tn_tensor *y);      TN_API tn_tensor *tn_ge(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_logical_and(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_logical_or(tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_logical_xor(tn_tensor *x, tn_tensor *y);

TN_API tn_tensor *tn_add_scalar(tn_tensor *x, double value);  TN_API tn_tensor *tn_mul_scalar(tn_tensor *x, double value);
TN_API tn_tensor *tn_rsub_scalar(tn_tensor *x, double value); TN_API tn_tensor *tn_rdiv_scalar(tn_tensor *x, double value);
TN_API tn_tensor *tn_pow_scalar(tn_tensor *x, double value);
TN_API tn_tensor *tn_maximum_scalar(tn_tensor *x, double value);
TN_API tn_tensor *tn_minimum_scalar(tn_tensor *x, double value);
TN_API tn_tensor *tn_eq_scalar(tn_tensor *x, double value);   TN_API tn_tensor *tn_ne_scalar(tn_tensor *x, double value);
TN_API tn_tensor *tn_lt_scalar(tn_tensor *x, double value);   TN_API tn_tensor *tn_le_scalar(tn_tensor *x, double value);
TN_API tn_tensor *tn_gt_scalar(tn_tensor *x, double value);   TN_API tn_tensor *tn_ge_scalar(tn_tensor *x, double value);
/* clang-format on */

TN_API tn_tensor *tn_where(tn_tensor *condition, tn_tensor *x, tn_tensor *y);
TN_API tn_tensor *tn_clamp(tn_tensor *x, double min, double max);

/* Reductions over `n` dims (n = 0: over all). */
TN_API tn_tensor *tn_sum(tn_tensor *x, int n, const int *dims, bool keepdim);
TN_API tn_tensor *tn_mean(tn_tensor *x, int n, const int *dims, bool keepdim);
TN_API tn_tensor *tn_max(tn_tensor *x, int n, const int *dims, bool keepdim);
TN_API tn_tensor *tn_min(tn_tensor *x, int n, const int *dims, bool keepdim);
TN_API tn_tensor *tn_argmax(tn_tensor *x, int dim, bool keepdim);
/* The dims of a reduction as two arguments: tn_sum(x, TN_OVER(0, 2), false); over all of them: TN_ALL. */
#define TN_OVER(...)                                                 \
    (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (const int[]) \
    {                                                                \
        __VA_ARGS__                                                  \
    }
#define TN_ALL 0, NULL

/* As torch.matmul for tensors of rank >= 2. */
TN_API tn_tensor *tn_matmul(tn_tensor *x, tn_tensor *y);
/* b may be NULL here and in conv2d. */
TN_API tn_tensor *tn_linear(tn_tensor *x, tn_tensor *w, tn_tensor *b);
TN_API tn_tensor *tn_linear_relu(tn_tensor *x, tn_tensor *w, tn_tensor *b);

TN_API tn_tensor *tn_softmax(tn_tensor *x, int dim);
TN_API tn_tensor *tn_log_softmax(tn_tensor *x, int dim);
/* Losses are means over the batch. target: i64[N], checked to lie in [0, C). */
TN_API tn_tensor *tn_nll_loss(tn_tensor *log_probabilities, tn_tensor *target);
TN_API tn_tensor *tn_cross_entropy(tn_tensor *logits, tn_tensor *target);
TN_API tn_tensor *tn_mse_loss(tn_tensor *x, tn_tensor *target);
TN_API tn_tensor *tn_one_hot(tn_tensor *index, int64_t classes);

/* Attributes of convolution and pooling. Fields left 0 get PyTorch's defaults: a convolution's stride and dilation
 * are 1 and its groups 1; a pooling's stride is its kernel's size. tn_conv2d(x, w, b, TN_CONV2D(.padding = {1, 1})) */
#define TN_CONV2D(...) (&(const tn_conv2d_attrs){.struct_size = sizeof(tn_conv2d_attrs), __VA_ARGS__})
#define TN_CONV2D_MAX_POOL2D_RELU(...) \
    (&(const tn_conv2d_max_pool2d_relu_attrs){.struct_size = sizeof(tn_conv2d_max_pool2d_relu_attrs), __VA_ARGS__})
#define TN_MAX_POOL2D(...) (&(const tn_max_pool2d_attrs){.struct_size = sizeof(tn_max_pool2d_attrs), __VA_ARGS__})
#define TN_AVG_POOL2D(...) (&(const tn_avg_pool2d_attrs){.struct_size = sizeof(tn_avg_pool2d_attrs), __VA_ARGS__})
/* attrs NULL: all defaults. */
TN_API tn_tensor *tn_conv2d(tn_tensor *x, tn_tensor *w, tn_tensor *b, const tn_conv2d_attrs *attrs);
TN_API tn_tensor *tn_conv2d_relu(tn_tensor *x, tn_tensor *w, tn_tensor *b, const tn_conv2d_attrs *attrs);
TN_API tn_tensor *tn_max_pool2d(tn_tensor *x, const tn_max_pool2d_attrs *attrs);
/* relu(max_pool2d(conv2d(x, w, b))), which equals pooling after relu; pool_kernel must be given. */
TN_API tn_tensor *tn_conv2d_max_pool2d_relu(tn_tensor *x, tn_tensor *w, tn_tensor *b,
                                            const tn_conv2d_max_pool2d_relu_attrs *attrs);
TN_API tn_tensor *tn_avg_pool2d(tn_tensor *x, const tn_avg_pool2d_attrs *attrs);
/* weight, bias, running_mean and running_var may be NULL; in eval mode the running statistics must be there. */
TN_API tn_tensor *tn_batch_norm2d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, tn_tensor *running_mean,
                                  tn_tensor *running_var, bool training, double momentum, double eps);
TN_API tn_tensor *tn_dropout(tn_tensor *x, double p, bool training);

TN_API tn_tensor *tn_index_select(tn_tensor *x, tn_tensor *index);   /* rows of x; index: i64[N], checked */
TN_API tn_tensor *tn_embedding(tn_tensor *index, tn_tensor *weight); /* index: i64 of any shape */
TN_API tn_tensor *tn_gather_scale(tn_tensor *x, tn_tensor *index, double scale, double shift); /* u8 rows to f32 */
/* n >= 1: without a tensor there is no context to raise an error in, so it is logged and NULL is returned. */
TN_API tn_tensor *tn_cat(int n, tn_tensor *const *xs, int dim);

/* ==== autograd =============================================================================================== */

/* Marks a leaf: operations on it are recorded, and tn_backward adds to its gradient. f32 and f64. Returns x. */
TN_API tn_tensor *tn_requires_grad(tn_tensor *x, bool on);
TN_API bool tn_has_requires_grad(const tn_tensor *x);
/* Gradients of the scalar y for all leaves that it depends on, added to theirs; then the graph is freed. */
TN_API tn_status tn_backward(tn_tensor *y);
/* The accumulated gradient of a leaf, or nil (no error) if there is none. */
TN_API tn_tensor *tn_grad_of(tn_tensor *x);
TN_API bool tn_has_grad(const tn_tensor *x);
TN_API void tn_set_grad(tn_tensor *x, tn_tensor *grad); /* NULL: none */
/* dy/dx for each of n tensors x, into grads (nil where y does not depend on x: an error). Leaves accumulate nothing.
 * dy: weights of y's elements, NULL for a scalar y. create_graph: the gradients can be differentiated again. */
TN_API tn_status tn_grad_for(tn_tensor *y, tn_tensor *dy, int n, tn_tensor *const *xs, tn_tensor **grads,
                             bool retain_graph, bool create_graph);
/* Switches recording; returns what it was. Same as torch.no_grad():
 *     bool was = tn_set_grad_enabled(tn, false); ...; tn_set_grad_enabled(tn, was); */
TN_API bool tn_set_grad_enabled(tn_context *tn, bool on);

/* ==== nn ===================================================================================================== */

/* Modules initialise their parameters as PyTorch does, from the context's generator. They belong to the context.
 * Constructors return NULL on error; all module functions accept NULL. */
TN_API tn_module *tn_nn_linear(tn_context *tn, int64_t in, int64_t out, bool bias);
/* Square kernels; attrs as for tn_conv2d. */
TN_API tn_module *tn_nn_conv2d(tn_context *tn, int64_t in, int64_t out, int64_t kernel, bool bias,
                               const tn_conv2d_attrs *attrs);
TN_API tn_module *tn_nn_max_pool2d(tn_context *tn, int64_t kernel);
TN_API tn_module *tn_nn_avg_pool2d(tn_context *tn, int64_t kernel);
TN_API tn_module *tn_nn_relu(tn_context *tn);
TN_API tn_module *tn_nn_flatten(tn_context *tn); /* all dims but the first */
TN_API tn_module *tn_nn_dropout(tn_context *tn, double p);
TN_API tn_module *tn_nn_batch_norm2d(tn_context *tn, int64_t channels);
/* Children are named "0", "1", ...; end the list with NULL. */
TN_API tn_module *tn_nn_sequential(tn_context *tn, ...) TN_SENTINEL;
/* Your own: forward(self, x) with `data` at hand. Give it children, parameters and buffers by name. */
typedef tn_tensor *(*tn_forward_fn)(tn_module *self, tn_tensor *x);
TN_API tn_module *tn_nn_module(tn_context *tn, const char *type, tn_forward_fn forward, void *data);
TN_API void *tn_nn_data(tn_module *self);
TN_API tn_module *tn_nn_add(tn_module *self, const char *name, tn_module *child);           /* returns child */
TN_API tn_tensor *tn_nn_add_parameter(tn_module *self, const char *name, tn_tensor *value); /* returns the leaf */
TN_API tn_tensor *tn_nn_add_buffer(tn_module *self, const char *name, tn_tensor *value);
TN_API tn_module *tn_nn_child(tn_module *self, const char *name); /* NULL if there is none */

TN_API tn_tensor *tn_nn_forward(tn_module *self, tn_tensor *x);
TN_API void tn_nn_train(tn_module *self, bool training); /* with all descendants; modules start in training mode */
TN_API bool tn_nn_is_training(const tn_module *self);
TN_API tn_context *tn_nn_context(const tn_module *self);
TN_API const char *tn_nn_type(const tn_module *self); /* "Linear" */

/* The state of a module and its descendants, flattened in PyTorch's order and with its names ("conv1.weight").
 * Parameters first come, per module, before its buffers and children, as in state_dict. */
TN_API int tn_nn_state_count(tn_module *self);
TN_API tn_tensor *tn_nn_state(tn_module *self, int i, const char **name, bool *is_parameter); /* name may be NULL */
TN_API tn_tensor *tn_nn_get(tn_module *self, const char *name); /* NULL if there is none */
TN_API void tn_nn_print(tn_module *self);                       /* as PyTorch prints a module */

/* module.to(dtype): converts all floating-point parameters and buffers of the module and its descendants to f32 or f64.
 * Converted tensors are new ones, and parameters among them new leaves without gradient: call it before an optimizer is
 * made, which would go on with the old ones. Tensors shared by modules stay shared. Nothing is changed after an error:
 * another dtype is TN_INVALID, and TN_UNSUPPORTED if it is reserved (bf16, f16). */
TN_API tn_status tn_nn_to(tn_module *self, tn_dtype dtype);

/* The two MNIST models, with the parameter names of their PyTorch originals: "simplenet" (784-128-10: fc1, fc2) and
 * "convnet" (conv1 1-32, conv2 32-64, 3x3, each followed by ReLU and 2x2 max pooling; fc1 1600-128, fc2 128-10).
 * Input f32[N,1,28,28]. An unknown name is an error that lists the known ones, and NULL is returned. */
TN_API tn_module *tn_nn_model(tn_context *tn, const char *name);

/* ==== optim ================================================================================================== */

/* Fields left 0 get PyTorch's default where one is given here. */
typedef struct tn_sgd_options {
    double lr; /* must be given */
    double momentum, weight_decay;
    bool nesterov;
} tn_sgd_options;
typedef struct tn_adam_options {
    double lr;           /* 0.001 */
    double beta1, beta2; /* 0.9, 0.999 */
    double eps;          /* 1e-8 */
    double weight_decay; /* Adam 0 (added to the gradient); AdamW 0.01 (decoupled; negative means none) */
} tn_adam_options;
/* Optimizes all parameters of the module. NULL options: the defaults. One count of steps serves all parameters.
 * NULL on error. */
TN_API tn_optimizer *tn_optim_sgd(tn_module *model, const tn_sgd_options *options);
TN_API tn_optimizer *tn_optim_adam(tn_module *model, const tn_adam_options *options);
TN_API tn_optimizer *tn_optim_adamw(tn_module *model, const tn_adam_options *options);
TN_API void tn_optim_zero_grad(tn_optimizer *opt); /* sets gradients to none */
TN_API tn_status tn_optim_step(tn_optimizer *opt); /* parameters without gradient are left alone */
TN_API double tn_optim_get_lr(const tn_optimizer *opt);
TN_API void tn_optim_set_lr(tn_optimizer *opt, double lr);
TN_API const char *tn_optim_type(const tn_optimizer *opt); /* "Adam" */
/* State for checkpoints: tensors by name ("exp_avg.conv1.weight", "step"). */
TN_API int tn_optim_state_count(tn_optimizer *opt);
TN_API tn_tensor *tn_optim_state(tn_optimizer *opt, int i, const char **name);
TN_API double tn_clip_grad_norm(tn_module *model, double max_norm); /* returns the total norm before */
TN_API void tn_clip_grad_value(tn_module *model, double limit);

/* What the optimizers run: one step of n parameters (f32 or f64, all of one dtype), in place. lr: f64[], step: i64[],
 * counted from 1; both on the parameters' device. momentum: n tensors, or NULL for none. Gradients must be disabled. */
TN_API void tn_sgd_step_(int n, tn_tensor *const *params, tn_tensor *const *grads, tn_tensor *const *momentum,
                         tn_tensor *lr, const tn_sgd_step_attrs *attrs);
TN_API void tn_adam_step_(int n, tn_tensor *const *params, tn_tensor *const *grads, tn_tensor *const *exp_avg,
                          tn_tensor *const *exp_avg_sq, tn_tensor *lr, tn_tensor *step,
                          const tn_adam_step_attrs *attrs);

/* The base rate is the optimizer's before its first schedule (PyTorch's initial_lr). NULL on error. */
TN_API tn_scheduler *tn_lr_step(tn_optimizer *opt, int64_t step_size, double gamma);
TN_API tn_scheduler *tn_lr_multi_step(tn_optimizer *opt, int n, const int64_t *milestones, double gamma);
TN_API tn_scheduler *tn_lr_cosine(tn_optimizer *opt, int64_t t_max, double eta_min);
TN_API tn_scheduler *tn_lr_linear_warmup(tn_optimizer *opt, double start_factor, int64_t total);
TN_API void tn_lr_advance(tn_scheduler *scheduler); /* scheduler.step() */
TN_API int64_t tn_lr_epoch(const tn_scheduler *scheduler);
TN_API void tn_lr_set_epoch(tn_scheduler *scheduler, int64_t epoch); /* and the optimizer's rate with it */

/* ==== data =================================================================================================== */

/* $TENON_DATA_DIR, else $XDG_CACHE_HOME/tenon, else ~/.cache/tenon. The result belongs to the process. */
TN_API const char *tn_data_dir(void);
/* Makes sure that the four files of "mnist" or "fashion-mnist" lie in dir/<name>/, fetched and checked by SHA-256;
 * needs no network if they do. dir NULL: tn_data_dir(). progress may be NULL. $TENON_MIRROR (https://, file://, or
 * http:// to this machine) names the only source to ask. */
typedef void (*tn_progress_fn)(void *arg, const char *file, uint64_t done, uint64_t total);
TN_API tn_status tn_data_fetch(const char *name, const char *dir, tn_progress_fn progress, void *arg, tn_error *error);
/* Reads an IDX file, raw or gzip, to a tensor (u8). */
TN_API tn_tensor *tn_idx_read(tn_context *tn, const char *path);

/* Datasets belong to the context; NULL on error. dir as for tn_data_fetch; nothing is downloaded. */
TN_API tn_dataset *tn_mnist(tn_context *tn, const char *dir, bool train);
TN_API tn_dataset *tn_fashion_mnist(tn_context *tn, const char *dir, bool train);
/* Images u8[R, ...] and labels i64[R], both on any device. */
TN_API tn_dataset *tn_dataset_from(tn_context *tn, tn_tensor *images, tn_tensor *labels);
/* Your own, filled by a callback: item writes example i (bytes of the given shape, and a label); 0 on success. It is
 * called from the prefetch thread if there is one, so arg must live until tn_close. */
typedef int (*tn_item_fn)(void *arg, int64_t i, uint8_t *image, int64_t *label);
TN_API tn_dataset *tn_dataset_custom(tn_context *tn, int64_t count, int rank, const int64_t *dims, tn_item_fn item,
                                     void *arg);
TN_API int64_t tn_dataset_count(const tn_dataset *data);
/* (x / 255 - mean) / std, applied as images are gathered; without it, x / 255 (ToTensor). */
TN_API void tn_dataset_normalize(tn_dataset *data, double mean, double std);

typedef struct tn_loader_options {
    int64_t batch_size; /* 1 */
    bool shuffle;
    bool drop_last;
    uint64_t seed;     /* of the shuffle: epoch e of seed s always has the same order */
    bool keep_on_host; /* do not move the dataset to the device even if it fits */
    int prefetch;      /* batches prepared ahead by a thread where the dataset is not on the device: 2;
                        * negative: no thread, each batch is made when asked for */
} tn_loader_options;
typedef struct tn_batch {
    tn_tensor *x; /* f32[n, ...] */
    tn_tensor *y; /* i64[n] */
    int64_t n;
    int64_t index; /* of the batch in its epoch, from 0 */
} tn_batch;
TN_API tn_loader *tn_loader_open(tn_dataset *data, const tn_loader_options *options);
/* The next batch, in the current scope; false at the end of the epoch (the next call begins the next epoch) and on
 * error. */
TN_API bool tn_loader_next(tn_loader *loader, tn_batch *batch);
/* A batch as it is stored: rows of bytes, and which of them. It takes the three tensors to a program (see below), where
 * tn_loader_decode makes the batch of them. */
typedef struct tn_raw_batch {
    tn_tensor *images; /* u8[R, ...]: the whole dataset if it lies on the device, else this batch */
    tn_tensor *labels; /* i64[R] */
    tn_tensor *rows;   /* i64[n] */
    int64_t n;
    int64_t index; /* of the batch in its epoch, from 0 */
} tn_raw_batch;
/* As tn_loader_next, which is the same and tn_loader_decode. */
TN_API bool tn_loader_next_raw(tn_loader *loader, tn_raw_batch *raw);
/* {x, y} of a raw batch: converted and scaled as the dataset says. raw->index is copied. */
TN_API tn_batch tn_loader_decode(const tn_loader *loader, const tn_raw_batch *raw);
TN_API int64_t tn_loader_batches(const tn_loader *loader);  /* per epoch */
TN_API int64_t tn_loader_epoch(const tn_loader *loader);    /* epochs finished */
TN_API int64_t tn_loader_position(const tn_loader *loader); /* batches given in the present epoch */
/* position may be tn_loader_batches: the epoch is about to end. */
TN_API void tn_loader_seek(tn_loader *loader, int64_t epoch, int64_t position);
/* The order of the examples in the present epoch: count entries. */
TN_API const int64_t *tn_loader_order(const tn_loader *loader, int64_t *count);

/* ==== programs =============================================================================================== */

/* A function of tensors that is recorded when it runs first and replayed from then on: the same kernels on the same
 * memory, without shape inference, dispatch, allocation or locks. A whole training step, or a model's forward:
 *
 *     static void step(void *arg, tn_tensor *const *in, tn_tensor **out) { ... out[0] = loss; ... }
 *     tn_program *program = tn_program_open(tn, "step", step, &state, 2, 1);
 *     while (tn_loader_next(loader, &batch))
 *         tn_program_run(program, (tn_tensor *[]){batch.x, batch.y}, &loss);
 *
 * Each run does what calling the function would do, to parameters, gradients, optimizers and the generator: with the same
 * numbers, or numbers that differ by rounding where a pass has put a fused operator in the place of several. What the
 * function decides in C (a training flag, a loop) is decided once, when it is recorded; tn_program_reset makes it anew.
 * Each kind of inputs (shapes, dtypes, memory order, device, gradients enabled, tn_set_math, tn_use_deterministic, and the
 * very gradients that the function adds to or steps by) has a recording of its own, so a shorter last batch is no trouble.
 * Beyond 16 of them, and where inputs share memory that the function writes to, it is called as it is.
 *
 * A function that looks at values on the host (tn_item, tn_read, tn_print), writes the host's data to tensors in use, or
 * asks a loader for a batch is refused with a message that names the culprit, since later runs would not do it again.
 * Tensors that it makes of the host's data are constants. One that moves tensors between devices, itself or since an
 * operator falls back, runs operator by operator each time; a warning in the log says so.
 *
 * Results are overwritten by the next run with inputs of the same kind, and have no graph. */
typedef struct tn_program tn_program;
/* in: the inputs of this run; out: results, to be set. */
typedef void (*tn_program_fn)(void *arg, tn_tensor *const *in, tn_tensor **out);

/* name: for messages; copied. n_in, n_out: how many inputs and results there are. Belongs to the context; NULL on
 * error. */
TN_API tn_program *tn_program_open(tn_context *tn, const char *name, tn_program_fn fn, void *arg, int n_in, int n_out);
/* The results (nil on error) belong to the program. in and out may be NULL if there are none. */
TN_API tn_status tn_program_run(tn_program *program, tn_tensor *const *in, tn_tensor **out);
/* Forgets all recordings, and gives their memory back. Results of earlier runs are gone. */
TN_API void tn_program_reset(tn_program *program);
/* Is a function being recorded now? */
TN_API bool tn_is_recording(const tn_context *tn);

/* What is done to a recording before it is replayed: "all" (the default, or what $TENON_PASSES says), "none", or names
 * separated by commas, with a - in front of one to leave it out: "all,-fuse_relu". Forgets all recordings. */
TN_API void tn_program_set_passes(tn_program *program, const char *passes);
/* The name of pass i, and what it does in a line (what may be NULL); NULL if there is none. */
TN_API const char *tn_program_pass(int i, const char **what);

typedef struct tn_program_stats {
    int inputs, results;
    int recordings;
    uint64_t runs; /* those that recorded among them, but not those beyond the last recording that is kept */
    /* Of what ran last: */
    const char *not_recorded; /* why it is not replayed but runs operator by operator; NULL if it is replayed */
    const char *not_a_graph;  /* why a replay is not one launch of a device's graph; NULL if it is */
    int recorded_ops;         /* operators that the function ran */
    int ops;                  /* that a replay runs */
    int reused_in_place;      /* results that lie where an input was, or where they would be copied to */
    uint64_t arena_bytes;     /* for all temporaries and workspaces */
    uint64_t eager_bytes;     /* most that the same took while the function ran */
} tn_program_stats;
TN_API tn_program_stats tn_program_look(const tn_program *program);
/* What input i was like when the program ran last or, if it was loaded and has not run yet, when it was saved. dims: room
 * for TN_MAX_RANK. False if nothing is known, or there is no such input. */
TN_API bool tn_program_input(const tn_program *program, int i, tn_dtype *dtype, int *rank, int64_t *dims);
/* Prints all recordings, as recorded (before) or as replayed: memory and its use, operators in order with their
 * results' types, implementations, and where in the arena each temporary lies. */
TN_API void tn_program_dump(const tn_program *program, FILE *out, bool before);

/* Saves what the program's last run recorded: operators and views as the function called them, with the weights that they
 * read, so that it runs later, elsewhere, without the code that made it. names: a module whose parameters and buffers
 * give their names to the weights ("conv1.weight"); other tensors are constant.0, constant.1, ...; NULL: all are, or
 * what a loaded program's were. The file is a safetensors file, and named .tnp by custom. It is written as tn_save
 * writes: a failure leaves an older file as it was.
 *
 * Memory order, plans and fusions are not saved but found anew by the backend that runs the program. Nor is the size of
 * the batch: dim 0 is free wherever the function kept it. What a function wrote down in numbers (a slice of the batch, a
 * reshape across it, zeros of its size) stays as recorded, and fails for another size.
 *
 * Only what changes nothing but its results can be saved. Refused, with the operator's name: a program that writes to
 * parameters, buffers or inputs or sets gradients (a training step), one that draws random numbers (dropout in training
 * mode: tn_nn_train(model, false) before the recording), and one of which nothing is recorded, since it has never run or
 * cannot be replayed. */
TN_API tn_status tn_program_save(tn_program *program, const char *path, tn_module *names);
/* A program as any other, its weights on the default device; it belongs to the context. Inputs must have the dtypes and
 * ranks that they had when it was saved. NULL on error, and the message says what is wrong and where: a file that is
 * damaged (TN_CORRUPT) or holds no program (TN_INVALID), an operator that this Tenon does not have or has with another
 * schema, a newer format (TN_UNSUPPORTED). */
TN_API tn_program *tn_program_load(tn_context *tn, const char *path);

/* ==== checkpoints ============================================================================================ */

/* What a checkpoint holds; parts that are NULL are left out when saving, and must be absent or are ignored when
 * loading. */
typedef struct tn_checkpoint {
    tn_module *model;
    tn_optimizer *optimizer;
    tn_scheduler *scheduler;
    tn_loader *loader;
    bool rng; /* save, or restore, the context's generator */
} tn_checkpoint;
/* A safetensors file, written beside `path`, synced, then renamed: a failure leaves an older file as it was. */
TN_API tn_status tn_save(tn_context *tn, const char *path, const tn_checkpoint *what);
/* Loads by name. A tensor that is missing or has another shape or dtype is an error, and nothing is changed. A
 * PyTorch state_dict saved as safetensors is loaded as a model. */
TN_API tn_status tn_load(tn_context *tn, const char *path, const tn_checkpoint *what);

/* Plain safetensors: n tensors with names; metadata pairs (key, value, key, value, ..., NULL) or NULL. */
TN_API tn_status tn_safetensors_save(tn_context *tn, const char *path, int n, const char *const *names,
                                     tn_tensor *const *tensors, const char *const *metadata);
typedef struct tn_safetensors tn_safetensors;
/* Reads and checks the whole file; NULL on error. Caller closes. */
TN_API tn_safetensors *tn_safetensors_open(tn_context *tn, const char *path);
TN_API void tn_safetensors_close(tn_safetensors *file);
TN_API int tn_safetensors_count(const tn_safetensors *file);
TN_API const char *tn_safetensors_name(const tn_safetensors *file, int i);
TN_API tn_tensor *tn_safetensors_get(tn_safetensors *file, const char *name); /* on the default device */
TN_API bool tn_safetensors_has(const tn_safetensors *file, const char *name);
TN_API const char *tn_safetensors_metadata(const tn_safetensors *file, const char *key); /* NULL if absent */

#ifdef __cplusplus
}
#endif
#endif
