/* SPDX-License-Identifier: Apache-2.0
 *
 * Trials of plans. */
#include "trial.h"

#include <math.h>
#include <stdlib.h>

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

/* A plan, and what it works on. */
typedef struct trial {
    tn_device *device;
    const tn_plan *plan;
    tn_stream *stream;
    tn_event *begin, *end; /* NULL: it is not timed */
    char *memory;
    void *operands[MOST_OPERANDS];
    tn_bindings bindings;
} trial;

static tn_status set_up(trial *t, const tn_op_desc *desc, int timed, tn_error *error)
{
    const layout at = lay_out(desc, t->plan);
    void *memory = NULL;
    GPU_TRY(gpu_stream_create(t->device, &t->stream, error));
    if (timed) GPU_TRY(gpu_event_create(t->device, &t->begin, error));
    if (timed) GPU_TRY(gpu_event_create(t->device, &t->end, error));
    GPU_TRY(gpu_memory_alloc(t->device, TN_MEMORY_DEVICE, at.bytes, &memory, error));
    t->memory = memory;
    for (uint64_t i = 0; i < MOST_OPERANDS; i++)
        if (at.operands[i].used) t->operands[i] = t->memory + at.operands[i].offset;
    t->bindings = (tn_bindings){.struct_size = sizeof t->bindings,
                                .in = t->operands,
                                .out = t->operands + desc->n_in,
                                .workspace = t->plan->workspace_bytes ? t->memory + at.workspace : NULL};
    return gpu_memory_fill(t->device, t->stream, t->memory, 0xff, at.bytes, error);
}

static void clear_away(trial *t)
{
    gpu_event_destroy(t->device, t->begin);
    gpu_event_destroy(t->device, t->end);
    gpu_stream_destroy(t->device, t->stream);
    if (t->memory) gpu_memory_free(t->device, TN_MEMORY_DEVICE, t->memory);
}

static tn_status check_nan(trial *t, tn_dtype dtype, tn_error *error)
{
    float single = 0;
    double number = 0;
    void *first = dtype == TN_F32 ? (void *)&single : (void *)&number;
    GPU_TRY(
        gpu_memory_copy(t->device, t->stream, first, t->bindings.out[0], tn_dtype_size(dtype), TN_COPY_TO_HOST, error));
    GPU_TRY(gpu_stream_sync(t->device, t->stream, error));
    if (dtype == TN_F32) number = (double)single;
    return isnan(number) ? TN_OK
                         : tn_fail(error, TN_UNSUPPORTED, 0, "%s makes %g of NaN", t->plan->implementation, number);
}

/* ---- time */

static tn_status sample(trial *t, uint64_t times, uint64_t *nanoseconds, tn_error *error)
{
    GPU_TRY(gpu_event_record(t->device, t->begin, t->stream, error));
    for (uint64_t i = 0; i < times; i++) GPU_TRY(t->plan->execute(t->plan, t->stream, &t->bindings, error));
    GPU_TRY(gpu_event_record(t->device, t->end, t->stream, error));
    GPU_TRY(gpu_stream_sync(t->device, t->stream, error));
    GPU_TRY(gpu_event_elapsed(t->device, t->begin, t->end, nanoseconds, error));
    *nanoseconds /= times;
    return TN_OK;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What takes little is done several times between two events, whose own time would count otherwise. */
static tn_status measure(trial *t, uint64_t *nanoseconds, tn_error *error)
{
    enum { SAMPLES = 7, MOST_TIMES = 50, LONG_ENOUGH = 100000 };
    uint64_t once = 0, samples[SAMPLES];
    GPU_TRY(sample(t, 1, &once, error));
    uint64_t times = LONG_ENOUGH / (once + 1) + 1;
    if (times > MOST_TIMES) times = MOST_TIMES;
    for (int i = 0; i < SAMPLES; i++) GPU_TRY(sample(t, times, &samples[i], error));
    qsort(samples, SAMPLES, sizeof *samples, by_size);
    *nanoseconds = samples[SAMPLES / 2];
    return TN_OK;
}

static tn_status run(trial *t, const tn_op_desc *desc, int keeps_nan, uint64_t *nanoseconds, tn_error *error)
{
    GPU_TRY(t->plan->execute(t->plan, t->stream, &t->bindings, error));
    GPU_TRY(gpu_stream_sync(t->device, t->stream, error));
    if (keeps_nan) GPU_TRY(check_nan(t, desc->out[0]->dtype, error));
    return nanoseconds ? measure(t, nanoseconds, error) : TN_OK;
}

tn_status gpu_trial(tn_device *device, const tn_op_desc *desc, const tn_plan *plan, int keeps_nan,
                    uint64_t *nanoseconds, tn_error *error)
{
    trial t = {.device = device, .plan = plan};
    tn_status status = set_up(&t, desc, nanoseconds != NULL, error);
    if (status == TN_OK)
        status = run(&t, desc, keeps_nan, nanoseconds, error);
    else if (status == TN_OUT_OF_MEMORY && !keeps_nan)
        status = TN_OK; /* then it is used untried */
    clear_away(&t);
    return status;
}
