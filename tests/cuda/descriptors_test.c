/* SPDX-License-Identifier: Apache-2.0
 *
 * cuDNN itself takes the descriptors that the CUDA plugin builds for convolutions of every kind: all up to operations can be
 * finalised without a GPU. Exit code 77: there is no cuDNN here. */
#include "dnn_graph.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef struct sample {
    const char *name;
    int64_t n, channels, size[2], out, groups, kernel[2], stride[2], padding[2], dilation[2];
} sample;

static const sample samples[] = {
    {"first of ConvNet", 64, 1, {28, 28}, 32, 1, {3, 3}, {1, 1}, {0, 0}, {1, 1}},
    {"second of ConvNet", 64, 32, {13, 13}, 64, 1, {3, 3}, {1, 1}, {0, 0}, {1, 1}},
    {"one pixel", 1, 1, {1, 1}, 1, 1, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
    {"uneven", 2, 3, {7, 5}, 4, 1, {3, 2}, {2, 1}, {1, 0}, {1, 2}},
    {"groups", 2, 4, {6, 6}, 6, 2, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {"each channel for itself", 2, 8, {9, 9}, 8, 8, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {"wide padding", 1, 2, {3, 3}, 2, 1, {1, 1}, {1, 1}, {2, 2}, {1, 1}},
    {"left-over rows", 3, 2, {8, 8}, 3, 1, {3, 3}, {3, 3}, {0, 0}, {1, 1}},
};

static int64_t reach(const sample *s, int i)
{
    return (s->size[i] + 2 * s->padding[i] - s->dilation[i] * (s->kernel[i] - 1) - 1) / s->stride[i] + 1;
}

static dnn_tensor tensor(int64_t n, int64_t c, int64_t h, int64_t w, int channels_last)
{
    dnn_tensor t = {.dims = {n, c, h, w}, .strides = {c * h * w, h * w, w, 1}, .alignment = 16};
    const int64_t last[4] = {c * h * w, 1, w * c, c};
    if (channels_last) memcpy(t.strides, last, sizeof last);
    return t;
}

static int try(const cu_dnn_calls *call, const sample *s, dnn_kind kind, int channels_last, int biased, int relu)
{
    static dnn_graph graph;
    cudnnBackendDescriptor_t operations[DNN_MOST_OPERATIONS];
    const dnn_tensor bias = tensor(1, s->out, 1, 1, channels_last);
    dnn_conv conv = {.x = tensor(s->n, s->channels, s->size[0], s->size[1], channels_last),
                     .w = tensor(s->out, s->channels / s->groups, s->kernel[0], s->kernel[1], channels_last),
                     .y = tensor(s->n, s->out, reach(s, 0), reach(s, 1), channels_last),
                     .bias = biased ? &bias : NULL,
                     .relu = relu};
    memcpy(conv.stride, s->stride, sizeof s->stride);
    memcpy(conv.padding, s->padding, sizeof s->padding);
    memcpy(conv.dilation, s->dilation, sizeof s->dilation);
    dnn_begin(&graph, call);
    int n = dnn_conv_operations(&graph, kind, &conv, operations), good = !graph.status && n == 1 + biased + relu;
    if (!good)
        printf("%s, kind %d, %s: %s\n", s->name, (int)kind, channels_last ? "NHWC" : "NCHW", graph.error.message);
    dnn_release(&graph, 0);
    return good;
}

/* A wrong one must be found, or the others prove nothing. */
static int finds_mistakes(const cu_dnn_calls *call)
{
    static dnn_graph graph;
    dnn_begin(&graph, call);
    cudnnBackendDescriptor_t it = dnn_make(&graph, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    dnn_finalize(&graph, it, "an empty tensor");
    int found = graph.status != TN_OK && strstr(graph.error.message, "an empty tensor") != NULL;
    if (!found) printf("a tensor without dims is not refused: %s\n", graph.error.message);
    dnn_release(&graph, 0);
    return found;
}

static void load(cu_dnn_calls *call)
{
    void *library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL), *found;
    if (!library) {
        printf("skipped: %s\n", dlerror());
        exit(77);
    }
#define LOAD(name)                                          \
    found = dlsym(library, #name);                          \
    if (!found) printf("libcudnn.so.9 has no %s\n", #name); \
    if (!found) exit(1);                                    \
    memcpy(&call->name, &found, sizeof found);
    CU_DNN_CALLS(LOAD)
#undef LOAD
}

int main(void)
{
    static cu_dnn_calls call;
    int failures = 0;
    load(&call);
    failures += !finds_mistakes(&call);
    for (uint64_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (int last = 0; last < 2; last++) {
            for (int follow = 0; follow < 4; follow++)
                failures += !try(&call, &samples[i], DNN_FORWARD, last, follow & 1, follow >> 1);
            failures += !try(&call, &samples[i], DNN_GRAD_INPUT, last, 0, 0);
            failures += !try(&call, &samples[i], DNN_GRAD_WEIGHT, last, 0, 0);
        }
    printf("%d failures\n", failures);
    return failures != 0;
}
