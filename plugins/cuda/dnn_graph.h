/* SPDX-License-Identifier: Apache-2.0
 *
 * Building cuDNN's backend descriptors (https://docs.nvidia.com/deeplearning/cudnn, "Graph API"). All that is made is owned
 * by one object, which also remembers the first failure: later calls do nothing then, and pass NULL on. */
#ifndef TENON_CUDA_DNN_GRAPH_H
#define TENON_CUDA_DNN_GRAPH_H

#include "libraries.h"

#include "libraries/dnn.h"

enum { DNN_MOST_OWNED = 160 };

typedef struct dnn_graph {
    const cu_dnn_calls *call;
    cudnnBackendDescriptor_t owned[DNN_MOST_OWNED];
    int n_owned;
    tn_status status;
    tn_error error;
} dnn_graph;

void dnn_begin(dnn_graph *graph, const cu_dnn_calls *call);
/* Destroys what was made since n_owned was `mark`; 0: everything. */
void dnn_release(dnn_graph *graph, int mark);
/* Forgets a failure: what was tried is not needed. */
void dnn_forgive(dnn_graph *graph);

cudnnBackendDescriptor_t dnn_make(dnn_graph *graph, cudnnBackendDescriptorType_t type);
void dnn_set(dnn_graph *graph, cudnnBackendDescriptor_t it, cudnnBackendAttributeName_t name,
             cudnnBackendAttributeType_t type, int64_t count, const void *values);
void dnn_set_int64(dnn_graph *graph, cudnnBackendDescriptor_t it, cudnnBackendAttributeName_t name, int64_t value);
void dnn_set_descriptor(dnn_graph *graph, cudnnBackendDescriptor_t it, cudnnBackendAttributeName_t name,
                        cudnnBackendDescriptor_t value);
/* How many values there are; at most `most` are given. */
int64_t dnn_get(dnn_graph *graph, cudnnBackendDescriptor_t it, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t most, void *values);
/* Ends the making of one, and gives it back. */
cudnnBackendDescriptor_t dnn_finalize(dnn_graph *graph, cudnnBackendDescriptor_t it, const char *what);

/* ---- convolutions */

/* Names of tensors in a graph: the plan's inputs 0, 1 and 2, and its output. */
enum { DNN_IN_0 = 1, DNN_IN_1, DNN_IN_2, DNN_OUT, DNN_VIRTUAL };

enum { DNN_MOST_OPERATIONS = 3 };

/* The operations of a convolution, the last of which writes the output: x w b -> y; dy w -> dx; dy x -> dw. Returns how
 * many. Needs no device. */
int dnn_conv_operations(dnn_graph *graph, gpu_dnn_kind kind, const gpu_dnn_conv *conv,
                        cudnnBackendDescriptor_t operations[DNN_MOST_OPERATIONS]);

#endif
