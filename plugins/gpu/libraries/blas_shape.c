/* SPDX-License-Identifier: Apache-2.0
 *
 * From strides to leading dimensions. Row-major z = x y is, by columns, z^T = y^T x^T. */
#include "blas_shape.h"

#include "nest.h"

#include <string.h>

/* rows x columns elements at these steps. */
typedef struct view {
    int64_t rows, columns, row_stride, column_stride, batch_stride;
} view;

static view transpose(view v)
{
    return (view){v.columns, v.rows, v.column_stride, v.row_stride, v.batch_stride};
}

/* Neighbours in a column lie side by side, columns do not overlap. */
static int is_by_columns(const view *v)
{
    if (v->rows > 1 && v->row_stride != 1) return 0;
    return v->columns <= 1 || v->column_stride >= v->rows;
}

static gpu_blas_matrix stored(const view *v, uint64_t input, int transposed)
{
    return (gpu_blas_matrix){.input = input,
                             .transposed = transposed,
                             .rows = v->rows,
                             .columns = v->columns,
                             .leading = v->columns > 1 ? v->column_stride : v->rows,
                             .batch_stride = v->batch_stride};
}

static int matrix_of(view v, uint64_t input, gpu_blas_matrix *matrix)
{
    view across = transpose(v);
    int by_columns = is_by_columns(&v);
    if (!by_columns && !is_by_columns(&across)) return 0;
    *matrix = stored(by_columns ? &v : &across, input, !by_columns);
    return 1;
}

/* ---- the operator's operands: x M K, y K N, z M N */

static int64_t stride_of(const tn_tensor_desc *t, uint32_t from_last)
{
    return from_last <= t->rank ? t->strides[t->rank - from_last] : 0;
}

typedef struct views {
    view x, y, z;
    int64_t batch;
} views;

/* Of the last two dims; of the last alone, as a row. */
static view view_of(const tn_tensor_desc *t)
{
    return (view){t->rank > 1 ? t->dims[t->rank - 2] : 1, t->dims[t->rank - 1], stride_of(t, 2), stride_of(t, 1), 0};
}

/* Operators as products: which operand is there as its transpose. */
static const struct {
    const char *name;
    int x_is_transposed, y_is_transposed;
} forms[] = {
    {"matmul", 0, 0},
    {"linear", 0, 1},
    {"linear_relu", 0, 1},
    {"linear_grad_weight", 1, 0},
};

static views views_of(const tn_op_desc *desc)
{
    views v = {.x = view_of(desc->in[0]), .y = view_of(desc->in[1]), .z = view_of(desc->out[0]), .batch = 1};
    int form = 0;
    while (strcmp(forms[form].name, desc->name) != 0) form++;
    if (forms[form].x_is_transposed) v.x = transpose(v.x);
    if (forms[form].y_is_transposed) v.y = transpose(v.y);
    return v;
}

/* Images of x and z that follow each other as rows do, and share y, are further rows. */
static int joins_rows(const views *v)
{
    if (v->y.batch_stride != 0) return 0;
    return v->x.rows == 1 ||
           (v->x.batch_stride == v->x.rows * v->x.row_stride && v->z.batch_stride == v->z.rows * v->z.row_stride);
}

static void join_rows(views *v)
{
    if (v->x.rows == 1) {
        v->x.row_stride = v->x.batch_stride;
        v->z.row_stride = v->z.batch_stride;
    }
    v->x.rows *= v->batch;
    v->z.rows *= v->batch;
    v->x.batch_stride = v->z.batch_stride = 0;
    v->batch = 1;
}

/* The leading dims as one; 0 if they step unevenly. */
static int set_batch(views *v, const tn_op_desc *desc)
{
    const tn_tensor_desc *z = desc->out[0];
    const uint32_t rank = z->rank > 2 ? z->rank - 2 : 0;
    int64_t strides[3][TN_MAX_RANK];
    const int64_t *rows[] = {strides[0], strides[1], strides[2]};
    for (uint32_t d = 0; d < rank; d++) {
        strides[0][d] = gpu_stride_of(desc->in[0], z->rank, d);
        strides[1][d] = gpu_stride_of(desc->in[1], z->rank, d);
        strides[2][d] = gpu_stride_of(z, z->rank, d);
    }
    gpu_nest nest = gpu_nest_of(rank, z->dims, 3, rows);
    if (nest.rank == 0) return 1;
    if (nest.rank > 1) return 0;
    v->batch = nest.dims[0];
    v->x.batch_stride = nest.strides[0][0];
    v->y.batch_stride = nest.strides[1][0];
    v->z.batch_stride = nest.strides[2][0];
    if (joins_rows(v)) join_rows(v);
    return 1;
}

int gpu_blas_product_of(const tn_op_desc *desc, gpu_blas_product *product)
{
    const int biased = desc->n_in > 2 && desc->in[2];
    const tn_tensor_desc *z = desc->out[0];
    views v = views_of(desc);
    if (tn_desc_numel(z) == 0 || v.x.columns == 0 || !set_batch(&v, desc)) return 0;
    view across = transpose(v.z);
    *product = (gpu_blas_product){.inner = v.x.columns, .batch = v.batch};
    if (is_by_columns(&across)) {
        product->d = stored(&across, 0, 0);
        return matrix_of(transpose(v.y), 1, &product->a) && matrix_of(transpose(v.x), 0, &product->b);
    }
    if (biased || !is_by_columns(&v.z)) return 0;
    product->d = stored(&v.z, 0, 0);
    return matrix_of(v.x, 0, &product->a) && matrix_of(v.y, 1, &product->b);
}

/* ---- what goes with it */

gpu_blas_bias gpu_blas_bias_of(const tn_op_desc *desc)
{
    if (desc->n_out > 1) return GPU_BLAS_SUMMED;
    return desc->n_in > 2 && desc->in[2] ? GPU_BLAS_ADDED : GPU_BLAS_NO_BIAS;
}

uint64_t gpu_blas_operations(const gpu_blas_product *product, const tn_op_desc *desc)
{
    const tn_tensor_desc *z = desc->out[0], *biased = gpu_blas_bias_of(desc) == GPU_BLAS_SUMMED ? desc->in[0] : z;
    return 2 * (uint64_t)product->inner * (uint64_t)tn_desc_numel(z) +
           (gpu_blas_bias_of(desc) ? (uint64_t)tn_desc_numel(biased) : 0);
}
