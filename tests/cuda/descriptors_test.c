/* SPDX-License-Identifier: Apache-2.0
 *
 * cuDNN itself takes the descriptors that the CUDA plugin builds for convolutions of every kind: all up to operations can be
 * finalised without a GPU. And it has engines for them on an H100, which is described to it. Exit code 77: there is no
 * cuDNN here. */
#include "dnn_plan.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* For AddressSanitizer: cuDNN's heuristics leak. Other errors are still found. */
TN_EXPORT const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

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

static gpu_dnn_tensor tensor(int64_t n, int64_t c, int64_t h, int64_t w, int channels_last)
{
    gpu_dnn_tensor t = {.dims = {n, c, h, w}, .strides = {c * h * w, h * w, w, 1}, .alignment = 16};
    const int64_t last[4] = {c * h * w, 1, w * c, c};
    if (channels_last) memcpy(t.strides, last, sizeof last);
    return t;
}

static gpu_dnn_conv conv_of(const sample *s, int channels_last, const gpu_dnn_tensor *bias, int relu)
{
    gpu_dnn_conv conv = {.x = tensor(s->n, s->channels, s->size[0], s->size[1], channels_last),
                         .w = tensor(s->out, s->channels / s->groups, s->kernel[0], s->kernel[1], channels_last),
                         .y = tensor(s->n, s->out, reach(s, 0), reach(s, 1), channels_last),
                         .bias = bias,
                         .relu = relu};
    memcpy(conv.stride, s->stride, sizeof s->stride);
    memcpy(conv.padding, s->padding, sizeof s->padding);
    memcpy(conv.dilation, s->dilation, sizeof s->dilation);
    return conv;
}

static int try(const cu_dnn_calls *call, const sample *s, gpu_dnn_kind kind, int channels_last, int biased, int relu)
{
    static dnn_graph graph;
    cudnnBackendDescriptor_t operations[DNN_MOST_OPERATIONS];
    const gpu_dnn_tensor bias = tensor(1, s->out, 1, 1, channels_last);
    const gpu_dnn_conv conv = conv_of(s, channels_last, biased ? &bias : NULL, relu);
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

/* ---- engines */

static void *alloc(uint64_t bytes, uint64_t alignment)
{
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static const tn_host_api host = {.struct_size = sizeof host, .alloc = alloc, .free = free};
const tn_host_api *gpu_host = &host;

tn_status gpu_use(tn_device *device, tn_error *error)
{
    (void)device, (void)error;
    return TN_OK;
}

cudaStream_t gpu_stream_for(tn_stream *stream, const char *name)
{
    (void)stream, (void)name;
    return NULL;
}

void gpu_library_lock(gpu_library_kind kind)
{
    (void)kind;
}

void gpu_library_unlock(gpu_library_kind kind)
{
    (void)kind;
}

static const char h100[] =
    "{\"deviceVer\":900,\"deviceName\":\"NVIDIA H100 80GB HBM3\",\"driverVer\":13000,\"cudaDeviceId\":0,"
    "\"totalGlobalMem\":85000000000,\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,64],"
    "\"regsPerBlock\":65536,\"multiProcessorCount\":132,\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,"
    "\"maxSharedMemoryPerBlockOptin\":232448,\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,"
    "\"maxCtasPerSM\":32,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":2048,\"pciDeviceId\":0,\"isTccDriver\":0,"
    "\"supportCoopLaunch\":1,\"smClockRateKHz\":1980000,\"memClockRateKHz\":2619000,\"l2CacheSize\":52428800}";

static int has_engine(const cu_dnn *dnn, const sample *s, gpu_dnn_kind kind, int channels_last,
                      const gpu_dnn_tensor *bias, int tf32)
{
    static const char *const kinds[] = {"forward", "for the input", "for the weights"};
    const gpu_dnn_conv conv = conv_of(s, channels_last, bias, bias != NULL);
    tn_error error = {.struct_size = sizeof error};
    tn_plan *plan = NULL;
    int position = 0;
    tn_status status = dnn_plan_create(NULL, dnn, kind, &conv, tf32, &position, &plan, &error);
    printf("%s, %s%s, %s: ", s->name, kinds[kind], bias ? " with bias and relu" : "", channels_last ? "NHWC" : "NCHW");
    if (status == TN_OK)
        printf("%s, workspace %llu\n", plan->implementation, (unsigned long long)plan->workspace_bytes);
    else
        printf("%s\n", error.message);
    int good = status == TN_OK && strncmp(plan->implementation, "cudnn:engine ", 13) == 0 &&
               (strstr(plan->implementation, "tf32") != NULL) <= tf32;
    if (status == TN_OK) plan->destroy(plan);
    return good;
}

/* Proposal after proposal, until there are no more. */
static int ends_after_several(const cu_dnn *dnn, const sample *s)
{
    const gpu_dnn_conv conv = conv_of(s, 1, NULL, 0);
    tn_error error = {.struct_size = sizeof error};
    tn_plan *plan = NULL;
    int n = 0, position = 0;
    printf("%s, all engines in f32, NHWC:", s->name);
    for (; dnn_plan_create(NULL, dnn, GPU_DNN_FORWARD, &conv, 0, &position, &plan, &error) == TN_OK; n++, position++) {
        printf(" %s at %d,", strrchr(plan->implementation, 'e') + 2, position);
        plan->destroy(plan);
    }
    int good = n > 1 && error.status == TN_UNSUPPORTED && strstr(error.message, "no further engine") != NULL;
    printf(" then: %s\n", error.message);
    return good;
}

/* Counts those of ConvNet's convolutions without an engine; of other samples, some may have none. */
static int count_without(const cu_dnn_calls *call)
{
    static dnn_graph graph;
    int failures = 0;
    dnn_begin(&graph, call);
    cudnnBackendDescriptor_t gpu = dnn_make(&graph, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    dnn_set(&graph, gpu, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, sizeof h100, h100);
    const cu_dnn dnn = {.call = call, .described = dnn_finalize(&graph, gpu, "a described GPU")};
    if (graph.status) printf("no engines are looked for, since this cuDNN wants GPUs described otherwise\n");
    for (uint64_t i = 0; !graph.status && i < sizeof samples / sizeof *samples; i++)
        for (int last = 0; last < 2; last++) {
            const sample *s = &samples[i];
            const gpu_dnn_tensor bias = tensor(1, s->out, 1, 1, last);
            int without = !has_engine(&dnn, s, GPU_DNN_FORWARD, last, NULL, 0);
            without += !has_engine(&dnn, s, GPU_DNN_FORWARD, last, &bias, 0);
            without += !has_engine(&dnn, s, GPU_DNN_FORWARD, last, NULL, 1);
            without += !has_engine(&dnn, s, GPU_DNN_GRAD_INPUT, last, NULL, 0);
            without += !has_engine(&dnn, s, GPU_DNN_GRAD_WEIGHT, last, NULL, 0);
            if (strstr(s->name, "ConvNet")) failures += without;
        }
    if (!graph.status) failures += !ends_after_several(&dnn, &samples[1]);
    dnn_release(&graph, 0);
    return failures;
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
                failures += !try(&call, &samples[i], GPU_DNN_FORWARD, last, follow & 1, follow >> 1);
            failures += !try(&call, &samples[i], GPU_DNN_GRAD_INPUT, last, 0, 0);
            failures += !try(&call, &samples[i], GPU_DNN_GRAD_WEIGHT, last, 0, 0);
        }
    failures += count_without(&call);
    printf("%d failures\n", failures);
    return failures != 0;
}
