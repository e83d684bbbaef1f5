/* SPDX-License-Identifier: Apache-2.0
 *
 * How the sides of a convolution's products are read. */
#include "conv.h"

gpu_conv gpu_conv_of(const tn_tensor_desc *x, const tn_tensor_desc *w, const tn_tensor_desc *y, const int64_t stride[2],
                     const int64_t padding[2], const int64_t dilation[2], int64_t groups)
{
    gpu_conv c = {.x = x, .w = w, .y = y, .groups = groups, .pool_kernel = {1, 1}, .pool_stride = {1, 1}};
    for (int i = 0; i < 2; i++) {
        c.stride[i] = stride[i];
        c.padding[i] = padding[i];
        c.dilation[i] = dilation[i];
    }
    return c;
}

tn_status gpu_conv_check_sizes(const char *name, const gpu_conv *c, tn_error *error)
{
    int64_t taps = c->w->dims[1] * c->w->dims[2] * c->w->dims[3];
    int64_t cells = c->pool_kernel[0] * c->pool_kernel[1];
    int64_t windows = c->y->dims[0] * c->y->dims[2] * c->y->dims[3] * cells;
    int64_t pixels = c->x->dims[0] * c->x->dims[2] * c->x->dims[3];
    int64_t most = taps > windows ? taps : windows;
    if (pixels > most) most = pixels;
    if (c->w->dims[0] * c->w->dims[2] * c->w->dims[3] > most) most = c->w->dims[0] * c->w->dims[2] * c->w->dims[3];
    for (int i = 0; i < 2; i++) {
        int64_t reach = c->x->dims[2 + i] + 2 * c->padding[i] + c->dilation[i] * c->w->dims[2 + i];
        if (reach + c->stride[i] > most) most = reach + c->stride[i];
    }
    if (gpu_fits_index(most)) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: the convolution counts to %lld, which is more than %d", name,
                   (long long)most, GPU_MOST_INDICES);
}

uint64_t gpu_conv_flops(const gpu_conv *c)
{
    int64_t taps = c->w->dims[1] * c->w->dims[2] * c->w->dims[3];
    return 2 * (uint64_t)(tn_desc_numel(c->y) * c->pool_kernel[0] * c->pool_kernel[1] * taps);
}

/* ---- axes. Steps in the image that is read are in its rows and columns. */

static int64_t dim_stride(const tn_tensor_desc *t, int d)
{
    return t->dims[d] == 1 ? 0 : t->strides[d];
}

/* Do channels lie side by side in the image that is read, so that they had better be the fastest dim of a cell? */
static int channels_last(const tn_tensor_desc *image, int64_t channels)
{
    return image->strides[1] == 1 && channels > 1;
}

/* How far one cell of the kernel, or one window, is from the next. */
typedef struct steps {
    int64_t row, col;       /* in the image */
    int64_t of_row, of_col; /* in memory */
    int64_t channel;
} steps;

static void add_cells(gpu_axis *axis, const gpu_conv *c, int64_t channels, int last, const steps *s)
{
    if (!last) gpu_axis_add(axis, channels, s->channel, 0, 0);
    gpu_axis_add(axis, c->w->dims[2], s->of_row, s->row, 0);
    gpu_axis_add(axis, c->w->dims[3], s->of_col, 0, s->col);
    if (last) gpu_axis_add(axis, channels, s->channel, 0, 0);
}

/* Windows of all images, and the cells of a pooling's windows, neighbours. */
static void add_windows(gpu_axis *axis, const gpu_conv *c, int64_t image, const steps *s)
{
    gpu_axis_add(axis, c->y->dims[0], image, 0, 0);
    gpu_axis_add(axis, c->y->dims[2], s->of_row * c->pool_stride[0], s->row * c->pool_stride[0], 0);
    gpu_axis_add(axis, c->y->dims[3], s->of_col * c->pool_stride[1], 0, s->col * c->pool_stride[1]);
    gpu_axis_add(axis, c->pool_kernel[0], s->of_row, s->row, 0);
    gpu_axis_add(axis, c->pool_kernel[1], s->of_col, 0, s->col);
}

/* Windows in y; pooled, all cells of a window lead to one place. */
static void add_y(gpu_axis *axis, const gpu_conv *c)
{
    gpu_axis_add(axis, c->y->dims[0], dim_stride(c->y, 0), 0, 0);
    gpu_axis_add(axis, c->y->dims[2], dim_stride(c->y, 2), 0, 0);
    gpu_axis_add(axis, c->y->dims[3], dim_stride(c->y, 3), 0, 0);
}

/* x as its windows see it: one step to the next window of the convolution. */
static steps windows_of_x(const gpu_conv *c)
{
    return (steps){.row = c->stride[0],
                   .col = c->stride[1],
                   .of_row = c->stride[0] * dim_stride(c->x, 2),
                   .of_col = c->stride[1] * dim_stride(c->x, 3)};
}

static steps cells_of_x(const gpu_conv *c)
{
    return (steps){.row = c->dilation[0],
                   .col = c->dilation[1],
                   .of_row = c->dilation[0] * dim_stride(c->x, 2),
                   .of_col = c->dilation[1] * dim_stride(c->x, 3),
                   .channel = dim_stride(c->x, 1)};
}

static steps cells_of_w(const gpu_conv *c, int channel)
{
    return (steps){.of_row = dim_stride(c->w, 2), .of_col = dim_stride(c->w, 3), .channel = dim_stride(c->w, channel)};
}

static void look_at_x(gpu_side *side, const gpu_conv *c)
{
    side->first_row = (int32_t)-c->padding[0];
    side->first_col = (int32_t)-c->padding[1];
    side->first = -c->padding[0] * dim_stride(c->x, 2) - c->padding[1] * dim_stride(c->x, 3);
    side->rows = (int32_t)c->x->dims[2];
    side->cols = (int32_t)c->x->dims[3];
}

/* ---- groups */

static void walk_groups(gpu_product_args *args, int64_t groups, int64_t a, int64_t b, int64_t y, int64_t bias)
{
    const int64_t strides[4] = {a, b, y, bias};
    const int64_t *rows[] = {&strides[0], &strides[1], &strides[2], &strides[3]};
    args->out.walk = gpu_nest_of(1, &groups, 4, rows);
    args->out.batch = (uint32_t)groups;
}

/* ---- the products */

/* y[windows, o] = x[windows, cells] w[cells, o] */
gpu_product_plan gpu_conv_forward(const gpu_conv *c)
{
    gpu_product_plan p = gpu_product_of(GPU_CONV, c->x, c->w, c->y);
    gpu_product_args *args = &p.args;
    const int64_t in = c->w->dims[1], out = c->w->dims[0] / c->groups, cells = c->pool_kernel[0] * c->pool_kernel[1];
    const int last = channels_last(c->x, in);
    const steps windows = windows_of_x(c), taps = cells_of_x(c), weights = cells_of_w(c, 1);
    add_windows(&args->a.major, c, dim_stride(c->x, 0), &windows);
    add_cells(&args->a.inner, c, in, last, &taps);
    look_at_x(&args->a, c);
    gpu_axis_add(&args->b.major, out, dim_stride(c->w, 0), 0, 0);
    add_cells(&args->b.inner, c, in, last, &weights);
    add_y(&args->out.row, c);
    gpu_axis_add(&args->out.col, out, dim_stride(c->y, 1), 0, 0);
    args->out.m = (uint32_t)(c->y->dims[0] * c->y->dims[2] * c->y->dims[3] * cells);
    args->out.n = (uint32_t)out;
    args->out.cells = (uint32_t)cells;
    args->k = (uint32_t)(in * c->w->dims[2] * c->w->dims[3]);
    walk_groups(args, c->groups, in * dim_stride(c->x, 1), out * dim_stride(c->w, 0), out * dim_stride(c->y, 1), 0);
    return p;
}

/* dy as the pixels of x see it: cell k of the kernel brought the window at row + padding - k * dilation, over stride. */
static void look_at_dy(gpu_side *side, const gpu_conv *c, int64_t channels, int last)
{
    const int divided = c->stride[0] > 1 || c->stride[1] > 1 || c->pool_kernel[0] * c->pool_kernel[1] > 1;
    const int64_t row = divided ? 0 : dim_stride(c->y, 2), col = divided ? 0 : dim_stride(c->y, 3);
    const steps cell = {.row = -c->dilation[0],
                        .col = -c->dilation[1],
                        .of_row = -c->dilation[0] * row,
                        .of_col = -c->dilation[1] * col,
                        .channel = dim_stride(c->y, 1)};
    add_cells(&side->inner, c, channels, last, &cell);
    gpu_axis_add(&side->major, c->x->dims[0], dim_stride(c->y, 0), 0, 0);
    gpu_axis_add(&side->major, c->x->dims[2], row, 1, 0);
    gpu_axis_add(&side->major, c->x->dims[3], col, 0, 1);
    side->first_row = (int32_t)c->padding[0];
    side->first_col = (int32_t)c->padding[1];
    side->first = c->padding[0] * row + c->padding[1] * col;
    side->rows = (int32_t)c->y->dims[2];
    side->cols = (int32_t)c->y->dims[3];
    side->by_row = gpu_divisor_of((uint32_t)(c->stride[0] * c->pool_stride[0]));
    side->by_col = gpu_divisor_of((uint32_t)(c->stride[1] * c->pool_stride[1]));
    side->window_rows = (int32_t)c->pool_kernel[0];
    side->window_cols = (int32_t)c->pool_kernel[1];
    side->row_stride = divided ? dim_stride(c->y, 2) : 0;
    side->col_stride = divided ? dim_stride(c->y, 3) : 0;
}

/* dx[pixels, i] = dy[pixels, cells] w[cells, i] */
gpu_product_plan gpu_conv_grad_input(const gpu_conv *c)
{
    const int64_t in = c->w->dims[1], out = c->w->dims[0] / c->groups;
    const int last = channels_last(c->y, out);
    const steps weights = cells_of_w(c, 0);
    gpu_product_plan p = gpu_product_of(GPU_CONV, c->y, c->w, c->x);
    gpu_product_args *args = &p.args;
    if (c->stride[0] * c->stride[1] * c->pool_kernel[0] * c->pool_kernel[1] > 1) p.family = GPU_CONV_BACK;
    look_at_dy(&args->a, c, out, last);
    gpu_axis_add(&args->b.major, in, dim_stride(c->w, 1), 0, 0);
    add_cells(&args->b.inner, c, out, last, &weights);
    gpu_axis_add(&args->out.row, c->x->dims[0], dim_stride(c->x, 0), 0, 0);
    gpu_axis_add(&args->out.row, c->x->dims[2], dim_stride(c->x, 2), 0, 0);
    gpu_axis_add(&args->out.row, c->x->dims[3], dim_stride(c->x, 3), 0, 0);
    gpu_axis_add(&args->out.col, in, dim_stride(c->x, 1), 0, 0);
    args->out.m = (uint32_t)(c->x->dims[0] * c->x->dims[2] * c->x->dims[3]);
    args->out.n = (uint32_t)in;
    args->k = (uint32_t)(out * c->w->dims[2] * c->w->dims[3]);
    args->masked = 1;
    walk_groups(args, c->groups, out * dim_stride(c->y, 1), out * dim_stride(c->w, 0), in * dim_stride(c->x, 1), 0);
    return p;
}

/* dw[o, cells] = dy[o, windows] x[windows, cells]; a last cell of ones gives db. */
gpu_product_plan gpu_conv_grad_weight(const gpu_conv *c)
{
    const int64_t in = c->w->dims[1], out = c->w->dims[0] / c->groups;
    const int64_t taps = in * c->w->dims[2] * c->w->dims[3];
    const int last = channels_last(c->x, in);
    const steps windows = windows_of_x(c), cells = cells_of_x(c), weights = cells_of_w(c, 1);
    gpu_product_plan p = gpu_product_of(GPU_CONV_WEIGHT, c->y, c->x, c->w);
    gpu_product_args *args = &p.args;
    gpu_axis_add(&args->a.major, out, dim_stride(c->y, 1), 0, 0);
    add_y(&args->a.inner, c);
    gpu_axis_add(&args->a.inner, c->pool_kernel[0], 0, c->pool_kernel[1], 0);
    gpu_axis_add(&args->a.inner, c->pool_kernel[1], 0, 1, 0);
    add_cells(&args->b.major, c, in, last, &cells);
    add_windows(&args->b.inner, c, dim_stride(c->x, 0), &windows);
    look_at_x(&args->b, c);
    args->b.ones = (uint32_t)taps;
    gpu_axis_add(&args->out.row, out, dim_stride(c->w, 0), 0, 0);
    add_cells(&args->out.col, c, in, last, &weights);
    args->out.m = (uint32_t)out;
    args->out.n = (uint32_t)taps + 1;
    args->k = (uint32_t)(c->y->dims[0] * c->y->dims[2] * c->y->dims[3] * c->pool_kernel[0] * c->pool_kernel[1]);
    walk_groups(args, c->groups, out * dim_stride(c->y, 1), in * dim_stride(c->x, 1), out * dim_stride(c->w, 0), 0);
    return p;
}

static int64_t per_channel(gpu_product_plan *p, const tn_tensor_desc *vector, int64_t channels)
{
    gpu_nest *walk = &p->args.out.walk;
    if (walk->rank > 0) walk->strides[3][0] = channels * dim_stride(vector, 0);
    return dim_stride(vector, 0);
}

void gpu_conv_set_bias(gpu_product_plan *p, const tn_tensor_desc *bias, uint64_t index)
{
    if (!bias) return;
    p->bias = gpu_slot_in(index);
    p->args.out.bias_stride = per_channel(p, bias, p->args.out.n);
}

void gpu_conv_set_sums(gpu_product_plan *p, const tn_tensor_desc *db, uint64_t index)
{
    p->sums = gpu_slot_out(index);
    p->args.out.sum_stride = per_channel(p, db, p->args.out.m);
}
