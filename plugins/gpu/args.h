/* SPDX-License-Identifier: Apache-2.0
 *
 * The argument structs of all kernels: the only types that the host side and the kernels share. Strides and counts are
 * in elements. */
#ifndef GPU_ARGS_H
#define GPU_ARGS_H

#include <stdint.h>

enum { GPU_DIMS = 8 };

/* A walk over the elements of one shape in up to four tensors. dims run from slowest to fastest; neighbours that any
 * tensor steps through evenly have been joined (nest.c). */
typedef struct gpu_nest {
    int64_t n; /* elements */
    int32_t rank;
    int32_t operands;
    int64_t dims[GPU_DIMS];
    int64_t strides[4][GPU_DIMS];
} gpu_nest;

/* How a block is cut into teams of threads that fold together (kernels/reduce_block.h). */
typedef struct gpu_teams {
    int32_t teams, size; /* of a block; threads of a team: a power of two. Their product is the block, whole warps */
    int32_t columns;     /* 1: neighbouring threads belong to different teams; 0: to the same */
    int32_t unused;
} gpu_teams;

/* ---- elementwise, copies, fills, random numbers */

enum {
    GPU_LANES = 4,          /* elements that a thread takes at a time */
    GPU_WALK_THREADS = 128, /* of a block that walks */
    GPU_TILE = 32,          /* rows and columns that a block transposes at a time */
    GPU_TILE_THREADS = 256
};

/* A walk in 32-bit arithmetic: a gpu_nest, or a part of one, that reaches less far than 2^30 elements in each operand.
 * The first member of the arguments of every kernel that makes one. */
typedef struct gpu_walk {
    void *base[4]; /* of the operands */
    int64_t first; /* row-major index of the first element, for kernels that ask for it */
    uint32_t n;    /* elements */
    int32_t rank;
    uint32_t packed; /* 1: GPU_LANES elements may be loaded and stored as one */
    uint32_t flat;   /* bit k: operand k stays where it is along the last dim */
    uint32_t dims[GPU_DIMS], magic[GPU_DIMS], shift[GPU_DIMS]; /* x / dims = (high half of (x magic) + x) >> shift */
    uint32_t strides[4][GPU_DIMS];
} gpu_walk;

/* What gpu_map_args.op computes from x and y. From GPU_DO_EXP on by the maths library, in kernels of its own. */
enum {
    GPU_DO_NEG,
    GPU_DO_ABS,
    GPU_DO_SQUARE,
    GPU_DO_SIGN,
    GPU_DO_SQRT,
    GPU_DO_RSQRT,
    GPU_DO_RECIPROCAL,
    GPU_DO_RELU,
    GPU_DO_STEP,
    GPU_DO_NOT,
    GPU_DO_ADD,
    GPU_DO_SUB,
    GPU_DO_MUL,
    GPU_DO_DIV,
    GPU_DO_MAXIMUM,
    GPU_DO_MINIMUM,
    GPU_DO_AND,
    GPU_DO_OR,
    GPU_DO_XOR,
    GPU_DO_RELU_GRAD,
    GPU_DO_CLAMP,
    GPU_DO_EQ,
    GPU_DO_NE,
    GPU_DO_LT,
    GPU_DO_LE,
    GPU_DO_GT,
    GPU_DO_GE,
    GPU_DO_EXP,
    GPU_DO_LOG,
    GPU_DO_SIN,
    GPU_DO_COS,
    GPU_DO_TANH,
    GPU_DO_SIGMOID,
    GPU_DO_GELU,
    GPU_DO_ERF,
    GPU_DO_POW
};

typedef struct gpu_map_args {
    gpu_walk walk; /* z, x, y */
    int32_t op;
    int32_t fixed;   /* bit k: operand k is no tensor, but the number */
    uint64_t number; /* in x's dtype */
    uint64_t high;   /* clamp: the number is the lower bound, this the upper one */
} gpu_map_args;

typedef struct gpu_where_args {
    gpu_walk walk; /* z, c, x, y */
    uint64_t bytes;
} gpu_where_args;

typedef struct gpu_cast_args {
    gpu_walk walk; /* y, x */
    uint32_t from, to;
} gpu_cast_args;

typedef struct gpu_copy_args {
    gpu_walk walk;  /* y, x */
    uint64_t bytes; /* of an element, or of several that are moved as one */
} gpu_copy_args;

/* Copies planes that x holds row after row, and y column after column. */
typedef struct gpu_transpose_args {
    gpu_walk walk; /* y, x: from plane to plane */
    uint32_t rows, columns;
    uint32_t row_stride;    /* in y; that of a column is 1 */
    uint32_t column_stride; /* in x; that of a row is 1 */
    uint32_t row_tiles, column_tiles;
    uint64_t bytes;
} gpu_transpose_args;

typedef struct gpu_fill_args {
    gpu_walk walk;  /* y */
    uint64_t bits;  /* of the value, in y's dtype, repeated where an element is several */
    uint64_t bytes; /* of an element, or of several that are written as one */
} gpu_fill_args;

typedef struct gpu_arange_args {
    gpu_walk walk; /* y, row-major index */
    double start, step;
    uint64_t dtype;
} gpu_arange_args;

typedef struct gpu_random_args {
    gpu_walk walk; /* y, row-major index */
    const int64_t *rng;
    int64_t rng_stride;
    int64_t call;
    double a, b;
    uint32_t normal, dtype;
} gpu_random_args;

typedef struct gpu_dropout_args {
    gpu_walk walk; /* y, mask, x, row-major index */
    const int64_t *rng;
    int64_t rng_stride;
    int64_t call;
    double share;              /* that stays: 1 - p */
    uint32_t threshold, dtype; /* p 2^24, rounded up */
} gpu_dropout_args;

/* ---- reductions, classification, rows, optimizer steps */

/* ---- products, convolution, pooling, normalisation */

#endif
