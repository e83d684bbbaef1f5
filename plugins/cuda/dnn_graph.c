/* SPDX-License-Identifier: Apache-2.0
 *
 * Backend descriptors: their life, and the operations of a convolution. */
#include "dnn_graph.h"

#include <stdbool.h>

void dnn_begin(dnn_graph *graph, const cu_dnn_calls *call)
{
    graph->call = call;
    graph->n_owned = 0;
    dnn_forgive(graph);
}

void dnn_release(dnn_graph *graph, int mark)
{
    while (graph->n_owned > mark) (void)graph->call->cudnnBackendDestroyDescriptor(graph->owned[--graph->n_owned]);
}

void dnn_forgive(dnn_graph *graph)
{
    graph->status = TN_OK;
    graph->error = (tn_error){.struct_size = sizeof graph->error};
}

enum { UNNUMBERED = -1 };

static int succeeded(dnn_graph *graph, cudnnStatus_t result, const char *doing, const char *what, int64_t number)
{
    char text[120];
    if (result == CUDNN_STATUS_SUCCESS) return 1;
    if (number == UNNUMBERED)
        snprintf(text, sizeof text, "%s %s", doing, what);
    else
        snprintf(text, sizeof text, "%s %s %lld", doing, what, (long long)number);
    graph->status = cu_dnn_status(graph->call, result, text, &graph->error);
    return 0;
}

cudnnBackendDescriptor_t dnn_make(dnn_graph *graph, cudnnBackendDescriptorType_t type)
{
    cudnnBackendDescriptor_t made = NULL;
    if (graph->status) return NULL;
    if (graph->n_owned == DNN_MOST_OWNED) {
        graph->status = tn_fail(&graph->error, TN_INTERNAL, 0, "more than %d descriptors of cuDNN", DNN_MOST_OWNED);
        return NULL;
    }
    if (!succeeded(graph, graph->call->cudnnBackendCreateDescriptor(type, &made), "making cuDNN's descriptor",
                   "of type", type))
        return NULL;
    return graph->owned[graph->n_owned++] = made;
}

void dnn_set(dnn_graph *graph, cudnnBackendDescriptor_t it, cudnnBackendAttributeName_t name,
             cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    if (graph->status) return;
    succeeded(graph, graph->call->cudnnBackendSetAttribute(it, name, type, count, values), "setting cuDNN's",
              "attribute", name);
}

void dnn_set_int64(dnn_graph *graph, cudnnBackendDescriptor_t it, cudnnBackendAttributeName_t name, int64_t value)
{
    dnn_set(graph, it, name, CUDNN_TYPE_INT64, 1, &value);
}

void dnn_set_descriptor(dnn_graph *graph, cudnnBackendDescriptor_t it, cudnnBackendAttributeName_t name,
                        cudnnBackendDescriptor_t value)
{
    dnn_set(graph, it, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

int64_t dnn_get(dnn_graph *graph, cudnnBackendDescriptor_t it, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t most, void *values)
{
    int64_t n = 0;
    if (graph->status) return 0;
    if (!succeeded(graph, graph->call->cudnnBackendGetAttribute(it, name, type, most, &n, values), "asking for cuDNN's",
                   "attribute", name))
        return 0;
    return n;
}

cudnnBackendDescriptor_t dnn_finalize(dnn_graph *graph, cudnnBackendDescriptor_t it, const char *what)
{
    if (graph->status) return NULL;
    succeeded(graph, graph->call->cudnnBackendFinalize(it), "finalising", what, UNNUMBERED);
    return it;
}

/* ---- convolutions */

static const cudnnDataType_t f32 = CUDNN_DATA_FLOAT;
static const float one = 1, zero = 0;

/* is_virtual: it never reaches memory. */
static cudnnBackendDescriptor_t make_tensor(dnn_graph *graph, const gpu_dnn_tensor *t, int64_t name, int is_virtual)
{
    const bool yes = true;
    cudnnBackendDescriptor_t it = dnn_make(graph, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    dnn_set(graph, it, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &f32);
    dnn_set(graph, it, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, t->dims);
    dnn_set(graph, it, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, t->strides);
    dnn_set_int64(graph, it, CUDNN_ATTR_TENSOR_UNIQUE_ID, name);
    dnn_set_int64(graph, it, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, t->alignment);
    if (is_virtual) dnn_set(graph, it, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &yes);
    return dnn_finalize(graph, it, "a tensor");
}

static cudnnBackendDescriptor_t make_convolution(dnn_graph *graph, const gpu_dnn_conv *conv)
{
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    cudnnBackendDescriptor_t it = dnn_make(graph, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    dnn_set(graph, it, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &f32);
    dnn_set(graph, it, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    dnn_set_int64(graph, it, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
    dnn_set(graph, it, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, conv->dilation);
    dnn_set(graph, it, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, conv->stride);
    dnn_set(graph, it, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, conv->padding);
    dnn_set(graph, it, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, conv->padding);
    return dnn_finalize(graph, it, "a convolution");
}

typedef struct names {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t how, x, w, y, alpha, beta;
    int64_t x_is, w_is, y_is; /* DNN_IN_0 ... */
    const char *what;
} names;

static const names of_kind[] = {
    [GPU_DNN_FORWARD] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
                         DNN_IN_0, DNN_IN_1, DNN_OUT, "a convolution's operation"},
    [GPU_DNN_GRAD_INPUT] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, DNN_OUT, DNN_IN_1, DNN_IN_0,
                            "the operation of a convolution's gradient for its input"},
    [GPU_DNN_GRAD_WEIGHT] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                             CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, DNN_IN_1, DNN_OUT, DNN_IN_0,
                             "the operation of a convolution's gradient for its weights"},
};

/* pointwise(x, b) -> y; b may be NULL. */
static cudnnBackendDescriptor_t make_pointwise(dnn_graph *graph, cudnnPointwiseMode_t mode, cudnnBackendDescriptor_t x,
                                               cudnnBackendDescriptor_t b, cudnnBackendDescriptor_t y)
{
    cudnnBackendDescriptor_t how = dnn_make(graph, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    dnn_set(graph, how, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    dnn_set(graph, how, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &f32);
    dnn_finalize(graph, how, "an elementwise function");
    cudnnBackendDescriptor_t it = dnn_make(graph, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    dnn_set_descriptor(graph, it, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
    dnn_set_descriptor(graph, it, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (b) dnn_set_descriptor(graph, it, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    dnn_set_descriptor(graph, it, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    return dnn_finalize(graph, it, "an elementwise operation");
}

int dnn_conv_operations(dnn_graph *graph, gpu_dnn_kind kind, const gpu_dnn_conv *conv,
                        cudnnBackendDescriptor_t operations[DNN_MOST_OPERATIONS])
{
    const names *n = &of_kind[kind];
    const int follow = (conv->bias != NULL) + (conv->relu != 0);
    cudnnBackendDescriptor_t x = make_tensor(graph, &conv->x, n->x_is, 0), w = make_tensor(graph, &conv->w, n->w_is, 0),
                             y = make_tensor(graph, &conv->y, follow ? DNN_VIRTUAL : n->y_is, follow > 0);
    cudnnBackendDescriptor_t how = make_convolution(graph, conv), it = dnn_make(graph, n->type);
    int done = 0;
    dnn_set_descriptor(graph, it, n->how, how);
    dnn_set_descriptor(graph, it, n->x, x);
    dnn_set_descriptor(graph, it, n->w, w);
    dnn_set_descriptor(graph, it, n->y, y);
    dnn_set(graph, it, n->alpha, CUDNN_TYPE_FLOAT, 1, &one);
    dnn_set(graph, it, n->beta, CUDNN_TYPE_FLOAT, 1, &zero);
    operations[done++] = dnn_finalize(graph, it, n->what);
    if (conv->bias) {
        cudnnBackendDescriptor_t bias = make_tensor(graph, conv->bias, DNN_IN_2, 0),
                                 sum = make_tensor(graph, &conv->y, conv->relu ? DNN_VIRTUAL + 1 : DNN_OUT, conv->relu);
        operations[done++] = make_pointwise(graph, CUDNN_POINTWISE_ADD, y, bias, sum);
        y = sum;
    }
    if (conv->relu)
        operations[done++] =
            make_pointwise(graph, CUDNN_POINTWISE_RELU_FWD, y, NULL, make_tensor(graph, &conv->y, DNN_OUT, 0));
    return done;
}
