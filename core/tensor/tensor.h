/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared internals of the core: what a context, a device, a storage and a tensor are. Tensors are counted: the scope
 * that made them, graph nodes, gradients and containers each hold one reference. Storage is counted by the tensors
 * that view it. */
#ifndef TENON_TENSOR_H
#define TENON_TENSOR_H

#include "tenon.h"

typedef struct tn_node tn_node;       /* engine/autograd.h */
typedef struct tn_backend tn_backend; /* engine/backend.h: one loaded plugin */
typedef struct tn_pool tn_pool;       /* tensor/pool.c: the caching allocator */
typedef struct tn_plan_cache tn_plan_cache;
typedef struct tn_recorder tn_recorder; /* program/record.c */

/* One device opened by a context. */
typedef struct tn_dev {
    tn_context *ctx;
    const tn_backend *backend;
    const tn_plugin *plugin;
    uint32_t index;
    char name[64]; /* "onednn:0" */
    tn_device_info info;
    tn_device *handle;
    tn_stream *stream;
    tn_pool *pool;
    tn_plan_cache *plans;
    tn_event *events[2]; /* engine/timer.c; NULL until they are needed */
    struct tn_dev *next;
} tn_dev;

/* Memory on a device. */
typedef struct tn_storage {
    int64_t refs;
    tn_dev *dev;
    void *data; /* NULL if bytes is 0 */
    uint64_t bytes;
    uint64_t version;   /* counts in-place writes, so that backward notices a changed input */
    bool borrowed;      /* data belongs to somebody else */
    uint64_t recording; /* the last one that has seen it, and as which of its values */
    int value;
} tn_storage;

struct tn_tensor {
    int64_t refs;
    tn_context *ctx;
    tn_storage *storage; /* NULL only in nil */
    uint64_t offset;     /* of the first element, in bytes */
    tn_tensor_desc desc;
    tn_tensor *prev, *next; /* in its scope */
    struct tn_scope *scope;
    /* autograd */
    bool requires_grad;
    tn_node *node;      /* that made it (owned), or its leaf node, or NULL */
    tn_tensor *grad;    /* owned */
    uint64_t recording; /* the last one that has seen it, and as which of its tensors */
    int traced;
};

/* A level of tn_begin. Holds one reference to each tensor made inside. */
typedef struct tn_scope {
    tn_tensor *first;
    struct tn_scope *parent;
    uint64_t depth; /* 1 for the outermost */
} tn_scope;

typedef struct tn_closer {
    void (*release)(void *object);
    void *object;
    struct tn_closer *next;
} tn_closer;

typedef enum tn_fallback { TN_FALLBACK_ERROR, TN_FALLBACK_WARN, TN_FALLBACK_ALLOW } tn_fallback;

struct tn_context {
    tn_error error; /* the first; status TN_OK if there is none */
    tn_tensor nil;
    tn_scope outermost, *scope;
    tn_tensor *dying; /* tensors without references, linked by next, to be freed one after another */
    bool reaping;
    tn_dev *devs, *default_dev;
    tn_closer *closers;
    bool grad_enabled;
    tn_fallback fallback;
    uint64_t seed, rng_offset;
    uint64_t sequence; /* of graph nodes */
    uint64_t pass;     /* of walks over the graph */
    tn_placement *placements;
    int n_placements, placement_room;
    struct tn_account *accounts; /* engine/placement.c */
    bool profiling;
    tn_recorder *recorder; /* NULL: nothing is being recorded */
    uint64_t recordings;   /* so far */
    uint64_t op_flags;     /* TN_OP_*: asked of every plan (engine/modes.c) */
};

/* ---- error.c */

/* Raises error (of a plugin call) with "what: " in front; returns nil. */
tn_tensor *tn__raise_error(tn_context *tn, const char *what, const tn_error *error);
static inline tn_tensor *tn__nil(tn_context *tn)
{
    return &tn->nil;
}
#define TN_ERROR_INIT ((tn_error){.struct_size = sizeof(tn_error)})

/* ---- engine/device.c */

/* Takes back tn_on_close for an object that is released earlier. */
void tn__forget_close(tn_context *tn, const void *object);
/* Moves the generator on by one call; *seed and *offset are what that call uses. */
void tn__next_rng(tn_context *tn, uint64_t *seed, uint64_t *offset);

/* ---- scope.c */

void tn__scope_add(tn_context *tn, tn_tensor *x); /* takes over the first reference */
void tn__scopes_close(tn_context *tn);

/* ---- tensor.c */

/* A tensor on its own fresh memory with desc's dtype, dims and strides, in the current scope; nil after raising.
 * The strides must be dense. */
tn_tensor *tn__new(tn_dev *dev, const tn_tensor_desc *desc);
/* x's elements in a storage of their own, which borrows the memory; no graph. */
tn_tensor *tn__borrow(tn_tensor *x);
void tn__storage_release(tn_storage *storage); /* NULL is allowed */
/* Another view of x's storage, `offset` bytes from its start; no graph. */
tn_tensor *tn__view(tn_tensor *x, const tn_tensor_desc *desc, uint64_t offset);
void tn__free(tn_tensor *x);       /* for tn_release: no reference is left */
void tn__node_free(tn_node *node); /* engine/autograd.c; NULL is allowed */
/* A descriptor with row-major strides; false after raising (rank, sizes, overflow, dtype). */
bool tn__desc(tn_context *tn, tn_tensor_desc *desc, tn_dtype dtype, int rank, const int64_t *dims);
void tn__row_major(tn_tensor_desc *desc);      /* sets the strides from the dims */
void tn__channels_last(tn_tensor_desc *desc);  /* the same, N H W C in memory; rank 4 */
bool tn__is_dense(const tn_tensor_desc *desc); /* no gaps, no overlap, any order */
static inline void *tn__data(const tn_tensor *x)
{
    return x->storage && x->storage->data ? (char *)x->storage->data + x->offset : NULL;
}
static inline tn_dev *tn__dev_of(const tn_tensor *x)
{
    return x->storage->dev;
}
/* "[2, 3]" into a fresh temporary buffer: for the arguments of tn_raise. */
#define TN_SHAPE_OF(x) tn_format_shape((x), (char[TN_SHAPE_TEXT]){0})
#define TN_DESC_OF(desc) tn__format_dims((int)(desc)->rank, (desc)->dims, (char[TN_SHAPE_TEXT]){0})
#define TN_DIMS_OF(rank, dims) tn__format_dims((rank), (dims), (char[TN_SHAPE_TEXT]){0})
enum { TN_SHAPE_TEXT = 192 };
const char *tn__format_dims(int rank, const int64_t *dims, char *buffer);
/* 0 <= result < rank, or -1 after raising "<what>: dim ... ". */
int tn__wrap_dim(tn_tensor *x, const char *what, int dim, int rank);

/* ---- pool.c */

tn_pool *tn__pool_open(tn_dev *dev);
void tn__pool_close(tn_pool *pool);
/* NULL after filling error. *bytes becomes the size of the block, which tn__pool_free must be told. */
void *tn__pool_alloc(tn_pool *pool, uint64_t *bytes, tn_error *error);
void tn__pool_free(tn_pool *pool, void *memory, uint64_t bytes);
void tn__pool_trim(tn_pool *pool); /* gives cached blocks back to the device */
tn_memory tn__pool_stats(const tn_pool *pool);
void tn__pool_reset_peak(tn_pool *pool);

#endif
