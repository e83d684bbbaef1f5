/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d, conv2d_relu and their gradients by oneDNN's convolutions. x: N I H W, w: O J KH KW, y: N O P Q. Images are
 * channels-last, as the core makes them here; others are copied first, which costs less than oneDNN's kernels for them
 * (and for a mixture it has none but the slow reference). oneDNN chooses the order of the weights that its kernel wants,
 * and they are reordered at each execution: they are small, and change with each training step. */
#include "chain.h"
#include "image.h"

/* Not dnnl_convolution_auto: that may choose Winograd, which rounds differently. */
static const dnnl_alg_kind_t algorithm = dnnl_convolution_direct;

/* What oneDNN is told about a convolution. */
typedef struct geometry {
    tn_tensor_desc x, w, y; /* as stored; also dx, dw, dy */
    int w_rank;             /* 5 with groups: G O/G J KH KW */
    int64_t w_dims[5], w_strides[5];
    dn_own_md any; /* weights in whatever order oneDNN likes */
    dnnl_dims_t stride, dilates, padding;
    uint64_t flops;
} geometry;

/* Weights w (O J KH KW), row-major, as oneDNN sees them. */
static void view_weights(geometry *geo, const tn_tensor_desc *w, int64_t groups)
{
    const int grouped = groups > 1;
    int64_t stride = 1;
    geo->w = *w;
    for (int i = 3; i >= 0; stride *= w->dims[i--]) {
        geo->w.strides[i] = geo->w_strides[i + grouped] = stride;
        geo->w_dims[i + grouped] = w->dims[i];
    }
    geo->w_rank = 4 + grouped;
    if (!grouped) return;
    geo->w_dims[1] /= groups;
    geo->w_dims[0] = groups;
    geo->w_strides[0] = geo->w_dims[1] * geo->w_strides[1];
}

static geometry describe(const tn_tensor_desc *x, const tn_tensor_desc *w, const tn_tensor_desc *y,
                         const int64_t *stride, const int64_t *padding, const int64_t *dilation, int64_t groups)
{
    geometry geo = {.x = dn_channels_last(x), .y = dn_channels_last(y)};
    view_weights(&geo, w, groups);
    for (int i = 0; i < 2; i++) {
        geo.stride[i] = stride[i];
        geo.dilates[i] = dilation[i] - 1;
        geo.padding[i] = padding[i];
    }
    geo.flops = 2 * (uint64_t)tn_desc_numel(y) * (uint64_t)(w->dims[1] * w->dims[2] * w->dims[3]);
    return geo;
}

/* An empty chain for the convolution; NULL after a failure. */
static dn_chain *begin(tn_device *device, const tn_op_desc *desc, geometry *geo, tn_error *error)
{
    dn_chain *chain = dn_chain_begin(device, desc, geo->flops, error);
    dnnl_dims_t dims = {0};
    for (int i = 0; i < geo->w_rank; i++) dims[i] = geo->w_dims[i];
    if (chain)
        dn_chain_try(chain, dn_md_tagged(&geo->any, geo->w_rank, dims, dnnl_f32, dnnl_format_tag_any),
                     "memory descriptor");
    return chain;
}

static tn_status end(dn_chain *chain, geometry *geo, tn_plan **plan)
{
    dn_md_release(&geo->any);
    return dn_chain_end(chain, plan);
}

/* ---- primitive descriptors; NULL after a failure */

static dnnl_primitive_desc_t forward_pd(dn_chain *chain, const geometry *geo, int x, int b, int y)
{
    dnnl_primitive_desc_t pd = NULL;
    if (dn_chain_try(chain, dnnl_success, ""))
        dn_chain_try(chain,
                     dn_conv_pd(&pd, dn_chain_engine(chain), algorithm, dn_chain_md(chain, x), dn_md_of(&geo->any),
                                dn_chain_md(chain, b), dn_chain_md(chain, y), geo->stride, geo->dilates, geo->padding,
                                geo->padding, dn_chain_attr(chain)),
                     "convolution primitive descriptor");
    return pd;
}

static dnnl_primitive_desc_t grad_input_pd(dn_chain *chain, const geometry *geo, int dx, int dy)
{
    dnnl_primitive_desc_t pd = NULL, hint = forward_pd(chain, geo, dx, -1, dy);
    if (!hint) return NULL;
    dn_chain_try(chain,
                 dn_conv_grad_input_pd(&pd, dn_chain_engine(chain), algorithm, dn_chain_md(chain, dx),
                                       dn_md_of(&geo->any), dn_chain_md(chain, dy), geo->stride, geo->dilates,
                                       geo->padding, geo->padding, hint, dn_chain_attr(chain)),
                 "convolution gradient primitive descriptor");
    dnnl_primitive_desc_destroy(hint);
    return pd;
}

static dnnl_primitive_desc_t grad_weight_pd(dn_chain *chain, const geometry *geo, int x, int db, int dy)
{
    dnnl_primitive_desc_t pd = NULL, hint = forward_pd(chain, geo, x, db, dy);
    if (!hint) return NULL;
    dn_chain_try(chain,
                 dn_conv_grad_weight_pd(&pd, dn_chain_engine(chain), algorithm, dn_chain_md(chain, x),
                                        dn_md_of(&geo->any), dn_chain_md(chain, db), dn_chain_md(chain, dy),
                                        geo->stride, geo->dilates, geo->padding, geo->padding, hint,
                                        dn_chain_attr(chain)),
                 "convolution gradient primitive descriptor");
    dnnl_primitive_desc_destroy(hint);
    return pd;
}

/* What pd has chosen. */
static dn_md chosen_by(dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return pd ? dnnl_primitive_desc_query_md(pd, what, 0) : NULL;
}

/* ---- slots */

static int weights_slot(dn_chain *chain, dn_place place, uint64_t index, const geometry *geo)
{
    return dn_chain_slot(chain, place, index, &geo->w, geo->w_rank, geo->w_dims, geo->w_strides);
}

/* A vector of channels, dense; -1 if there is none. */
static int channels_slot(dn_chain *chain, dn_place place, uint64_t index, const tn_tensor_desc *b)
{
    if (!b) return -1;
    tn_tensor_desc stored = *b;
    stored.strides[0] = 1;
    return dn_chain_tensor(chain, place, index, &stored);
}

/* Results that are not sums of nothing although an operand has no elements: padding alone, or a bias. */
static tn_status refuse_hollow(const tn_op_desc *desc, const tn_tensor_desc *x, const tn_tensor_desc *w,
                               const tn_tensor_desc *y, tn_error *error)
{
    DN_TRY(dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error));
    if (tn_desc_numel(y) > 0 && (tn_desc_numel(x) == 0 || tn_desc_numel(w) == 0))
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: oneDNN does not convolve images without elements", desc->name);
    return TN_OK;
}

/* ---- forward */

static const tn_tensor_desc *bias_of(const tn_op_desc *desc)
{
    return desc->n_in > 2 ? desc->in[2] : NULL;
}

tn_status dn_conv2d_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    return refuse_hollow(desc, desc->in[0], desc->in[1], desc->out[0], error);
}

/* self->data: not NULL for conv2d_relu */
tn_status dn_conv2d_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                         tn_error *error)
{
    const tn_conv2d_attrs *how = desc->attrs;
    DN_TRY(dn_conv2d_check(self, device, desc, error));
    if (tn_desc_numel(desc->out[0]) == 0) return dn_zero_plan(desc, plan, error);
    geometry geo =
        describe(desc->in[0], desc->in[1], desc->out[0], how->stride, how->padding, how->dilation, how->groups);
    dn_chain *chain = begin(device, desc, &geo, error);
    if (!chain) return TN_OUT_OF_MEMORY;

    const int x = dn_chain_tensor(chain, DN_INPUT, 0, &geo.x), plain = weights_slot(chain, DN_INPUT, 1, &geo),
              b = channels_slot(chain, DN_INPUT, 2, bias_of(desc)), y = dn_chain_tensor(chain, DN_OUTPUT, 0, &geo.y);
    dnnl_primitive_desc_t pd = forward_pd(chain, &geo, x, b, y);
    const int ws = dn_chain_reordered(chain, plain, chosen_by(pd, dnnl_query_weights_md));
    const dn_arg args[] = {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, ws}, {DNNL_ARG_BIAS, b}, {DNNL_ARG_DST, y}};
    dn_chain_primitive(chain, pd, 4, args);
    if (self->data) dn_chain_relu(chain, y, &geo.y);
    return end(chain, &geo, plan);
}

/* ---- gradients */

tn_status dn_conv2d_grad_input_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const tn_tensor_desc *dx = desc->out[0];
    (void)self, (void)device;
    return refuse_hollow(desc, dx, desc->in[1], tn_desc_numel(dx) ? desc->in[0] : dx, error);
}

tn_status dn_conv2d_grad_input_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                    tn_error *error)
{
    const tn_conv2d_grad_attrs *how = desc->attrs;
    DN_TRY(dn_conv2d_grad_input_check(self, device, desc, error));
    if (tn_desc_numel(desc->in[0]) == 0 || tn_desc_numel(desc->out[0]) == 0) return dn_zero_plan(desc, plan, error);
    geometry geo =
        describe(desc->out[0], desc->in[1], desc->in[0], how->stride, how->padding, how->dilation, how->groups);
    dn_chain *chain = begin(device, desc, &geo, error);
    if (!chain) return TN_OUT_OF_MEMORY;

    const int dy = dn_chain_tensor(chain, DN_INPUT, 0, &geo.y), plain = weights_slot(chain, DN_INPUT, 1, &geo),
              dx = dn_chain_tensor(chain, DN_OUTPUT, 0, &geo.x);
    dnnl_primitive_desc_t pd = grad_input_pd(chain, &geo, dx, dy);
    const int ws = dn_chain_reordered(chain, plain, chosen_by(pd, dnnl_query_weights_md));
    const dn_arg args[] = {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_WEIGHTS, ws}, {DNNL_ARG_DIFF_SRC, dx}};
    dn_chain_primitive(chain, pd, 3, args);
    return end(chain, &geo, plan);
}

tn_status dn_conv2d_grad_weight_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    return refuse_hollow(desc, desc->in[1], desc->out[0], desc->in[0], error);
}

tn_status dn_conv2d_grad_weight_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                     tn_error *error)
{
    const tn_conv2d_grad_attrs *how = desc->attrs;
    DN_TRY(dn_conv2d_grad_weight_check(self, device, desc, error));
    if (tn_desc_numel(desc->in[0]) == 0) return dn_zero_plan(desc, plan, error);
    geometry geo =
        describe(desc->in[1], desc->out[0], desc->in[0], how->stride, how->padding, how->dilation, how->groups);
    dn_chain *chain = begin(device, desc, &geo, error);
    if (!chain) return TN_OUT_OF_MEMORY;

    const int dy = dn_chain_tensor(chain, DN_INPUT, 0, &geo.y), x = dn_chain_tensor(chain, DN_INPUT, 1, &geo.x),
              plain = weights_slot(chain, DN_OUTPUT, 0, &geo), db = channels_slot(chain, DN_OUTPUT, 1, desc->out[1]);
    dnnl_primitive_desc_t pd = grad_weight_pd(chain, &geo, x, db, dy);
    const int ws = dn_chain_chosen(chain, plain, chosen_by(pd, dnnl_query_diff_weights_md));
    const dn_arg args[] = {
        {DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_WEIGHTS, ws}, {DNNL_ARG_DIFF_BIAS, db}};
    dn_chain_primitive(chain, pd, 4, args);
    dn_chain_reorder(chain, ws, plain);
    return end(chain, &geo, plan);
}
