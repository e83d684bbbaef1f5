/* SPDX-License-Identifier: Apache-2.0
 *
 * A libMIOpen that convolves on the CPU, for the plugin tests/gpu_host with libraries. It is strict: what the real one need
 * not forgive is an error here, and that a solution was not compiled, may give other bits each time, or that it is left with
 * a stream that may be gone. TENON_FAKE_MIOPEN=none: it has no solution; failing: asking for one fails; inexact: it has
 * but those that are not a plain sum, or run by rocBLAS. */
#include "../gpu_host/fake.h"

#include <miopen/miopen.h>

enum { WORKSPACE = 512 };

struct miopenHandle {
    hipStream_t stream;
};

struct miopenTensorDescriptor {
    int dims[4];
    int64_t strides[4];
};

struct miopenConvolutionDescriptor {
    int pad[2], stride[2], dilation[2], groups, deterministic;
    uint64_t compiled;
};

miopenStatus_t miopenCreate(miopenHandle_t *handle)
{
    *handle = calloc(1, sizeof **handle);
    return miopenStatusSuccess;
}

miopenStatus_t miopenDestroy(miopenHandle_t handle)
{
    free(handle);
    return miopenStatusSuccess;
}

miopenStatus_t miopenGetVersion(size_t *major, size_t *minor, size_t *patch)
{
    *major = 3;
    *minor = *patch = 0;
    return miopenStatusSuccess;
}

const char *miopenGetErrorString(miopenStatus_t status)
{
    return status == miopenStatusInternalError ? "miopenStatusInternalError" : "miopenStatus...";
}

miopenStatus_t miopenSetStream(miopenHandle_t handle, hipStream_t stream)
{
    if (stream && handle->stream) return miopenStatusBadParm;
    handle->stream = stream;
    return miopenStatusSuccess;
}

miopenStatus_t miopenCreateTensorDescriptor(miopenTensorDescriptor_t *made)
{
    *made = calloc(1, sizeof **made);
    return miopenStatusSuccess;
}

miopenStatus_t miopenSetTensorDescriptor(miopenTensorDescriptor_t tensor, miopenDataType_t type, int rank,
                                         const int *dims, const int *strides)
{
    if (type != miopenFloat || rank != 4) return miopenStatusBadParm;
    for (int d = 0; d < 4; d++) {
        if (dims[d] <= 0 || strides[d] <= 0) return miopenStatusBadParm;
        tensor->dims[d] = dims[d];
        tensor->strides[d] = strides[d];
    }
    return miopenStatusSuccess;
}

miopenStatus_t miopenDestroyTensorDescriptor(miopenTensorDescriptor_t tensor)
{
    free(tensor);
    return miopenStatusSuccess;
}

miopenStatus_t miopenCreateConvolutionDescriptor(miopenConvolutionDescriptor_t *made)
{
    *made = calloc(1, sizeof **made);
    return miopenStatusSuccess;
}

miopenStatus_t miopenInitConvolutionDescriptor(miopenConvolutionDescriptor_t how, miopenConvolutionMode_t mode,
                                               int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h,
                                               int dilation_w)
{
    *how = (struct miopenConvolutionDescriptor){
        {pad_h, pad_w}, {stride_h, stride_w}, {dilation_h, dilation_w}, .groups = 1};
    return mode == miopenConvolution ? miopenStatusSuccess : miopenStatusBadParm;
}

miopenStatus_t miopenSetConvolutionGroupCount(miopenConvolutionDescriptor_t how, int groups)
{
    how->groups = groups;
    return miopenStatusSuccess;
}

miopenStatus_t miopenSetConvolutionAttribute(miopenConvolutionDescriptor_t how, const miopenConvolutionAttrib_t name,
                                             int value)
{
    if (name != MIOPEN_CONVOLUTION_ATTRIB_DETERMINISTIC) return miopenStatusBadParm;
    how->deterministic = value;
    return miopenStatusSuccess;
}

miopenStatus_t miopenDestroyConvolutionDescriptor(miopenConvolutionDescriptor_t how)
{
    free(how);
    return miopenStatusSuccess;
}

/* ---- solutions: those that may be taken are the last two */

static const miopenConvSolution_t all[] = {
    {1, WORKSPACE, 3, miopenConvolutionAlgoWinograd}, {2, WORKSPACE, 4, miopenConvolutionAlgoFFT},
    {3, WORKSPACE, 7, miopenConvolutionAlgoGEMM},     {4, (size_t)1 << 30, 9, miopenConvolutionAlgoDirect},
    {5, WORKSPACE, 12, miopenConvolutionAlgoDirect},  {6, WORKSPACE, 13, miopenConvolutionAlgoImplicitGEMM},
};
enum { ALL = sizeof all / sizeof *all, INEXACT = 3 };

static miopenStatus_t propose(size_t most, size_t *n, miopenConvSolution_t *solutions)
{
    *n = 0;
    if (fake_is("TENON_FAKE_MIOPEN", "failing")) return miopenStatusInternalError;
    if (fake_is("TENON_FAKE_MIOPEN", "none")) return miopenStatusNotImplemented;
    for (; *n < most && *n < (fake_is("TENON_FAKE_MIOPEN", "inexact") ? INEXACT : ALL); ++*n) solutions[*n] = all[*n];
    return miopenStatusSuccess;
}

static miopenStatus_t compile(miopenConvolutionDescriptor_t how, uint64_t solution)
{
    how->compiled = solution;
    return miopenStatusSuccess;
}

static int64_t place(const struct miopenTensorDescriptor *t, int a, int b, int c, int d)
{
    return a * t->strides[0] + b * t->strides[1] + c * t->strides[2] + d * t->strides[3];
}

/* A convolution: x w -> y, and which of them becomes the sums. */
typedef struct work {
    const struct miopenTensorDescriptor *x, *w, *y;
    const float *of_x, *of_w, *of_y;
    double *sums;
    char result;
} work;

static void add_one(const work *k, int64_t x, int64_t w, int64_t y)
{
    if (k->result == 'y') k->sums[y] += (double)k->of_x[x] * (double)k->of_w[w];
    if (k->result == 'x') k->sums[x] += (double)k->of_y[y] * (double)k->of_w[w];
    if (k->result == 'w') k->sums[w] += (double)k->of_y[y] * (double)k->of_x[x];
}

/* All that one element of y has a part in. */
static void add_window(const work *k, miopenConvolutionDescriptor_t how, int image, int out, int row, int column)
{
    const int *w = k->w->dims, *x = k->x->dims, first = out / (w[0] / how->groups) * w[1];
    for (int in = 0; in < w[1]; in++)
        for (int i = 0; i < w[2]; i++)
            for (int j = 0; j < w[3]; j++) {
                const int r = row * how->stride[0] - how->pad[0] + i * how->dilation[0],
                          c = column * how->stride[1] - how->pad[1] + j * how->dilation[1];
                if (r < 0 || c < 0 || r >= x[2] || c >= x[3]) continue;
                add_one(k, place(k->x, image, first + in, r, c), place(k->w, out, in, i, j),
                        place(k->y, image, out, row, column));
            }
}

static miopenStatus_t run(miopenHandle_t handle, work k, miopenConvolutionDescriptor_t how,
                          const struct miopenTensorDescriptor *result, float *c, void *workspace, size_t bytes,
                          uint64_t solution)
{
    if (!handle->stream || !how->deterministic || how->compiled != solution) return miopenStatusBadParm;
    if (bytes != WORKSPACE || !workspace || k.x->dims[1] != k.w->dims[1] * how->groups) return miopenStatusBadParm;
    const int64_t n = place(result, result->dims[0] - 1, result->dims[1] - 1, result->dims[2] - 1, result->dims[3] - 1);
    k.sums = calloc((size_t)n + 1, sizeof *k.sums);
    memset(workspace, 0xa5, bytes);
    fake_trace("convolution", k.result);
    for (int image = 0; image < k.y->dims[0]; image++)
        for (int out = 0; out < k.y->dims[1]; out++)
            for (int row = 0; row < k.y->dims[2]; row++)
                for (int column = 0; column < k.y->dims[3]; column++) add_window(&k, how, image, out, row, column);
    for (int64_t i = 0; i <= n; i++) c[i] = (float)k.sums[i];
    free(k.sums);
    return miopenStatusSuccess;
}

/* The three directions: what their operands a and b, and their result, are. */
#define DIRECTION(name, of, ...)                                                                                      \
    miopenStatus_t miopenConvolution##name##GetSolution(                                                              \
        miopenHandle_t handle, const miopenTensorDescriptor_t first, const miopenTensorDescriptor_t second,           \
        const miopenConvolutionDescriptor_t how, const miopenTensorDescriptor_t result, const size_t most, size_t *n, \
        miopenConvSolution_t *solutions)                                                                              \
    {                                                                                                                 \
        (void)first, (void)second, (void)result;                                                                      \
        return handle && how->deterministic ? propose(most, n, solutions) : miopenStatusBadParm;                      \
    }                                                                                                                 \
    miopenStatus_t miopenConvolution##name##CompileSolution(                                                          \
        miopenHandle_t handle, const miopenTensorDescriptor_t first, const miopenTensorDescriptor_t second,           \
        const miopenConvolutionDescriptor_t how, const miopenTensorDescriptor_t result, const uint64_t solution)      \
    {                                                                                                                 \
        (void)handle, (void)first, (void)second, (void)result;                                                        \
        return compile(how, solution);                                                                                \
    }                                                                                                                 \
    miopenStatus_t miopenConvolution##name##Immediate(                                                                \
        miopenHandle_t handle, const miopenTensorDescriptor_t first, const void *a,                                   \
        const miopenTensorDescriptor_t second, const void *b, const miopenConvolutionDescriptor_t how,                \
        const miopenTensorDescriptor_t result, void *c, void *workspace, size_t bytes, const uint64_t solution)       \
    {                                                                                                                 \
        const work k = {.result = of, __VA_ARGS__};                                                                   \
        return run(handle, k, how, result, c, workspace, bytes, solution);                                            \
    }
DIRECTION(Forward, 'y', .w = first, .of_w = a, .x = second, .of_x = b, .y = result)
DIRECTION(BackwardData, 'x', .y = first, .of_y = a, .w = second, .of_w = b, .x = result)
DIRECTION(BackwardWeights, 'w', .y = first, .of_y = a, .x = second, .of_x = b, .w = result)
