/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing an engine: cuDNN's heuristics propose configurations, best first; the first one that computes as we want and can
 * be made a plan is taken, or the first behind one that was looked at before. */
#include "dnn_plan.h"

#include <string.h>

/* On an H100 two dozen configurations with TF32 come before the first that computes in f32. */
enum { MOST_CANDIDATES = 100, MOST_OPERANDS = 4 };

/* What heuristics are asked, in turn. B proposes what A does, in another order: where A has something, it is left out. */
static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK};
enum { MODES = sizeof modes / sizeof *modes };

typedef struct dnn_plan {
    tn_plan head;
    char implementation[40];
    tn_device *device;
    const cu_dnn *dnn;
    dnn_graph graph; /* all that the plan is made of */
    cudnnBackendDescriptor_t plan;
    int64_t names[MOST_OPERANDS]; /* of in[0], in[1], ..., out[0] */
    int n_in;
} dnn_plan;

static void destroy(tn_plan *head)
{
    dnn_plan *plan = (dnn_plan *)head;
    dnn_release(&plan->graph, 0);
    gpu_host->free(plan);
}

/* ---- executing */

static void run(const dnn_plan *plan, dnn_graph *work, cudaStream_t stream, const tn_bindings *at)
{
    void *addresses[MOST_OPERANDS], *workspace = at->workspace;
    const cu_dnn_calls *call = work->call;
    for (int i = 0; i < plan->n_in; i++) addresses[i] = at->in[i];
    addresses[plan->n_in] = at->out[0];
    cudnnBackendDescriptor_t pack = dnn_make(work, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    dnn_set(work, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, plan->n_in + 1, plan->names);
    dnn_set(work, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, plan->n_in + 1, addresses);
    dnn_set(work, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
    dnn_finalize(work, pack, "the addresses of a convolution");
    if (work->status) return;
    work->status =
        cu_dnn_status(call, call->cudnnSetStream(plan->dnn->handle, stream), "giving cuDNN the stream", &work->error);
    if (work->status) return;
    work->status = cu_dnn_status(call, call->cudnnBackendExecute(plan->dnn->handle, plan->plan, pack),
                                 "queueing a convolution of cuDNN", &work->error);
}

static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *at, tn_error *error)
{
    const dnn_plan *plan = (const dnn_plan *)head;
    dnn_graph work;
    GPU_TRY(gpu_use(plan->device, error));
    dnn_begin(&work, plan->dnn->call);
    gpu_library_lock(GPU_DNN);
    run(plan, &work, gpu_stream_for(stream, plan->implementation), at);
    dnn_release(&work, 0);
    gpu_library_unlock(GPU_DNN);
    return work.status ? gpu_pass_on(work.status, &work.error, error) : TN_OK;
}

/* ---- choosing */

/* What an engine does to numbers. REFUSED: its results are not the same each time, or not as exact as those of a plain
 * sum; Winograd's and Fourier's also carry a NaN or an infinity to places that it has no part in. */
typedef enum exactness { IN_F32, IN_TF32, REFUSED } exactness;

static exactness exactness_of_note(cudnnBackendNumericalNote_t note)
{
    switch (note) {
    case CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP: return IN_F32;
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS: return IN_TF32;
    default: return REFUSED;
    }
}

/* The worst of its notes. */
static exactness exactness_of(dnn_graph *graph, cudnnBackendDescriptor_t engine)
{
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    exactness worst = IN_F32;
    int64_t n = dnn_get(graph, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                        CUDNN_NUMERICAL_NOTE_TYPE_COUNT, notes);
    for (int64_t i = 0; i < n && i < CUDNN_NUMERICAL_NOTE_TYPE_COUNT; i++)
        if (exactness_of_note(notes[i]) > worst) worst = exactness_of_note(notes[i]);
    return graph->status == TN_OK ? worst : REFUSED;
}

/* Tells a plan which GPU it is for. */
static void set_device(dnn_plan *plan, cudnnBackendDescriptor_t it)
{
    if (!plan->dnn->described)
        dnn_set(&plan->graph, it, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &plan->dnn->handle);
    else
        dnn_set_descriptor(&plan->graph, it, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, plan->dnn->described);
}

/* Makes a configuration the plan if it suits; 0 if not, with nothing left behind. */
static int take(dnn_plan *plan, cudnnBackendDescriptor_t config, int tf32)
{
    dnn_graph *graph = &plan->graph;
    const int mark = graph->n_owned;
    int64_t workspace = 0, index = 0;
    cudnnBackendDescriptor_t engine = dnn_make(graph, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    dnn_get(graph, config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine);
    exactness exact = exactness_of(graph, engine);
    if (exact <= (tf32 ? IN_TF32 : IN_F32)) {
        cudnnBackendDescriptor_t it = dnn_make(graph, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        dnn_set_descriptor(graph, it, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
        set_device(plan, it);
        dnn_finalize(graph, it, "a plan");
        dnn_get(graph, it, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &workspace);
        dnn_get(graph, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &index);
        if (!graph->status && workspace >= 0 && workspace <= CU_DNN_MOST_WORKSPACE) {
            plan->plan = it;
            plan->head.workspace_bytes = (uint64_t)workspace;
            snprintf(plan->implementation, sizeof plan->implementation, "cudnn:engine %lld %s", (long long)index,
                     exact == IN_TF32 ? "tf32" : "f32");
            return 1;
        }
    }
    dnn_forgive(graph);
    dnn_release(graph, mark);
    return 0;
}

/* Tries what one heuristic proposes, from the proposal `begin` on; returns which became the plan, -1: none. */
static int ask(dnn_plan *plan, cudnnBackendDescriptor_t operations, cudnnBackendHeurMode_t mode, int begin, int tf32)
{
    dnn_graph *graph = &plan->graph;
    const int mark = graph->n_owned;
    cudnnBackendDescriptor_t configs[MOST_CANDIDATES];
    cudnnBackendDescriptor_t it = dnn_make(graph, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    dnn_set_descriptor(graph, it, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operations);
    dnn_set(graph, it, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    if (plan->dnn->described) dnn_set_descriptor(graph, it, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, plan->dnn->described);
    dnn_finalize(graph, it, "a heuristic");
    for (int i = 0; i < MOST_CANDIDATES; i++) configs[i] = dnn_make(graph, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    int64_t n =
        dnn_get(graph, it, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, MOST_CANDIDATES, configs);
    for (int i = begin; i < n && i < MOST_CANDIDATES; i++)
        if (take(plan, configs[i], tf32)) return i;
    dnn_forgive(graph);
    dnn_release(graph, mark);
    return -1;
}

/* Positions of a heuristic begin at a multiple of MOST_CANDIDATES. */
static tn_status choose(dnn_plan *plan, gpu_dnn_kind kind, const gpu_dnn_conv *conv, int tf32, int *position,
                        tn_error *error)
{
    dnn_graph *graph = &plan->graph;
    cudnnBackendDescriptor_t operations[DNN_MOST_OPERATIONS];
    const int n = dnn_conv_operations(graph, kind, conv, operations), begin = *position;
    cudnnBackendDescriptor_t it = dnn_make(graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    dnn_set(graph, it, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, n, operations);
    if (!plan->dnn->described)
        dnn_set(graph, it, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &plan->dnn->handle);
    dnn_finalize(graph, it, "a graph");
    if (graph->status) return gpu_pass_on(graph->status, &graph->error, error);
    for (int i = begin / MOST_CANDIDATES; i < MODES; i++) {
        const int first = i * MOST_CANDIDATES, a_has_something = begin > 0 && begin < MOST_CANDIDATES;
        if (modes[i] == CUDNN_HEUR_MODE_B && a_has_something) continue;
        const int found = ask(plan, it, modes[i], begin > first ? begin - first : 0, tf32);
        if (found < 0) continue;
        *position = first + found;
        return TN_OK;
    }
    return tn_fail(error, TN_UNSUPPORTED, 0, "cuDNN has no %sengine for this graph of %d operation%s in %s",
                   begin ? "further " : "", n, n == 1 ? "" : "s", tf32 ? "TF32" : "f32");
}

tn_status dnn_plan_create(tn_device *device, const cu_dnn *dnn, gpu_dnn_kind kind, const gpu_dnn_conv *conv, int tf32,
                          int *position, tn_plan **out, tn_error *error)
{
    static const int64_t names[] = {DNN_IN_0, DNN_IN_1, DNN_IN_2};
    GPU_TRY(gpu_use(device, error));
    dnn_plan *plan = gpu_host->alloc(sizeof *plan, 64);
    if (!plan) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory for a plan of cuDNN");
    *plan = (dnn_plan){.head = {.struct_size = sizeof plan->head,
                                .execute = execute,
                                .destroy = destroy,
                                .implementation = plan->implementation,
                                .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE},
                       .device = device,
                       .dnn = dnn,
                       .n_in = conv->bias ? 3 : 2};
    memcpy(plan->names, names, (size_t)plan->n_in * sizeof *names);
    plan->names[plan->n_in] = DNN_OUT;
    dnn_begin(&plan->graph, dnn->call);
    gpu_library_lock(GPU_DNN);
    tn_status status = choose(plan, kind, conv, tf32, position, error);
    if (status != TN_OK)
        destroy(&plan->head);
    else
        *out = &plan->head;
    gpu_library_unlock(GPU_DNN);
    return status;
}
