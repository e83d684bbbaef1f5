/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d, conv2d_relu and the gradients of conv2d by a library. x: N I H W, w: O J KH KW, y: N O P Q. Images are
 * channels-last or row-major; weights are put into the same order first, since that is what libraries have kernels for.
 * What the library does not take, the shared kernels do. */
#include "dnn.h"

#include "chain.h"
#include "choice.h"

#include <string.h>

enum { MOST_ALIGNMENT = 16 }; /* what the widest loads ask for */

/* Dims from slowest to fastest. */
static const int orders[][4] = {{0, 2, 3, 1}, {0, 1, 2, 3}};
enum { ORDERS = sizeof orders / sizeof *orders };

/* A convolution in one order of memory. */
typedef struct job {
    tn_device *device;
    const gpu_dnn_library *library;
    const tn_op_desc *desc;
    const tn_tensor_desc *x, *w, *y; /* which of them are gradients depends on the kind */
    const tn_tensor_desc *bias;
    gpu_dnn_kind kind;
    int relu, tf32;
    gpu_dnn_conv conv;
    gpu_dnn_tensor bias_as_image;
    tn_tensor_desc ordered; /* w in the images' order */
    int reorders;           /* w is not in it */
    uint64_t flops;
} job;

/* ---- orders of memory */

/* The strides of a dense tensor. */
static gpu_dnn_tensor dense(const tn_tensor_desc *t, const int *order)
{
    gpu_dnn_tensor all = {.alignment = t->alignment < MOST_ALIGNMENT ? (int64_t)t->alignment : MOST_ALIGNMENT};
    int64_t stride = 1;
    for (int i = 3; i >= 0; i--) {
        all.dims[order[i]] = t->dims[order[i]];
        all.strides[order[i]] = stride;
        stride *= t->dims[order[i]];
    }
    return all;
}

static int is_dense(const tn_tensor_desc *t, const int *order)
{
    const gpu_dnn_tensor wanted = dense(t, order);
    for (int d = 0; d < 4; d++)
        if (t->dims[d] > 1 && t->strides[d] != wanted.strides[d]) return 0;
    return 1;
}

/* The order that both images are in; NULL if there is none. */
static const int *common_order(const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    for (int i = 0; i < ORDERS; i++)
        if (is_dense(x, orders[i]) && is_dense(y, orders[i])) return orders[i];
    return NULL;
}

/* Fills in what depends on shapes and strides; 0 if it is nothing for a library. */
static int describe(job *j, const int64_t stride[2], const int64_t padding[2], const int64_t dilation[2])
{
    const int *order = common_order(j->x, j->y);
    if (!order || j->x->dtype != TN_F32) return 0;
    if (tn_desc_numel(j->x) == 0 || tn_desc_numel(j->w) == 0 || tn_desc_numel(j->y) == 0) return 0;
    if (j->bias && j->bias->dims[0] > 1 && j->bias->strides[0] != 1) return 0;
    j->conv = (gpu_dnn_conv){.x = dense(j->x, order), .w = dense(j->w, order), .y = dense(j->y, order)};
    j->reorders = !is_dense(j->w, order);
    j->ordered = *j->w;
    memcpy(j->ordered.strides, j->conv.w.strides, sizeof j->conv.w.strides);
    if (j->reorders) j->conv.w.alignment = MOST_ALIGNMENT;
    memcpy(j->conv.stride, stride, sizeof j->conv.stride);
    memcpy(j->conv.padding, padding, sizeof j->conv.padding);
    memcpy(j->conv.dilation, dilation, sizeof j->conv.dilation);
    if (j->bias) {
        const tn_tensor_desc image = {.dims = {1, j->bias->dims[0], 1, 1}, .alignment = j->bias->alignment};
        j->bias_as_image = dense(&image, order);
    }
    j->tf32 = (j->desc->flags & TN_OP_TF32) != 0;
    j->flops = 2 * (uint64_t)tn_desc_numel(j->y) * (uint64_t)(j->w->dims[1] * j->w->dims[2] * j->w->dims[3]) +
               (j->bias ? (uint64_t)tn_desc_numel(j->y) : 0);
    return 1;
}

/* ---- steps */

static const gpu_ref in_0 = {GPU_IN, 0, 0}, in_1 = {GPU_IN, 1, 0}, in_2 = {GPU_IN, 2, 0}, out_0 = {GPU_OUT, 0, 0},
                     out_1 = {GPU_OUT, 1, 0};

/* Input 1, which is w, in order. */
static gpu_ref ordered_weights(gpu_chain *chain, const job *j)
{
    if (!j->reorders) return in_1;
    const gpu_ref room = gpu_chain_room(chain, gpu_bytes_of(j->w));
    gpu_chain_shared(chain, "copy", NULL, 1, &j->w, &in_1, &j->ordered, room);
    return room;
}

/* A chain that is being built around the library's plan. */
typedef struct building {
    gpu_chain *chain;
    const job *j;
    int *position;    /* of the library's proposals: the first that may be taken, then the one that was */
    const char *name; /* of the library's plan, which the chain owns */
} building;

/* Appends the library's plan. */
static void add_library(building *b, const gpu_dnn_conv *conv, const gpu_ref *in, gpu_ref out)
{
    tn_plan *plan = NULL;
    tn_error error = {.struct_size = sizeof error};
    tn_status status = b->j->library->plan(b->j->device, b->j->kind, conv, b->j->tf32, b->position, &plan, &error);
    gpu_chain_fail(b->chain, status, &error);
    if (status != TN_OK) return;
    b->name = plan->implementation;
    gpu_chain_add(b->chain, plan, conv->bias ? 3 : 2, in, out);
}

static void add_bias(gpu_chain *chain, const job *j)
{
    const tn_tensor_desc column = {.struct_size = sizeof column,
                                   .dtype = TN_F32,
                                   .rank = 3,
                                   .dims = {j->bias->dims[0], 1, 1},
                                   .strides = {1, 1, 1},
                                   .alignment = j->bias->alignment};
    const tn_tensor_desc *const in[] = {j->y, &column};
    const gpu_ref at[] = {out_0, in_2};
    gpu_chain_shared(chain, "add", NULL, 2, in, at, j->y, out_0);
}

/* fused: bias and relu are the library's, too. */
static void build_forward(building *b, int fused)
{
    const job *j = b->j;
    gpu_dnn_conv conv = j->conv;
    const gpu_ref in[] = {in_0, ordered_weights(b->chain, j), in_2};
    if (fused) {
        conv.bias = j->bias ? &j->bias_as_image : NULL;
        conv.relu = j->relu;
    }
    add_library(b, &conv, in, out_0);
    if (fused) return;
    if (j->bias) add_bias(b->chain, j);
    if (j->relu) gpu_chain_shared(b->chain, "relu", NULL, 1, &j->y, &out_0, j->y, out_0);
}

static void build_grad_input(building *b)
{
    const gpu_ref in[] = {in_0, ordered_weights(b->chain, b->j)};
    add_library(b, &b->j->conv, in, out_0);
}

static void build_grad_weight(building *b)
{
    const job *j = b->j;
    const tn_reduce_attrs pixels = {.struct_size = sizeof pixels, .dims = 1 << 0 | 1 << 2 | 1 << 3};
    const gpu_ref in[] = {in_0, in_1}, dw = j->reorders ? gpu_chain_room(b->chain, gpu_bytes_of(j->w)) : out_0;
    const tn_tensor_desc *ordered = &j->ordered;
    add_library(b, &j->conv, in, dw);
    if (j->reorders) gpu_chain_shared(b->chain, "copy", NULL, 1, &ordered, &dw, j->w, out_0);
    gpu_chain_shared(b->chain, "sum", &pixels, 1, &j->y, &in_0, j->desc->out[1], out_1);
}

/* ---- plans */

/* Is there something that the library may do together with the convolution? */
static int is_fusible(const job *j)
{
    return j->library->fuses && (j->bias || j->relu);
}

static tn_status make(const void *of, gpu_choice *choice, tn_plan **plan, tn_error *error)
{
    const job *j = of;
    building b = {.j = j, .position = &choice->position, .name = j->library->name};
    b.chain = gpu_chain_new(j->device, j->desc, j->flops, error);
    if (!b.chain) return TN_OUT_OF_MEMORY;
    switch (j->kind) {
    case GPU_DNN_FORWARD: build_forward(&b, choice->way == 0 && is_fusible(j)); break;
    case GPU_DNN_GRAD_INPUT: build_grad_input(&b); break;
    default: build_grad_weight(&b);
    }
    return gpu_chain_finish(b.chain, b.name, plan, error);
}

/* Operators: what kind they are, and where x, w and y are among their inputs, or their output, -1. */
static const struct {
    const char *name;
    gpu_dnn_kind kind;
    int x, w, y, relu;
} forms[] = {
    {"conv2d", GPU_DNN_FORWARD, 0, 1, -1, 0},
    {"conv2d_relu", GPU_DNN_FORWARD, 0, 1, -1, 1},
    {"conv2d_grad_input", GPU_DNN_GRAD_INPUT, -1, 1, 0, 0},
    {"conv2d_grad_weight", GPU_DNN_GRAD_WEIGHT, 1, -1, 0, 0},
};

static const tn_tensor_desc *operand(const tn_op_desc *desc, int input)
{
    return input < 0 ? desc->out[0] : desc->in[input];
}

/* Describes all of it; 0 if it is nothing for a library. */
static int suits(job *j)
{
    const tn_op_desc *desc = j->desc;
    const tn_conv2d_attrs *forward = desc->attrs;
    const tn_conv2d_grad_attrs *back = desc->attrs;
    int form = 0;
    while (strcmp(forms[form].name, desc->name) != 0) form++;
    j->kind = forms[form].kind;
    j->relu = forms[form].relu;
    j->x = operand(desc, forms[form].x);
    j->w = operand(desc, forms[form].w);
    j->y = operand(desc, forms[form].y);
    if (j->kind != GPU_DNN_FORWARD) return describe(j, back->stride, back->padding, back->dilation);
    j->bias = desc->in[2];
    return describe(j, forward->stride, forward->padding, forward->dilation);
}

tn_status gpu_dnn_plan(const gpu_dnn_library *library, const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                       tn_plan **plan, tn_error *error)
{
    job j = {.device = device, .library = library, .desc = desc};
    if (!suits(&j)) return gpu_shared_plan(self->data, device, desc, NULL, plan, error);
    if (!library->is_used(device)) return gpu_shared_plan(self->data, device, desc, library->name, plan, error);
    const gpu_question question = {.device = device,
                                   .desc = desc,
                                   .shared = self->data,
                                   .library = library->name,
                                   .tuned = library->wants_tuning && library->wants_tuning(desc),
                                   .keeps_nan = library->fuses && j.relu,
                                   .second_way = is_fusible(&j) ? library->apart : NULL,
                                   .job = &j,
                                   .make = make};
    return gpu_choose(&question, plan, error);
}
