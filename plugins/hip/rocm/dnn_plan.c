/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution as MIOpen runs it: in its immediate mode, which proposes solutions, best first, without timing any. */
#include "miopen.h"

enum { MOST_SOLUTIONS = 32 };

/* All three directions are called alike: two operands, a convolution, and a result. */
typedef struct direction {
    __typeof__(miopenConvolutionForwardGetSolution) *propose;
    __typeof__(miopenConvolutionForwardCompileSolution) *compile;
    __typeof__(miopenConvolutionForwardImmediate) *run;
    uint64_t first, second; /* of the plan's inputs */
} direction;

typedef struct dnn_plan {
    tn_plan head;
    char implementation[48];
    tn_device *device;
    const rocm_dnn *dnn;
    direction way;
    miopenTensorDescriptor_t first, second, result;
    miopenConvolutionDescriptor_t convolution;
    uint64_t solution;
} dnn_plan;

static void destroy(tn_plan *head)
{
    dnn_plan *plan = (dnn_plan *)head;
    const rocm_dnn_calls *call = plan->dnn->call;
    if (plan->first) (void)call->miopenDestroyTensorDescriptor(plan->first);
    if (plan->second) (void)call->miopenDestroyTensorDescriptor(plan->second);
    if (plan->result) (void)call->miopenDestroyTensorDescriptor(plan->result);
    if (plan->convolution) (void)call->miopenDestroyConvolutionDescriptor(plan->convolution);
    gpu_host->free(plan);
}

#define DNN_TRY(result, doing) GPU_TRY(rocm_dnn_status(call, (result), (doing), error))

/* ---- executing */

static tn_status queue(const dnn_plan *plan, GPU(Stream_t) stream, const tn_bindings *at, tn_error *error)
{
    const rocm_dnn_calls *call = plan->dnn->call;
    DNN_TRY(call->miopenSetStream(plan->dnn->handle, stream), "giving MIOpen the stream");
    DNN_TRY(plan->way.run(plan->dnn->handle, plan->first, at->in[plan->way.first], plan->second,
                          at->in[plan->way.second], plan->convolution, plan->result, at->out[0], at->workspace,
                          plan->head.workspace_bytes, plan->solution),
            "queueing a convolution of MIOpen");
    return TN_OK;
}

/* MIOpen's own rocBLAS looks at the stream that it has when it is given another, by when that one may be gone. */
static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *at, tn_error *error)
{
    const dnn_plan *plan = (const dnn_plan *)head;
    GPU_TRY(gpu_use(plan->device, error));
    gpu_library_lock(GPU_DNN);
    tn_status status = queue(plan, gpu_stream_for(stream, plan->implementation), at, error);
    (void)plan->dnn->call->miopenSetStream(plan->dnn->handle, NULL);
    gpu_library_unlock(GPU_DNN);
    return status;
}

/* ---- describing */

static direction direction_of(const rocm_dnn_calls *call, gpu_dnn_kind kind)
{
    switch (kind) {
    case GPU_DNN_FORWARD:
        return (direction){call->miopenConvolutionForwardGetSolution, call->miopenConvolutionForwardCompileSolution,
                           call->miopenConvolutionForwardImmediate, 1, 0};
    case GPU_DNN_GRAD_INPUT:
        return (direction){call->miopenConvolutionBackwardDataGetSolution,
                           call->miopenConvolutionBackwardDataCompileSolution,
                           call->miopenConvolutionBackwardDataImmediate, 0, 1};
    default:
        return (direction){call->miopenConvolutionBackwardWeightsGetSolution,
                           call->miopenConvolutionBackwardWeightsCompileSolution,
                           call->miopenConvolutionBackwardWeightsImmediate, 0, 1};
    }
}

/* MIOpen counts in int. */
static int fits(const gpu_dnn_tensor *t)
{
    int64_t last = 0;
    for (int d = 0; d < 4; d++) last += (t->dims[d] - 1) * t->strides[d];
    return last < INT32_MAX;
}

static tn_status make_tensor(const rocm_dnn_calls *call, const gpu_dnn_tensor *t, miopenTensorDescriptor_t *made,
                             tn_error *error)
{
    int dims[4], strides[4];
    if (!fits(t)) return tn_fail(error, TN_UNSUPPORTED, 0, "a tensor is larger than MIOpen can count");
    for (int d = 0; d < 4; d++) {
        dims[d] = (int)t->dims[d];
        strides[d] = (int)t->strides[d];
    }
    DNN_TRY(call->miopenCreateTensorDescriptor(made), "describing a tensor to MIOpen");
    DNN_TRY(call->miopenSetTensorDescriptor(*made, miopenFloat, 4, dims, strides), "describing a tensor to MIOpen");
    return TN_OK;
}

static tn_status make_convolution(dnn_plan *plan, const gpu_dnn_conv *conv, tn_error *error)
{
    const rocm_dnn_calls *call = plan->dnn->call;
    static const char doing[] = "describing a convolution to MIOpen";
    DNN_TRY(call->miopenCreateConvolutionDescriptor(&plan->convolution), doing);
    DNN_TRY(call->miopenInitConvolutionDescriptor(plan->convolution, miopenConvolution, (int)conv->padding[0],
                                                  (int)conv->padding[1], (int)conv->stride[0], (int)conv->stride[1],
                                                  (int)conv->dilation[0], (int)conv->dilation[1]),
            doing);
    DNN_TRY(call->miopenSetConvolutionGroupCount(plan->convolution, (int)(conv->x.dims[1] / conv->w.dims[1])), doing);
    DNN_TRY(call->miopenSetConvolutionAttribute(plan->convolution, MIOPEN_CONVOLUTION_ATTRIB_DETERMINISTIC, 1), doing);
    return TN_OK;
}

static tn_status describe(dnn_plan *plan, gpu_dnn_kind kind, const gpu_dnn_conv *conv, tn_error *error)
{
    const gpu_dnn_tensor *x = &conv->x, *w = &conv->w, *y = &conv->y;
    const gpu_dnn_tensor *const operands[][3] = {
        [GPU_DNN_FORWARD] = {w, x, y}, [GPU_DNN_GRAD_INPUT] = {y, w, x}, [GPU_DNN_GRAD_WEIGHT] = {y, x, w}};
    const rocm_dnn_calls *call = plan->dnn->call;
    GPU_TRY(make_tensor(call, operands[kind][0], &plan->first, error));
    GPU_TRY(make_tensor(call, operands[kind][1], &plan->second, error));
    GPU_TRY(make_tensor(call, operands[kind][2], &plan->result, error));
    return make_convolution(plan, conv, error);
}

/* ---- choosing */

/* Winograd's and Fourier's are not as exact as a plain sum, and carry a NaN or an infinity to places that it has no part in.
 * Products by MIOpen's own rocBLAS use memory of that, which convolutions on several streams would share. */
static int is_exact(const miopenConvSolution_t *s)
{
    return s->algorithm == miopenConvolutionAlgoDirect || s->algorithm == miopenConvolutionAlgoImplicitGEMM;
}

static tn_status choose(dnn_plan *plan, int *position, tn_error *error)
{
    const rocm_dnn_calls *call = plan->dnn->call;
    miopenConvSolution_t proposed[MOST_SOLUTIONS];
    size_t n = 0;
    DNN_TRY(plan->way.propose(plan->dnn->handle, plan->first, plan->second, plan->convolution, plan->result,
                              MOST_SOLUTIONS, &n, proposed),
            "asking MIOpen for solutions");
    for (size_t i = (size_t)*position; i < n; i++) {
        if (!is_exact(&proposed[i]) || proposed[i].workspace_size > ROCM_DNN_MOST_WORKSPACE) continue;
        *position = (int)i;
        plan->solution = proposed[i].solution_id;
        plan->head.workspace_bytes = proposed[i].workspace_size;
        snprintf(plan->implementation, sizeof plan->implementation, "miopen:solution %llu f32",
                 (unsigned long long)plan->solution);
        DNN_TRY(plan->way.compile(plan->dnn->handle, plan->first, plan->second, plan->convolution, plan->result,
                                  plan->solution),
                "compiling a solution of MIOpen");
        return TN_OK;
    }
    return tn_fail(error, TN_UNSUPPORTED, 0, "MIOpen has no %ssolution for it in f32", *position ? "further " : "");
}

tn_status rocm_dnn_plan(tn_device *device, gpu_dnn_kind kind, const gpu_dnn_conv *conv, int tf32, int *position,
                        tn_plan **out, tn_error *error)
{
    const rocm_dnn *dnn = rocm_dnn_of(device);
    (void)tf32; /* which these GPUs do not have, or not in this mode */
    GPU_TRY(gpu_use(device, error));
    dnn_plan *plan = gpu_host->alloc(sizeof *plan, 64);
    if (!plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for a plan of MIOpen");
    *plan = (dnn_plan){.head = {.struct_size = sizeof plan->head,
                                .execute = execute,
                                .destroy = destroy,
                                .implementation = plan->implementation,
                                .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE | TN_PLAN_CONCURRENT},
                       .device = device,
                       .dnn = dnn,
                       .way = direction_of(dnn->call, kind)};
    gpu_library_lock(GPU_DNN);
    tn_status status = describe(plan, kind, conv, error);
    if (status == TN_OK) status = choose(plan, position, error);
    gpu_library_unlock(GPU_DNN);
    if (status == TN_OK)
        *out = &plan->head;
    else
        destroy(&plan->head);
    return status;
}
