/* SPDX-License-Identifier: Apache-2.0
 *
 * Products: matmul (x: ...M K, y: ...K N, z: ...M N; leading dims broadcast), linear and linear_relu (x: ...I, w: O I,
 * b: O, y: ...O), by oneDNN's matmul or, where that is slower, by the plugin's own kernels. Transposed matrices are
 * taken as they lie; others are copied to row-major. */
#include "chain.h"
#include "gemm.h"
#include "nest.h"

#include <string.h>

/* An operand as oneDNN gets it: how it is stored, and the matrices that are seen in that memory. */
typedef struct view {
    tn_tensor_desc stored;
    int rank;
    int64_t dims[TN_MAX_RANK + 2], strides[TN_MAX_RANK + 2];
} view;

static void make_row_major(tn_tensor_desc *x)
{
    int64_t stride = 1;
    for (uint32_t i = x->rank; i-- > 0; stride *= x->dims[i]) x->strides[i] = stride;
}

/* Can oneDNN's fast kernels read (write, if it is an output) this matrix? Along one side it must be dense. */
static int readable(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride)
{
    if (columns == 1 || column_stride == 1) return rows == 1 || row_stride >= columns;
    return (rows == 1 || row_stride == 1) && column_stride >= rows;
}
static int writable(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride)
{
    return (columns == 1 || column_stride == 1) && (rows == 1 || row_stride >= columns);
}

static void append(view *v, int64_t dim, int64_t stride)
{
    v->dims[v->rank] = stride ? dim : 1; /* a stride of 0 is oneDNN's broadcast */
    v->strides[v->rank++] = stride;
}

/* The last two dims. A side of one has a stride that makes the matrix look dense. */
static void append_matrix(view *v, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride)
{
    if (columns == 1) column_stride = 1;
    if (rows == 1) row_stride = column_stride == 1 ? columns : 1;
    append(v, rows, row_stride);
    append(v, columns, column_stride);
}

/* Gives dims of one a stride that no element uses and every reader of the descriptor accepts. */
static void settle_strides(view *v)
{
    int64_t span = 1;
    for (int i = 0; i < v->rank; i++) span += (v->dims[i] - 1) * v->strides[i];
    for (int i = 0; i < v->rank - 2; i++)
        if (v->dims[i] == 1) v->strides[i] = span;
}

static int add_slot(dn_chain *chain, dn_place place, uint64_t index, view *v)
{
    settle_strides(v);
    return dn_chain_slot(chain, place, index, &v->stored, v->rank, v->dims, v->strides);
}

/* z = x y + b, relu after it if asked for. b: slot of a row, or -1. */
static void multiply(dn_chain *chain, view *x, uint64_t x_at, view *y, uint64_t y_at, int b, view *z, int relu)
{
    const int xs = add_slot(chain, DN_INPUT, x_at, x), ys = add_slot(chain, DN_INPUT, y_at, y),
              zs = add_slot(chain, DN_OUTPUT, 0, z);
    dnnl_primitive_desc_t pd = NULL;
    if (dn_chain_try(chain, dnnl_success, ""))
        dn_chain_try(chain,
                     dn_matmul_pd(&pd, dn_chain_engine(chain), dn_chain_md(chain, xs), dn_chain_md(chain, ys),
                                  dn_chain_md(chain, b), dn_chain_md(chain, zs), dn_chain_attr(chain)),
                     "matmul primitive descriptor");
    dn_chain_primitive(chain, pd, 4,
                       (dn_arg[]){{DNNL_ARG_SRC, xs}, {DNNL_ARG_WEIGHTS, ys}, {DNNL_ARG_BIAS, b}, {DNNL_ARG_DST, zs}});
    if (relu) dn_chain_relu(chain, zs, &z->stored);
}

/* ---- matmul */

/* The stride of batch dim i of z in operand x, 0 where x has one matrix for all. */
static int64_t batch_stride(const tn_tensor_desc *x, const tn_tensor_desc *z, uint32_t i)
{
    const uint32_t missing = z->rank - x->rank;
    return i < missing || x->dims[i - missing] == 1 ? 0 : x->strides[i - missing];
}

/* All batch dims of the three operands, merged where they can be. */
static void batch_nest(dn_nest *nest, const tn_tensor_desc *z, const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    dn_nest_begin(nest, 3);
    for (uint32_t i = 0; i + 2 < z->rank; i++)
        dn_nest_dim(nest, z->dims[i],
                    (const int64_t[]){batch_stride(z, z, i), batch_stride(x, z, i), batch_stride(y, z, i)});
    dn_nest_end(nest);
}

/* Does some dim repeat in both factors? oneDNN would find its size in neither of them. */
static int repeats_both(const dn_nest *nest)
{
    for (int i = 0; i < nest->rank; i++)
        if (nest->dims[i] > 1 && !nest->steps[i][1] && !nest->steps[i][2]) return 1;
    return 0;
}

static void store(view *v, const tn_tensor_desc *x, int (*takes)(int64_t, int64_t, int64_t, int64_t))
{
    const uint32_t r = x->rank;
    *v = (view){.stored = *x};
    if (!takes(x->dims[r - 2], x->dims[r - 1], x->strides[r - 2], x->strides[r - 1])) make_row_major(&v->stored);
}

/* One matrix y for all of x, which lies like one tall matrix, and so does z: then it is a product of two matrices. */
static int is_tall(const dn_nest *batch, const tn_tensor_desc *x, const tn_tensor_desc *z)
{
    const uint32_t rx = x->rank, rz = z->rank;
    const int64_t rows = z->dims[rz - 2];
    return batch->numel > 1 && batch->rank == 1 && !batch->steps[0][2] && x->strides[rx - 1] == 1 &&
           z->strides[rz - 1] == 1 && batch->steps[0][1] == rows * x->strides[rx - 2] &&
           batch->steps[0][0] == rows * z->strides[rz - 2];
}

/* Operand k of the nest. folded: `batch` matrices are one of that many times the rows. */
static void set_dims(view *v, const dn_nest *batch, int k, int folded)
{
    const tn_tensor_desc *x = &v->stored;
    const uint32_t r = x->rank;
    const int64_t times = folded && k != 2 ? batch->numel : 1;
    for (int i = 0; !folded && batch->numel > 1 && i < batch->rank; i++) append(v, batch->dims[i], batch->steps[i][k]);
    append_matrix(v, x->dims[r - 2] * times, x->dims[r - 1], x->strides[r - 2], x->strides[r - 1]);
}

static uint64_t matmul_flops(const tn_op_desc *desc)
{
    return 2 * (uint64_t)tn_desc_numel(desc->out[0]) * (uint64_t)desc->in[0]->dims[desc->in[0]->rank - 1];
}

/* Sets the step along a side of one, which no element uses, to that of a dense matrix. */
static void settle(dn_product *p)
{
    if (p->k == 1) p->a_k = 1, p->b_k = p->n;
    if (p->m == 1) p->a_m = p->k;
    if (p->n == 1) p->b_n = p->k;
}

/* Do the plugin's own kernels take this product? */
static int own_matmul(dn_product *p, const tn_op_desc *desc)
{
    const tn_tensor_desc *x = desc->in[0], *y = desc->in[1], *z = desc->out[0];
    const uint32_t i = x->rank - 2, j = y->rank - 2, o = z->rank - 2;
    *p = (dn_product){.m = x->dims[i],
                      .n = y->dims[j + 1],
                      .k = x->dims[i + 1],
                      .a_m = x->strides[i],
                      .a_k = x->strides[i + 1],
                      .b_k = y->strides[j],
                      .b_n = y->strides[j + 1],
                      .c_m = z->strides[o]};
    settle(p);
    return tn_desc_numel(z) == p->m * p->n && (p->n == 1 || z->strides[o + 1] == 1) && dn_gemm_takes(p);
}

tn_status dn_matmul_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

tn_status dn_matmul_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                         tn_error *error)
{
    view x, y, z;
    dn_nest batch;
    dn_product own;
    DN_TRY(dn_matmul_check(self, device, desc, error));
    if (matmul_flops(desc) == 0) return dn_zero_plan(desc, plan, error);
    if (own_matmul(&own, desc)) return dn_gemm_plan(desc, &own, plan, error);
    dn_chain *chain = dn_chain_begin(device, desc, matmul_flops(desc), error);
    if (!chain) return TN_OUT_OF_MEMORY;

    store(&x, desc->in[0], readable);
    store(&y, desc->in[1], readable);
    store(&z, desc->out[0], writable);
    batch_nest(&batch, &z.stored, &x.stored, &y.stored);
    if (repeats_both(&batch)) {
        make_row_major(&x.stored);
        make_row_major(&y.stored);
        batch_nest(&batch, &z.stored, &x.stored, &y.stored);
    }
    const int folded = is_tall(&batch, &x.stored, &z.stored);
    set_dims(&x, &batch, 1, folded);
    set_dims(&y, &batch, 2, folded);
    set_dims(&z, &batch, 0, folded);
    multiply(chain, &x, 0, &y, 1, -1, &z, 0);
    return dn_chain_end(chain, plan);
}

/* ---- linear, linear_relu */

/* The distance between rows of x (...C); 0 for a single row, -1 if they do not lie at equal distances in order. */
static int64_t row_stride_of(const tn_tensor_desc *x)
{
    int64_t stride = 0, next = 0;
    for (uint32_t i = x->rank - 1; i-- > 0;) {
        if (x->dims[i] == 1) continue;
        if (x->strides[i] == 0 || (next && x->strides[i] != next)) return -1;
        if (!next) stride = x->strides[i];
        next = x->strides[i] * x->dims[i];
    }
    return stride;
}

/* x or y (...C) as one matrix of rows of C. */
static void rows_of(view *v, const tn_tensor_desc *x, int (*takes)(int64_t, int64_t, int64_t, int64_t))
{
    const int64_t columns = x->dims[x->rank - 1], rows = tn_desc_numel(x) / columns;
    int64_t row_stride = row_stride_of(x);
    *v = (view){.stored = *x};
    if (row_stride < 0 || !takes(rows, columns, row_stride, x->strides[x->rank - 1])) {
        make_row_major(&v->stored);
        row_stride = columns;
    }
    append_matrix(v, rows, columns, row_stride, v->stored.strides[x->rank - 1]);
}

/* w (O I) as the matrix I O. */
static void transpose_of(view *v, const tn_tensor_desc *w)
{
    store(v, w, readable);
    append_matrix(v, w->dims[1], w->dims[0], v->stored.strides[1], v->stored.strides[0]);
}

static const tn_tensor_desc *bias_of(const tn_op_desc *desc)
{
    return desc->n_in > 2 ? desc->in[2] : NULL;
}

/* b (O) as a row, dense; -1 if there is none. */
static int bias_slot(dn_chain *chain, const tn_tensor_desc *b)
{
    if (!b) return -1;
    tn_tensor_desc stored = *b;
    make_row_major(&stored);
    return dn_chain_slot(chain, DN_INPUT, 2, &stored, 2, (const int64_t[]){1, b->dims[0]},
                         (const int64_t[]){b->dims[0], 1});
}

tn_status dn_linear_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    DN_TRY(dn_matmul_check(self, device, desc, error));
    if (desc->in[1]->dims[1] == 0 && bias_of(desc))
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: oneDNN does not add a bias to products over no elements",
                       desc->name);
    return TN_OK;
}

static int own_linear(dn_product *p, const tn_op_desc *desc, int relu)
{
    const tn_tensor_desc *x = desc->in[0], *w = desc->in[1], *b = bias_of(desc), *y = desc->out[0];
    *p = (dn_product){.m = tn_desc_numel(x) / w->dims[1],
                      .n = w->dims[0],
                      .k = w->dims[1],
                      .a_m = row_stride_of(x),
                      .a_k = x->strides[x->rank - 1],
                      .b_k = w->strides[1],
                      .b_n = w->strides[0],
                      .c_m = row_stride_of(y),
                      .has_bias = b != NULL,
                      .relu = relu};
    if (p->a_m < 0 || p->c_m < 0) return 0;
    settle(p);
    const int dense = p->n == 1 || (y->strides[y->rank - 1] == 1 && (!b || b->strides[0] == 1));
    return dense && dn_gemm_takes(p);
}

/* self->data: not NULL for linear_relu */
tn_status dn_linear_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                         tn_error *error)
{
    view x, w, y;
    dn_product own;
    DN_TRY(dn_linear_check(self, device, desc, error));
    if (matmul_flops(desc) == 0) return dn_zero_plan(desc, plan, error);
    if (own_linear(&own, desc, self->data != NULL)) return dn_gemm_plan(desc, &own, plan, error);
    dn_chain *chain = dn_chain_begin(device, desc, matmul_flops(desc), error);
    if (!chain) return TN_OUT_OF_MEMORY;
    rows_of(&x, desc->in[0], readable);
    transpose_of(&w, desc->in[1]);
    rows_of(&y, desc->out[0], writable);
    multiply(chain, &x, 0, &w, 1, bias_slot(chain, bias_of(desc)), &y, self->data != NULL);
    return dn_chain_end(chain, plan);
}
