/* SPDX-License-Identifier: Apache-2.0
 *
 * A libcudnn whose backend convolves on the CPU, for the plugin tests/gpu_host with libraries. Its heuristics first propose
 * engines that must be refused; their plans fail, or give TF32's precision. TENON_FAKE_CUDNN=unfused: convolutions alone;
 * exact, nondeterministic: only such engines; none: no engine at all; failing: no graph is to its liking.
 * TENON_FAKE_RELU=zero: NaN becomes 0. */
#include "../gpu_host/fake.h"

#include <cudnn_graph.h>
#include <stdbool.h>

enum { MOST_ATTRIBUTES = 16, MOST_OPERANDS = 8, WORKSPACE = 768 };

typedef struct attribute {
    cudnnBackendAttributeName_t name;
    cudnnBackendAttributeType_t type;
    int64_t count;
    char *values;
} attribute;

typedef struct descriptor {
    cudnnBackendDescriptorType_t type;
    bool is_final;
    int n;
    attribute attributes[MOST_ATTRIBUTES];
    int candidate; /* of engines and their configurations */
    struct descriptor *graph;
} descriptor;

/* The candidates, best first: a note of the engine (-1: none), the workspace of its plan, and whether that runs. */
static const struct {
    int note;
    int64_t workspace;
    int runs;
} candidates[] = {{CUDNN_NUMERICAL_NOTE_TENSOR_CORE, 0, 1},
                  {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, 0, 0},
                  {CUDNN_NUMERICAL_NOTE_WINOGRAD, 0, 0},
                  {-1, INT64_C(1) << 40, 0},
                  {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP, WORKSPACE, 1},
                  {-1, 0, 1}};
enum { CANDIDATES = sizeof candidates / sizeof *candidates };

/* Only the last heuristic knows of those that give f32's precision. */
static int is_offered(int candidate, int32_t mode, int64_t n_operations)
{
    if (fake_is("TENON_FAKE_CUDNN", "none")) return 0;
    if (fake_is("TENON_FAKE_CUDNN", "unfused") && n_operations > 1) return 0;
    if (fake_is("TENON_FAKE_CUDNN", "exact")) return candidate >= 4;
    if (fake_is("TENON_FAKE_CUDNN", "nondeterministic"))
        return candidates[candidate].note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
    return candidate < 4 || mode == CUDNN_HEUR_MODE_FALLBACK;
}

/* What it points to is the stream. */
cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    *handle = malloc(sizeof(void *));
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    free(handle);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    if (!handle) return CUDNN_STATUS_BAD_PARAM;
    memcpy(handle, &stream, sizeof stream);
    return CUDNN_STATUS_SUCCESS;
}

size_t cudnnGetVersion(void)
{
    return fake_is("TENON_FAKE_CUDNN", "old") ? 8905 : CUDNN_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    switch (status) {
    case CUDNN_STATUS_BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_INTERNAL_ERROR: return "CUDNN_STATUS_INTERNAL_ERROR";
    default: return "CUDNN_STATUS_...";
    }
}

void cudnnGetLastErrorString(char *message, size_t size)
{
    if (size) message[0] = 0;
}

/* ---- descriptors */

static size_t size_of(cudnnBackendAttributeType_t type)
{
    switch (type) {
    case CUDNN_TYPE_BOOLEAN: return sizeof(bool);
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR: return 8;
    default: return 4;
    }
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *made)
{
    descriptor *d = calloc(1, sizeof *d);
    d->type = type;
    *made = d;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t made)
{
    descriptor *d = made;
    for (int i = 0; i < d->n; i++) free(d->attributes[i].values);
    free(d);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t made, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    descriptor *d = made;
    size_t bytes = (size_t)count * size_of(type);
    if (d->is_final || d->n == MOST_ATTRIBUTES) return CUDNN_STATUS_BAD_PARAM;
    attribute *a = &d->attributes[d->n++];
    *a = (attribute){name, type, count, malloc(bytes)};
    memcpy(a->values, values, bytes);
    return CUDNN_STATUS_SUCCESS;
}

static const attribute *find(const descriptor *d, cudnnBackendAttributeName_t name)
{
    for (int i = 0; i < d->n; i++)
        if (d->attributes[i].name == name) return &d->attributes[i];
    return NULL;
}

static descriptor *get(const descriptor *d, cudnnBackendAttributeName_t name)
{
    const attribute *a = find(d, name);
    descriptor *value = NULL;
    if (a && a->type == CUDNN_TYPE_BACKEND_DESCRIPTOR) memcpy(&value, a->values, sizeof value);
    return value;
}

static const int64_t *get_int64(const descriptor *d, cudnnBackendAttributeName_t name)
{
    const attribute *a = find(d, name);
    return a && a->type == CUDNN_TYPE_INT64 ? (const int64_t *)(const void *)a->values : NULL;
}

static cudnnStatus_t get_results(const descriptor *d, int64_t most, int64_t *n, void *values)
{
    descriptor **configs = values, *graph = get(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    const attribute *mode = find(d, CUDNN_ATTR_ENGINEHEUR_MODE);
    const attribute *operations = find(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
    int32_t is;
    memcpy(&is, mode->values, 4);
    *n = 0;
    for (int i = 0; i < CANDIDATES && *n < most; i++) {
        if (!is_offered(i, is, operations->count)) continue;
        configs[*n]->candidate = i;
        configs[*n]->graph = graph;
        configs[*n]->is_final = true;
        ++*n;
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const made, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t most, int64_t *n, void *values)
{
    const descriptor *d = made;
    if (!d->is_final) return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
    if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS) return get_results(d, most, n, values);
    *n = 1;
    if (name == CUDNN_ATTR_ENGINECFG_ENGINE && type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
        descriptor *engine = *(descriptor **)values;
        engine->candidate = d->candidate;
        engine->is_final = true;
    } else if (name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE && type == CUDNN_TYPE_NUMERICAL_NOTE) {
        *n = candidates[d->candidate].note >= 0;
        if (*n) memcpy(values, &candidates[d->candidate].note, 4);
    } else if (name == CUDNN_ATTR_ENGINE_GLOBAL_INDEX && type == CUDNN_TYPE_INT64) {
        *(int64_t *)values = d->candidate;
    } else if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE && type == CUDNN_TYPE_INT64) {
        *(int64_t *)values = candidates[get(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->candidate].workspace;
    } else {
        return CUDNN_STATUS_BAD_PARAM;
    }
    return CUDNN_STATUS_SUCCESS;
}

/* What it refers to must be final itself. */
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t made)
{
    descriptor *d = made;
    if (d->type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR && fake_is("TENON_FAKE_CUDNN", "failing"))
        return CUDNN_STATUS_INTERNAL_ERROR;
    for (int i = 0; i < d->n; i++) {
        const attribute *a = &d->attributes[i];
        for (int64_t k = 0; a->type == CUDNN_TYPE_BACKEND_DESCRIPTOR && k < a->count; k++)
            if (!((descriptor **)(void *)a->values)[k]->is_final) return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
    }
    d->is_final = true;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- executing */

typedef struct tensor {
    int64_t name, dims[4], strides[4];
    float *at;
} tensor;

typedef struct execution {
    const descriptor *pack;
    tensor virtuals[MOST_OPERANDS]; /* dense: results between operations */
    int n_virtual, tf32;
} execution;

static int64_t numel(const tensor *t)
{
    return t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
}

static float *bound(const descriptor *pack, int64_t name)
{
    const attribute *names = find(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS),
                    *addresses = find(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
    for (int64_t i = 0; i < names->count; i++)
        if (((const int64_t *)(const void *)names->values)[i] == name) return ((float **)(void *)addresses->values)[i];
    return NULL;
}

static tensor open_tensor(execution *e, const descriptor *d)
{
    tensor t = {.name = *get_int64(d, CUDNN_ATTR_TENSOR_UNIQUE_ID)};
    memcpy(t.dims, get_int64(d, CUDNN_ATTR_TENSOR_DIMENSIONS), sizeof t.dims);
    memcpy(t.strides, get_int64(d, CUDNN_ATTR_TENSOR_STRIDES), sizeof t.strides);
    for (int i = 0; i < e->n_virtual; i++)
        if (e->virtuals[i].name == t.name) return e->virtuals[i];
    t.at = bound(e->pack, t.name);
    if (find(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL)) {
        t.at = calloc((size_t)numel(&t), sizeof *t.at);
        e->virtuals[e->n_virtual++] = t;
    } else if (!t.at || (uintptr_t)t.at % (uint64_t)*get_int64(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT)) {
        abort(); /* an operand without an address, or with one that is not as was promised */
    }
    return t;
}

static float *element(const tensor *t, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return &t->at[n * t->strides[0] + c * t->strides[1] + h * t->strides[2] + w * t->strides[3]];
}

static int64_t dense_index(const tensor *t, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return ((a * t->dims[1] + b) * t->dims[2] + c) * t->dims[3] + d;
}

static double operand(const tensor *t, int64_t n, int64_t c, int64_t h, int64_t w, int tf32)
{
    const float value = *element(t, n, c, h, w);
    return tf32 ? fake_tf32(value) : (double)value;
}

/* kind: 0 gives y, 1 gives x, 2 gives w. */
static void accumulate(const descriptor *how, const tensor *x, const tensor *w, const tensor *y, double *sums, int kind,
                       int tf32)
{
    const int64_t *stride = get_int64(how, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
                  *padding = get_int64(how, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
                  *dilation = get_int64(how, CUDNN_ATTR_CONVOLUTION_DILATIONS);
    const int64_t groups = x->dims[1] / w->dims[1], per_group = y->dims[1] / groups;
    for (int64_t n = 0; n < y->dims[0]; n++)
        for (int64_t o = 0; o < y->dims[1]; o++)
            for (int64_t p = 0; p < y->dims[2]; p++)
                for (int64_t q = 0; q < y->dims[3]; q++)
                    for (int64_t j = 0; j < w->dims[1]; j++)
                        for (int64_t kh = 0; kh < w->dims[2]; kh++)
                            for (int64_t kw = 0; kw < w->dims[3]; kw++) {
                                int64_t h = p * stride[0] - padding[0] + kh * dilation[0],
                                        v = q * stride[1] - padding[1] + kw * dilation[1],
                                        i = o / per_group * w->dims[1] + j;
                                if (h < 0 || h >= x->dims[2] || v < 0 || v >= x->dims[3]) continue;
                                double by_x = operand(x, n, i, h, v, tf32), by_w = operand(w, o, j, kh, kw, tf32),
                                       by_y = operand(y, n, o, p, q, tf32);
                                if (kind == 0)
                                    sums[dense_index(y, n, o, p, q)] += by_x * by_w;
                                else if (kind == 1)
                                    sums[dense_index(x, n, i, h, v)] += by_y * by_w;
                                else
                                    sums[dense_index(w, o, j, kh, kw)] += by_y * by_x;
                            }
}

static void store(const tensor *t, const double *sums)
{
    for (int64_t a = 0; a < t->dims[0]; a++)
        for (int64_t b = 0; b < t->dims[1]; b++)
            for (int64_t c = 0; c < t->dims[2]; c++)
                for (int64_t d = 0; d < t->dims[3]; d++)
                    *element(t, a, b, c, d) = (float)sums[dense_index(t, a, b, c, d)];
}

static void convolve(execution *e, const descriptor *d, int kind)
{
    static const cudnnBackendAttributeName_t names[3][4] = {
        {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY}};
    const tensor x = open_tensor(e, get(d, names[kind][1])), w = open_tensor(e, get(d, names[kind][2])),
                 y = open_tensor(e, get(d, names[kind][3]));
    const tensor *result = kind == 0 ? &y : kind == 1 ? &x : &w;
    double *sums = calloc((size_t)numel(result), sizeof *sums);
    accumulate(get(d, names[kind][0]), &x, &w, &y, sums, kind, e->tf32);
    store(result, sums);
    free(sums);
}

static float relu(float x)
{
    if (fake_is("TENON_FAKE_RELU", "zero")) return x > 0 ? x : 0;
    return x <= 0 ? 0 : x;
}

static void pointwise(execution *e, const descriptor *d)
{
    const descriptor *how = get(d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const tensor x = open_tensor(e, get(d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC)),
                 y = open_tensor(e, get(d, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    int32_t mode;
    memcpy(&mode, find(how, CUDNN_ATTR_POINTWISE_MODE)->values, 4);
    tensor b = {.at = NULL};
    if (mode == CUDNN_POINTWISE_ADD) b = open_tensor(e, get(d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
    for (int64_t n = 0; n < y.dims[0]; n++)
        for (int64_t c = 0; c < y.dims[1]; c++)
            for (int64_t h = 0; h < y.dims[2]; h++)
                for (int64_t w = 0; w < y.dims[3]; w++) {
                    float value = *element(&x, n, c, h, w);
                    *element(&y, n, c, h, w) = b.at ? value + *element(&b, 0, c, 0, 0) : relu(value);
                }
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack)
{
    const descriptor *config = get(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const attribute *operations = find(config->graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
    execution e = {.pack = pack, .tf32 = candidates[config->candidate].note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE};
    void *workspace;
    if (!handle || !candidates[config->candidate].runs) return CUDNN_STATUS_BAD_PARAM;
    memcpy(&workspace, find(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE)->values, sizeof workspace);
    if (candidates[config->candidate].workspace) memset(workspace, 0xa5, WORKSPACE);
    fake_trace("graph", (int)operations->count);
    fake_take_time(*(void **)(void *)handle, "engine", config->candidate);
    for (int64_t i = 0; i < operations->count; i++) {
        const descriptor *d = ((descriptor **)(void *)operations->values)[i];
        switch (d->type) {
        case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR: convolve(&e, d, 0); break;
        case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR: convolve(&e, d, 1); break;
        case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR: convolve(&e, d, 2); break;
        default: pointwise(&e, d);
        }
    }
    for (int i = 0; i < e.n_virtual; i++) free(e.virtuals[i].at);
    return CUDNN_STATUS_SUCCESS;
}
