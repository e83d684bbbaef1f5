/* SPDX-License-Identifier: Apache-2.0
 *
 * The argument structs of all kernels: the only types that the host side and the kernels share. Strides and counts are
 * in elements. */
#ifndef GPU_ARGS_H
#define GPU_ARGS_H

#include <stdint.h>

enum {
    GPU_DIMS = 8,
    GPU_THREADS = 256,        /* of a block, where nothing asks for another number */
    GPU_GATHER_THREADS = 128, /* a batch of images is too little work for larger blocks on all multiprocessors */
    GPU_POOL_THREADS = 128
};

/* A walk over the elements of one shape in up to four tensors. dims run from slowest to fastest; neighbours that any
 * tensor steps through evenly have been joined (nest.c). */
typedef struct gpu_nest {
    int64_t n; /* elements */
    int32_t rank;
    int32_t operands;
    int64_t dims[GPU_DIMS];
    int64_t strides[4][GPU_DIMS];
} gpu_nest;

/* Division by a number that is known when the plan is made (kernels/divide.h). */
typedef struct gpu_divisor {
    uint32_t by, factor, shift;
} gpu_divisor;

/* How a block is cut into teams of threads that fold together (kernels/reduce_block.h). */
typedef struct gpu_teams {
    int32_t teams, size; /* of a block; threads of a team: a power of two. Their product is the block, whole warps */
    int32_t columns;     /* 1: neighbouring threads belong to different teams; 0: to the same */
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
    gpu_divisor dims[GPU_DIMS];
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

/* Threads of a block, at most, of kernels whose blocks are cut into teams: as many as registers and shared memory allow. */
enum { GPU_REDUCE_THREADS = 512, GPU_ARGMAX_THREADS = 512, GPU_SOFTMAX_THREADS = 512, GPU_LOSS_THREADS = 1024 };

enum { GPU_REDUCE_SUM, GPU_REDUCE_MAX, GPU_REDUCE_MIN };

/* y = fold of x over gone, for each element of kept. */
typedef struct gpu_reduce_args {
    const void *x;
    void *y;
    gpu_nest kept; /* operands: y, x */
    gpu_nest gone; /* operand: x */
    gpu_teams teams;
    int64_t piece;  /* elements of gone that blocks with one y take */
    int64_t next;   /* from the results of one piece to those of the next, in y */
    double divisor; /* of the result */
    int32_t fold;
    uint32_t from, to; /* tn_dtype of x and of y */
} gpu_reduce_args;

/* dz = relu's gradient, db = its sum over gone, for each element of kept. */
typedef struct gpu_relu_grad_sum_args {
    const void *dy, *y;
    void *dz, *db;
    gpu_nest kept; /* operands: dy, y, dz, db */
    gpu_nest gone; /* operands: dy, y, dz */
    gpu_teams teams;
    int64_t piece, next; /* as for gpu_reduce_args; next: in db */
    uint32_t dtype, to;  /* tn_dtype of dy, y and dz; of db */
} gpu_relu_grad_sum_args;

/* y = index of the largest of n elements of x, for each element of kept. */
typedef struct gpu_argmax_args {
    const void *x;
    const int64_t *index; /* where not NULL: of each element of x, in its stead */
    int64_t *y;
    void *values; /* where not NULL: takes the largest elements, as f64 or i64, at the places where y has the indices */
    gpu_nest kept; /* operands: y, x */
    gpu_teams teams;
    int64_t n, stride; /* elements of x to choose from */
    int64_t piece, next;
    uint32_t from; /* tn_dtype of x */
} gpu_argmax_args;

typedef struct gpu_softmax_args {
    const void *x;
    void *y;
    gpu_nest kept; /* operands: y, x */
    gpu_teams teams;
    int64_t n, y_stride, x_stride; /* along the dim */
    uint32_t dtype;
    int32_t logarithm;
} gpu_softmax_args;

/* A matrix: element (n, c) lies n * row + c * column elements from its start. */
typedef struct gpu_matrix {
    void *at;
    int64_t row, column;
} gpu_matrix;

/* softmax_cross_entropy: x, p. nll_loss: x alone. */
typedef struct gpu_loss_args {
    gpu_matrix x, p;
    const int64_t *target;
    void *loss;     /* of one block: the mean, else */
    double *losses; /* the sum of each block's rows */
    int64_t target_stride, rows, classes;
    gpu_teams teams;
    uint32_t dtype;
} gpu_cross_entropy_args, gpu_nll_args;

typedef struct gpu_cross_entropy_grad_args {
    gpu_matrix p, dx;
    const int64_t *target;
    const void *dy;
    int64_t target_stride, rows, classes;
    uint32_t dtype;
} gpu_cross_entropy_grad_args;

typedef struct gpu_one_hot_args {
    int64_t *y;
    const int64_t *index;
    gpu_nest nest; /* operands: y at class 0, index */
    int64_t classes, class_stride;
} gpu_one_hot_args;

/* y[n] = x[index[n]], in units of `unit` bytes; gather_scale: u8 to f32. */
typedef struct gpu_gather_args {
    const void *x;
    void *y;
    const int64_t *index;
    int64_t n, x_rows, index_stride;
    int64_t y_row, x_row; /* strides of dim 0 */
    gpu_nest row;         /* operands: y, x */
    int32_t unit;         /* index_select: 1, 4, 8; bytes of an element */
    int32_t wide;         /* elements that a thread takes at once where addresses allow it, 1 if never */
    float scale, shift;
} gpu_index_select_args, gpu_gather_scale_args;

/* dx[r] = sum over n of dy[n] where index[n] is r. A column of blocks takes `tile` rows. */
typedef struct gpu_index_add_args {
    const void *dy;
    void *dx;
    const int64_t *index;
    int64_t n, rows, index_stride;
    int64_t dx_row, dy_row; /* strides of dim 0 */
    gpu_nest row;           /* operands: dx, dy */
    int64_t tile;
    uint32_t dtype;
} gpu_index_add_args;

enum { GPU_MOST_CAT = 10 };

typedef struct gpu_cat_item {
    const void *x;
    void *y;       /* where the first element goes */
    gpu_nest nest; /* operands: y, x */
} gpu_cat_item;

/* Blocks with y = i copy item i, elements of `bytes` bytes. */
typedef struct gpu_cat_args {
    gpu_cat_item items[GPU_MOST_CAT];
    int64_t bytes;
} gpu_cat_args;

/* One parameter of an optimizer step with its companions, all dense and in the same order: sgd p, g, v; adam p, g, m,
 * v. */
typedef struct gpu_step_item {
    void *at[4];
    int64_t n;
    int64_t first_block;
} gpu_step_item;

/* What all optimizer steps are told; sgd: beta1 is the momentum, decoupled says Nesterov. */
typedef struct gpu_step_rule {
    const double *lr;
    const int64_t *step;
    double beta1, beta2, eps, weight_decay;
    int32_t adam, decoupled;
    uint32_t dtype;
} gpu_step_rule;

enum { GPU_MOST_STEP = 80, GPU_MOST_STEP_ANY = 10 };

typedef struct gpu_step_args {
    gpu_step_rule rule;
    int64_t n_items;
    int64_t chunk; /* elements of a block */
    gpu_step_item items[GPU_MOST_STEP];
} gpu_step_args;

/* The same for parameters of any strides: blocks with y = i take item i. */
typedef struct gpu_step_any_item {
    void *at[4];
    gpu_nest nest; /* operands in the order of `at` */
} gpu_step_any_item;

typedef struct gpu_step_any_args {
    gpu_step_rule rule;
    gpu_step_any_item items[GPU_MOST_STEP_ANY];
} gpu_step_any_args;

/* ---- products, convolution, pooling, normalisation */

enum { GPU_AXIS_DIMS = 5 };

/* How one index of a product runs over memory: as the dims of a tensor, from slowest to fastest. Beside the offset it
 * tells how far one step in a dim goes down and to the right in the image that the product reads. */
typedef struct gpu_axis {
    int32_t rank; /* at least 1 */
    gpu_divisor size[GPU_AXIS_DIMS];
    int32_t rows[GPU_AXIS_DIMS], cols[GPU_AXIS_DIMS];
    int64_t strides[GPU_AXIS_DIMS];
} gpu_axis;

/* A factor of a product: an element for each index along the result (major) and along the sum (inner). */
typedef struct gpu_side {
    const void *data;
    const void *index; /* u8, placed as data: an element counts only where it names the cell; NULL: everywhere */
    gpu_axis major, inner;
    int32_t first_row, first_col; /* in the image, where both indices are 0 */
    int32_t rows, cols;           /* of the image; what lies outside is 0 */
    /* Only where rows and columns are divided: what lies at the quotient, if the remainder lies in the window. */
    gpu_divisor by_row, by_col;
    int32_t window_rows, window_cols;
    int64_t row_stride, col_stride;
    int64_t first;  /* the offset where both indices are 0; may be negative */
    uint32_t ones;  /* the major index whose elements are all 1: it adds up the other side */
    int32_t inward; /* 1: memory runs along the inner index, 0: along the major one */
    int32_t vector; /* 1: four neighbours lie side by side and aligned */
} gpu_side;

/* Where a product goes. */
typedef struct gpu_result {
    void *y, *index; /* index: u8, placed as y, only if rows are pooled */
    void *sums;      /* where the column of ones goes; its index is `n` - 1; or NULL */
    const void *bias;
    gpu_axis row, col;
    int64_t sum_stride, bias_stride;
    uint32_t m, n;   /* rows (before pooling) and columns */
    uint32_t batch;  /* products */
    uint32_t splits; /* of the sum: each writes its part to memory that gpu_join reads */
    uint32_t cells;  /* this many rows, neighbours, are pooled: 4, or 1 if none are */
    int32_t relu;
    int32_t vector; /* 1: four columns of y lie side by side and aligned */
    gpu_nest walk;  /* over the products; operands: a, b, y, bias or sums */
} gpu_result;

typedef struct gpu_product_args {
    gpu_side a, b;
    gpu_result out;
    void *parts;        /* of split sums: splits x batch x m x n */
    uint32_t k, k_each; /* length of the sum, and of the part that a block takes */
    uint32_t tiles_m, tiles_n;
    int32_t masked; /* 1: elements of a outside the image are not even multiplied with infinities of b */
} gpu_product_args;

typedef struct gpu_join_args {
    const void *parts;
    gpu_result out;
} gpu_join_args;

typedef enum gpu_pooling {
    GPU_POOL_MAX,
    GPU_POOL_MAX_GRAD,
    GPU_POOL_MAX_GATHER,
    GPU_POOL_AVG,
    GPU_POOL_AVG_GRAD
} gpu_pooling;

/* Pooling of images x (N C H W) into y (N C P Q). Pairs: along the height, along the width. */
typedef struct gpu_pool_args {
    void *x, *y, *index;
    int32_t what;        /* gpu_pooling: the gradients read y and write x */
    int32_t wide;        /* indices are i32, not u8 */
    int32_t include_pad; /* averages: padding counts in the divisor */
    int32_t relu;        /* of the largest */
    int64_t images;
    int32_t image[2], out[2], kernel[2], stride[2], padding[2], dilation[2];
    /* The elements of an image of the result, which threads share out: channels are the fastest dim, or the slowest. */
    uint32_t elements;
    int32_t channels_last;
    gpu_divisor inner, middle; /* the fastest dim and the next */
    int64_t x_strides[4], y_strides[4], index_strides[4];
} gpu_pool_args;

/* Batch normalisation. Vectors have one element for each channel, with strides numbered by
 * gpu_norm_vector; those that are absent are NULL. */
typedef enum gpu_norm_vector {
    GPU_NORM_WEIGHT,
    GPU_NORM_BIAS,
    GPU_NORM_RUNNING_MEAN,
    GPU_NORM_RUNNING_VAR,
    GPU_NORM_MEAN,
    GPU_NORM_RSTD,
    GPU_NORM_DWEIGHT,
    GPU_NORM_DBIAS,
    GPU_NORM_VECTORS
} gpu_norm_vector;

typedef struct gpu_norm_args {
    const void *x, *dy;
    void *y;    /* y or dx */
    void *sums; /* f64, two for each part and channel */
    const void *weight, *bias;
    void *running_mean, *running_var, *mean, *rstd, *dweight, *dbias;
    int64_t strides[GPU_NORM_VECTORS];
    int64_t channels, channel_strides[3]; /* of x, dy, y */
    int64_t parts, each;                  /* pixels are cut into parts of so many */
    int32_t training, backward;
    double momentum, eps;
    gpu_teams teams; /* a team for each channel of a block */
    gpu_nest pixels; /* of one channel: x, dy, y */
} gpu_norm_args;

#endif
