/* SPDX-License-Identifier: Apache-2.0
 *
 * A product as cuBLASLt runs it: the algorithm is chosen when the plan is made; bias, relu and the bias's gradient are its
 * epilogue. */
#include "blas_plan.h"

#include <pthread.h>
#include <string.h>

enum { CANDIDATES = 8, MOST_ALIGNMENT = 256 };

typedef union number {
    float f;
    double d;
} number;

typedef struct blas_plan {
    tn_plan head;
    char implementation[40];
    tn_device *device;
    const cu_blas *blas;
    gpu_blas_product product;
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, d;
    cublasLtMatmulAlgo_t algorithm;
    number one, zero;
    gpu_blas_bias bias;
    pthread_mutex_t lock; /* of the bias in `operation`, if there is one */
} blas_plan;

static void destroy(tn_plan *head)
{
    blas_plan *plan = (blas_plan *)head;
    const cu_blas_calls *call = plan->blas->call;
    if (plan->operation) (void)call->cublasLtMatmulDescDestroy(plan->operation);
    if (plan->a) (void)call->cublasLtMatrixLayoutDestroy(plan->a);
    if (plan->b) (void)call->cublasLtMatrixLayoutDestroy(plan->b);
    if (plan->d) (void)call->cublasLtMatrixLayoutDestroy(plan->d);
    pthread_mutex_destroy(&plan->lock);
    gpu_host->free(plan);
}

#define BLAS_TRY(result, doing) GPU_TRY(cu_blas_status(blas->call, (result), (doing), error))

/* ---- executing */

static tn_status multiply(const blas_plan *plan, tn_stream *stream, const tn_bindings *at, tn_error *error)
{
    const cu_blas *blas = plan->blas;
    void *const *bias = plan->bias == GPU_BLAS_ADDED ? &at->in[2] : &at->out[1];
    if (plan->bias)
        BLAS_TRY(blas->call->cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias,
                                                            sizeof *bias),
                 "telling cuBLASLt the bias");
    BLAS_TRY(blas->call->cublasLtMatmul(blas->handle, plan->operation, &plan->one, at->in[plan->product.a.input],
                                        plan->a, at->in[plan->product.b.input], plan->b, &plan->zero, at->out[0],
                                        plan->d, at->out[0], plan->d, &plan->algorithm, at->workspace,
                                        plan->head.workspace_bytes, gpu_stream_for(stream, plan->implementation)),
             "queueing a product of cuBLASLt");
    return TN_OK;
}

static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *at, tn_error *error)
{
    const blas_plan *plan = (const blas_plan *)head;
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&plan->lock;
    GPU_TRY(gpu_use(plan->device, error));
    if (plan->bias) pthread_mutex_lock(lock);
    tn_status status = multiply(plan, stream, at, error);
    if (plan->bias) pthread_mutex_unlock(lock);
    return status;
}

/* ---- making */

static tn_status set(const cu_blas *blas, cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t name,
                     const void *value, size_t bytes, tn_error *error)
{
    BLAS_TRY(blas->call->cublasLtMatmulDescSetAttribute(operation, name, value, bytes),
             "describing a product to cuBLASLt");
    return TN_OK;
}

static uint32_t alignment_of(const tn_tensor_desc *t)
{
    return t->alignment < MOST_ALIGNMENT ? (uint32_t)t->alignment : MOST_ALIGNMENT;
}

/* dy, of which sums are made, is input 0. */
static cublasLtEpilogue_t epilogue_of(const blas_plan *plan, int relu)
{
    if (plan->bias == GPU_BLAS_SUMMED)
        return plan->product.a.input == 0 ? CUBLASLT_EPILOGUE_BGRADA : CUBLASLT_EPILOGUE_BGRADB;
    if (plan->bias == GPU_BLAS_ADDED) return relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
    return relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT;
}

/* A bias has no address yet, but cuBLASLt reads the alignment from it. */
static tn_status set_epilogue(blas_plan *plan, const tn_op_desc *desc, int relu, tn_error *error)
{
    const cublasLtEpilogue_t epilogue = epilogue_of(plan, relu);
    GPU_TRY(set(plan->blas, plan->operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue, error));
    if (!plan->bias) return TN_OK;
    const tn_tensor_desc *bias = plan->bias == GPU_BLAS_ADDED ? desc->in[2] : desc->out[1];
    const void *placeholder = (const void *)(uintptr_t)alignment_of(bias);
    return set(plan->blas, plan->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &placeholder, sizeof placeholder, error);
}

static tn_status describe(blas_plan *plan, const tn_op_desc *desc, int relu, tn_error *error)
{
    const cu_blas *blas = plan->blas;
    const int single = desc->out[0]->dtype == TN_F32;
    const cublasComputeType_t exact = single ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_64F;
    const cublasComputeType_t computes = single && desc->flags & TN_OP_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : exact;
    const cublasOperation_t a = plan->product.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                            b = plan->product.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    BLAS_TRY(blas->call->cublasLtMatmulDescCreate(&plan->operation, computes, single ? CUDA_R_32F : CUDA_R_64F),
             "describing a product to cuBLASLt");
    GPU_TRY(set(blas, plan->operation, CUBLASLT_MATMUL_DESC_TRANSA, &a, sizeof a, error));
    GPU_TRY(set(blas, plan->operation, CUBLASLT_MATMUL_DESC_TRANSB, &b, sizeof b, error));
    return set_epilogue(plan, desc, relu, error);
}

static tn_status make_layout(const blas_plan *plan, const gpu_blas_matrix *m, tn_dtype dtype,
                             cublasLtMatrixLayout_t *layout, tn_error *error)
{
    const cu_blas *blas = plan->blas;
    const int32_t batch = (int32_t)plan->product.batch;
    BLAS_TRY(blas->call->cublasLtMatrixLayoutCreate(layout, dtype == TN_F32 ? CUDA_R_32F : CUDA_R_64F,
                                                    (uint64_t)m->rows, (uint64_t)m->columns, m->leading),
             "describing a matrix to cuBLASLt");
    if (batch == 1) return TN_OK;
    BLAS_TRY(
        blas->call->cublasLtMatrixLayoutSetAttribute(*layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch),
        "describing matrices to cuBLASLt");
    BLAS_TRY(blas->call->cublasLtMatrixLayoutSetAttribute(*layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                                          &m->batch_stride, sizeof m->batch_stride),
             "describing matrices to cuBLASLt");
    return TN_OK;
}

/* Sums that are split are put together in a second step, in f32 or f64: the same bits every time. */
static tn_status set_preferences(const blas_plan *plan, const tn_op_desc *desc, cublasLtMatmulPreference_t preference,
                                 tn_error *error)
{
    const cu_blas *blas = plan->blas;
    const uint64_t workspace = CU_BLAS_MOST_WORKSPACE;
    const uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE,
                   a = alignment_of(desc->in[plan->product.a.input]), b = alignment_of(desc->in[plan->product.b.input]),
                   d = alignment_of(desc->out[0]);
    const struct {
        cublasLtMatmulPreferenceAttributes_t name;
        const void *value;
        size_t bytes;
    } rows[] = {{CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace},
                {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reduction, sizeof reduction},
                {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &a, sizeof a},
                {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &b, sizeof b},
                {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &d, sizeof d},
                {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &d, sizeof d}};
    for (uint64_t i = 0; i < sizeof rows / sizeof *rows; i++)
        BLAS_TRY(
            blas->call->cublasLtMatmulPreferenceSetAttribute(preference, rows[i].name, rows[i].value, rows[i].bytes),
            "telling cuBLASLt what is preferred");
    return TN_OK;
}

/* The algorithm that the heuristic offers at a position, those that cannot be used left out; TN_UNSUPPORTED if there are
 * not so many. */
static tn_status ask(blas_plan *plan, const tn_op_desc *desc, cublasLtMatmulPreference_t preference, int position,
                     tn_error *error)
{
    const cu_blas *blas = plan->blas;
    cublasLtMatmulHeuristicResult_t results[CANDIDATES];
    int n = 0;
    GPU_TRY(set_preferences(plan, desc, preference, error));
    BLAS_TRY(blas->call->cublasLtMatmulAlgoGetHeuristic(blas->handle, plan->operation, plan->a, plan->b, plan->d,
                                                        plan->d, preference, CANDIDATES, results, &n),
             "asking cuBLASLt for an algorithm");
    for (int i = 0, usable = 0; i < n; i++) {
        if (results[i].state != CUBLAS_STATUS_SUCCESS || results[i].workspaceSize > CU_BLAS_MOST_WORKSPACE) continue;
        if (usable++ < position) continue;
        plan->algorithm = results[i].algo;
        plan->head.workspace_bytes = results[i].workspaceSize;
        return TN_OK;
    }
    return tn_fail(error, TN_UNSUPPORTED, 0, "cuBLASLt has no %salgorithm for it", position ? "further " : "");
}

static tn_status choose(blas_plan *plan, const tn_op_desc *desc, int position, tn_error *error)
{
    const cu_blas *blas = plan->blas;
    cublasLtMatmulPreference_t preference = NULL;
    BLAS_TRY(blas->call->cublasLtMatmulPreferenceCreate(&preference), "telling cuBLASLt what is preferred");
    tn_status status = ask(plan, desc, preference, position, error);
    (void)blas->call->cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

static tn_status prepare(blas_plan *plan, const tn_op_desc *desc, int position, tn_error *error)
{
    const int relu = strcmp(desc->name, "linear_relu") == 0;
    const tn_dtype dtype = desc->out[0]->dtype;
    GPU_TRY(gpu_use(plan->device, error));
    GPU_TRY(describe(plan, desc, relu, error));
    GPU_TRY(make_layout(plan, &plan->product.a, dtype, &plan->a, error));
    GPU_TRY(make_layout(plan, &plan->product.b, dtype, &plan->b, error));
    GPU_TRY(make_layout(plan, &plan->product.d, dtype, &plan->d, error));
    return choose(plan, desc, position, error);
}

static void fill_in(blas_plan *plan, tn_device *device, const cu_blas *blas, const gpu_blas_product *product,
                    const tn_op_desc *desc, gpu_blas_bias bias)
{
    *plan =
        (blas_plan){.head = {.struct_size = sizeof plan->head,
                             .execute = execute,
                             .destroy = destroy,
                             .implementation = plan->implementation,
                             .flops = gpu_blas_operations(product, desc),
                             .bytes_moved = gpu_bytes_moved(desc),
                             .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE | (bias ? 0 : TN_PLAN_CONCURRENT)},
                    .device = device,
                    .blas = blas,
                    .product = *product,
                    .bias = bias};
    if (desc->out[0]->dtype == TN_F32)
        plan->one.f = 1;
    else
        plan->one.d = 1;
    pthread_mutex_init(&plan->lock, NULL);
}

static void name(blas_plan *plan, const tn_op_desc *desc, int position)
{
    const char *in = desc->out[0]->dtype == TN_F64 ? "f64" : desc->flags & TN_OP_TF32 ? "tf32" : "f32";
    char which[20] = "";
    if (position) snprintf(which, sizeof which, " algorithm %d", position);
    snprintf(plan->implementation, sizeof plan->implementation, "cublasLt:%s%s", in, which);
}

tn_status blas_plan_create(tn_device *device, const cu_blas *blas, const gpu_blas_product *product,
                           const tn_op_desc *desc, gpu_blas_bias bias, int position, tn_plan **out, tn_error *error)
{
    blas_plan *plan = gpu_host->alloc(sizeof *plan, 64);
    if (!plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no host memory for a plan", desc->name);
    fill_in(plan, device, blas, product, desc, bias);
    name(plan, desc, position);
    tn_status status = prepare(plan, desc, position, error);
    if (status == TN_OK)
        *out = &plan->head;
    else
        destroy(&plan->head);
    return status;
}
