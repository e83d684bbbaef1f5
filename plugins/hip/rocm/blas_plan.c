/* SPDX-License-Identifier: Apache-2.0
 *
 * A product as rocBLAS runs it, which chooses its algorithm by itself, each time the same one: by the shapes and the scratch
 * memory that it is given. */
#include "rocblas.h"

typedef union number {
    float f;
    double d;
} number;

typedef struct blas_plan {
    tn_plan head;
    char implementation[40];
    tn_device *device;
    const rocm_blas *blas;
    gpu_blas_product product;
    rocblas_datatype type;
    number one, zero;
} blas_plan;

static void destroy(tn_plan *head)
{
    gpu_host->free(head);
}

static rocblas_operation operation_of(const gpu_blas_matrix *m)
{
    return m->transposed ? rocblas_operation_transpose : rocblas_operation_none;
}

static rocblas_status multiply(const blas_plan *p, const void *a, const void *b, void *d)
{
    const gpu_blas_matrix *of_a = &p->product.a, *of_b = &p->product.b, *of_d = &p->product.d;
    return p->blas->call->rocblas_gemm_strided_batched_ex(
        p->blas->handle, operation_of(of_a), operation_of(of_b), (rocblas_int)of_d->rows, (rocblas_int)of_d->columns,
        (rocblas_int)p->product.inner, &p->one, a, p->type, (rocblas_int)of_a->leading, of_a->batch_stride, b, p->type,
        (rocblas_int)of_b->leading, of_b->batch_stride, &p->zero, d, p->type, (rocblas_int)of_d->leading,
        of_d->batch_stride, d, p->type, (rocblas_int)of_d->leading, of_d->batch_stride, (rocblas_int)p->product.batch,
        p->type, rocblas_gemm_algo_standard, 0, rocblas_gemm_flags_none);
}

#define BLAS_TRY(result, doing) GPU_TRY(rocm_blas_status(blas->call, (result), (doing), error))

/* ---- executing */

static tn_status queue(const blas_plan *plan, GPU(Stream_t) stream, const tn_bindings *at, tn_error *error)
{
    const rocm_blas *blas = plan->blas;
    BLAS_TRY(blas->call->rocblas_set_stream(blas->handle, stream), "giving rocBLAS the stream");
    BLAS_TRY(blas->call->rocblas_set_workspace(blas->handle, at->workspace, plan->head.workspace_bytes),
             "giving rocBLAS scratch memory");
    BLAS_TRY(multiply(plan, at->in[plan->product.a.input], at->in[plan->product.b.input], at->out[0]),
             "queueing a product of rocBLAS");
    return TN_OK;
}

/* rocBLAS looks at the stream that it has when it is given another, by when that one may be gone. */
static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *at, tn_error *error)
{
    const blas_plan *plan = (const blas_plan *)head;
    GPU_TRY(gpu_use(plan->device, error));
    gpu_library_lock(GPU_BLAS);
    tn_status status = queue(plan, gpu_stream_for(stream, plan->implementation), at, error);
    (void)plan->blas->call->rocblas_set_stream(plan->blas->handle, NULL);
    gpu_library_unlock(GPU_BLAS);
    return status;
}

/* ---- making */

/* Asks for the scratch memory of the algorithm that is liked best; with less, rocBLAS takes another. */
static tn_status ask(blas_plan *plan, tn_error *error)
{
    const rocm_blas *blas = plan->blas;
    size_t bytes = 0;
    BLAS_TRY(blas->call->rocblas_start_device_memory_size_query(blas->handle), "asking rocBLAS for scratch memory");
    rocblas_status found = multiply(plan, NULL, NULL, NULL);
    BLAS_TRY(blas->call->rocblas_stop_device_memory_size_query(blas->handle, &bytes),
             "asking rocBLAS for scratch memory");
    if (found != rocblas_status_size_increased && found != rocblas_status_size_unchanged)
        BLAS_TRY(found, "asking rocBLAS for a product");
    plan->head.workspace_bytes = bytes < ROCM_BLAS_MOST_WORKSPACE ? bytes : ROCM_BLAS_MOST_WORKSPACE;
    return TN_OK;
}

static void fill_in(blas_plan *plan, tn_device *device, const rocm_blas *blas, const gpu_blas_product *product,
                    const tn_op_desc *desc)
{
    const int single = desc->out[0]->dtype == TN_F32;
    *plan = (blas_plan){.head = {.struct_size = sizeof plan->head,
                                 .execute = execute,
                                 .destroy = destroy,
                                 .implementation = plan->implementation,
                                 .flops = gpu_blas_operations(product, desc),
                                 .bytes_moved = gpu_bytes_moved(desc),
                                 .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE | TN_PLAN_CONCURRENT},
                        .device = device,
                        .blas = blas,
                        .product = *product,
                        .type = single ? rocblas_datatype_f32_r : rocblas_datatype_f64_r};
    if (single)
        plan->one.f = 1;
    else
        plan->one.d = 1;
    snprintf(plan->implementation, sizeof plan->implementation, "rocblas:%s", single ? "f32" : "f64");
}

tn_status rocm_blas_plan(tn_device *device, const rocm_blas *blas, const gpu_blas_product *product,
                         const tn_op_desc *desc, tn_plan **out, tn_error *error)
{
    blas_plan *plan = gpu_host->alloc(sizeof *plan, 64);
    if (!plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no host memory for a plan", desc->name);
    fill_in(plan, device, blas, product, desc);
    tn_status status = gpu_use(device, error);
    gpu_library_lock(GPU_BLAS);
    if (status == TN_OK) status = ask(plan, error);
    gpu_library_unlock(GPU_BLAS);
    if (status == TN_OK)
        *out = &plan->head;
    else
        destroy(&plan->head);
    return status;
}
