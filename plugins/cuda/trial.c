/* SPDX-License-Identifier: Apache-2.0
 *
 * Trials of plans. */
#include "trial.h"

#include <math.h>

enum { MOST_OPERANDS = 8, ALIGNMENT = 256 };

typedef struct place {
    uint64_t offset;
    int used;
} place;

typedef struct layout {
    place operands[MOST_OPERANDS]; /* inputs, then outputs */
    uint64_t workspace, bytes;
} layout;

/* From the first element to the last. */
static uint64_t span_of(const tn_tensor_desc *t)
{
    int64_t last = 0;
    for (uint32_t d = 0; d < t->rank; d++) last += (t->dims[d] > 0 ? t->dims[d] - 1 : 0) * t->strides[d];
    return (uint64_t)(last + 1) * tn_dtype_size(t->dtype);
}

/* No operand lies better aligned than its descriptor promises. */
static layout lay_out(const tn_op_desc *desc, const tn_plan *plan)
{
    layout all = {.bytes = 0};
    for (uint64_t i = 0; i < desc->n_in + desc->n_out; i++) {
        const tn_tensor_desc *t = i < desc->n_in ? desc->in[i] : desc->out[i - desc->n_in];
        if (!t) continue;
        all.operands[i] = (place){all.bytes + (t->alignment < ALIGNMENT ? t->alignment : 0), 1};
        all.bytes = (all.operands[i].offset + span_of(t) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    all.workspace = all.bytes;
    all.bytes += plan->workspace_bytes;
    return all;
}

static tn_status check_nan(tn_device *device, tn_stream *stream, const void *y, tn_dtype dtype, const tn_plan *plan,
                           tn_error *error)
{
    float single = 0;
    double number = 0;
    void *first = dtype == TN_F32 ? (void *)&single : (void *)&number;
    GPU_TRY(gpu_memory_copy(device, stream, first, y, tn_dtype_size(dtype), TN_COPY_TO_HOST, error));
    GPU_TRY(gpu_stream_sync(device, stream, error));
    if (dtype == TN_F32) number = (double)single;
    return isnan(number) ? TN_OK
                         : tn_fail(error, TN_UNSUPPORTED, 0, "%s makes %g of NaN", plan->implementation, number);
}

static tn_status run(tn_device *device, tn_stream *stream, char *memory, const layout *at, const tn_op_desc *desc,
                     const tn_plan *plan, int keeps_nan, tn_error *error)
{
    void *operands[MOST_OPERANDS] = {NULL};
    for (uint64_t i = 0; i < MOST_OPERANDS; i++)
        if (at->operands[i].used) operands[i] = memory + at->operands[i].offset;
    const tn_bindings bindings = {.struct_size = sizeof bindings,
                                  .in = operands,
                                  .out = operands + desc->n_in,
                                  .workspace = plan->workspace_bytes ? memory + at->workspace : NULL};
    GPU_TRY(gpu_memory_fill(device, stream, memory, 0xff, at->bytes, error));
    GPU_TRY(plan->execute(plan, stream, &bindings, error));
    return keeps_nan ? check_nan(device, stream, bindings.out[0], desc->out[0]->dtype, plan, error)
                     : gpu_stream_sync(device, stream, error);
}

tn_status cu_trial(tn_device *device, const tn_op_desc *desc, const tn_plan *plan, int keeps_nan, tn_error *error)
{
    tn_stream *stream = NULL;
    void *memory = NULL;
    const layout at = lay_out(desc, plan);
    tn_status status = gpu_stream_create(device, &stream, error);
    if (status == TN_OK) status = gpu_memory_alloc(device, TN_MEMORY_DEVICE, at.bytes, &memory, error);
    if (status == TN_OK) status = run(device, stream, memory, &at, desc, plan, keeps_nan, error);
    if (status == TN_OUT_OF_MEMORY && !keeps_nan) status = TN_OK; /* then it is used untried */
    gpu_stream_destroy(device, stream);
    if (memory) gpu_memory_free(device, TN_MEMORY_DEVICE, memory);
    return status;
}
