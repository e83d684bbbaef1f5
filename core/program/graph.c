/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays as one launch, on devices that have the extension tenon.graph. A graph keeps the addresses that it was recorded
 * with. An input that is given at another address than last time is therefore copied to a place of its own first, until
 * it has stayed at one address for a while: then the graph is updated to take it from there. */
#include "program/build.h"

#include <stdlib.h>
#include <string.h>

enum { SETTLED = 16 }; /* runs; recording once more costs as much as copying a few times */

typedef struct staged_input {
    void *seen;        /* where it lay last time; NULL: not seen yet */
    tn_tensor *staged; /* held: its place while it moves; else NULL */
    uint64_t bytes;    /* from its first element to its last */
    int stayed;        /* runs since it moved last, at most SETTLED */
} staged_input;

struct tn_graph_run {
    const tn_graph_api *api;
    tn_dev *dev;
    tn_graph *graph;   /* NULL: to be recorded */
    bool outdated;     /* some input is to be taken from elsewhere than the graph does */
    char why_not[400]; /* why there will never be one; "" if there may be */
    uint64_t runs;
    staged_input *inputs;
};

static void give_up(tn_graph_run *run, const char *format, ...) TN_PRINTF(2, 3);

static void give_up(tn_graph_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!run->why_not[0]) vsnprintf(run->why_not, sizeof run->why_not, format, args);
    va_end(args);
}

/* ---- opening */

static bool wanted(tn_graph_run *run)
{
    const char *text = secure_getenv("TENON_GRAPH");
    if (!text || !*text || strcmp(text, "on") == 0) return true;
    if (strcmp(text, "off") == 0)
        give_up(run, "TENON_GRAPH is off");
    else
        tn_log_line(TN_LOG_WARN, "TENON_GRAPH is \"%s\", not on or off; it is ignored", text);
    return !run->why_not[0];
}

static void find_extension(tn_graph_run *run, const tn_built *built)
{
    run->dev = built->n_execs ? built->execs[0].step->dev : NULL;
    const tn_graph_api *api = run->dev ? run->dev->plugin->get_extension(TN_EXTENSION_GRAPH, 1) : NULL;
    if (!run->dev)
        give_up(run, "there is nothing to do");
    else if (!api || !TN_HAS_FIELD(api, tn_graph_api, destroy))
        give_up(run, "%s has no extension %s", run->dev->backend->name, TN_EXTENSION_GRAPH);
    run->api = api;
}

static void check_steps(tn_graph_run *run, const tn_built *built)
{
    for (int i = 0; i < built->n_execs && !run->why_not[0]; i++) {
        const tn_exec *exec = &built->execs[i];
        if (exec->step->fell_back)
            give_up(run, "%s runs on another backend", exec->step->op->name);
        else if (exec->step->dev != run->dev)
            give_up(run, "it runs on several devices");
        else if (!(exec->plan->flags & TN_PLAN_CAPTURE_SAFE))
            give_up(run, "the device's plan of %s cannot be recorded", exec->step->op->name);
    }
}

static uint64_t span(const tn_tensor_desc *desc)
{
    int64_t last = 0;
    for (uint32_t d = 0; d < desc->rank; d++) last += (desc->dims[d] - 1) * desc->strides[d];
    return tn_desc_numel(desc) ? (uint64_t)(last + 1) * tn_dtype_size(desc->dtype) : 0;
}

static tn_graph_run *open_run(const tn_built *built)
{
    tn_graph_run *run = calloc(1, sizeof *run);
    if (!run) return NULL;
    run->inputs = calloc((size_t)built->recorded.n_in + 1, sizeof *run->inputs);
    if (!run->inputs)
        give_up(run, "there was no host memory");
    else if (wanted(run))
        find_extension(run, built);
    if (!run->why_not[0]) check_steps(run, built);
    return run;
}

/* Until launches and copies that were queued have ended. */
static void wait_for_device(const tn_graph_run *run)
{
    if (!(run->dev->info.flags & TN_DEVICE_SYNCHRONOUS)) tn__sync(run->dev);
}

static void drop_graph(tn_graph_run *run)
{
    if (!run->graph) return;
    wait_for_device(run);
    run->api->destroy(run->dev->handle, run->graph);
    run->graph = NULL;
}

void tn__graph_release(tn_built *built)
{
    tn_graph_run *run = built->graph;
    if (!run) return;
    drop_graph(run);
    for (int i = 0; run->inputs && i < built->recorded.n_in; i++) tn_release(run->inputs[i].staged);
    free(run->inputs);
    free(run);
    built->graph = NULL;
}

/* ---- inputs */

/* Gives the input a place of its own. */
static bool stage(tn_graph_run *run, const tn_built *built, int i, tn_tensor *x)
{
    staged_input *input = &run->inputs[i];
    tn_tensor_desc desc;
    input->bytes = span(&x->desc);
    if (built->writes_input[i]) {
        give_up(run, "input %d, which a run changes, lies elsewhere each time", i);
        return false;
    }
    tn_mark mark = tn_begin(built->tn);
    if (tn__desc(built->tn, &desc, TN_U8, TN_SHAPE((int64_t)input->bytes)))
        input->staged = tn_retain(tn__new(run->dev, &desc));
    tn_end(built->tn, mark, NULL);
    run->outdated = true;
    if (tn_check(built->tn) == TN_OK) return true;
    tn_release(input->staged);
    input->staged = NULL;
    give_up(run, "there was no memory to keep input %d in", i);
    return false;
}

static void unstage(tn_graph_run *run, staged_input *input)
{
    wait_for_device(run);
    tn_release(input->staged);
    input->staged = NULL;
    run->outdated = true;
}

static bool settle_input(tn_graph_run *run, const tn_built *built, int i, tn_tensor *x)
{
    staged_input *input = &run->inputs[i];
    void *data = tn__data(x);
    bool moved = run->runs > 0 && data != input->seen;
    input->seen = data;
    if (moved)
        input->stayed = 0;
    else if (input->stayed < SETTLED)
        input->stayed++;
    if (moved && !input->staged) return !span(&x->desc) || stage(run, built, i, x);
    if (input->staged && input->stayed == SETTLED) unstage(run, input);
    return true;
}

/* Has each input a known place? False also in the first run, when nothing is known yet. */
static bool settle_inputs(tn_graph_run *run, const tn_built *built, tn_tensor *const *in)
{
    for (int i = 0; i < built->recorded.n_in; i++)
        if (!settle_input(run, built, i, in[i])) return false;
    return run->runs++ > 0;
}

static tn_status copy_inputs(const tn_graph_run *run, const tn_built *built, tn_error *error)
{
    tn_status status = TN_OK;
    for (int i = 0; status == TN_OK && i < built->recorded.n_in; i++) {
        const staged_input *input = &run->inputs[i];
        if (input->staged)
            status = run->dev->plugin->memory_copy(run->dev->handle, run->dev->stream, tn__data(input->staged),
                                                   input->seen, input->bytes, TN_COPY_ON_DEVICE, error);
    }
    return status;
}

/* ---- recording and launching */

static void bind_staged(const tn_graph_run *run, const tn_built *built)
{
    for (int i = 0; i < built->n_patches; i++) {
        const tn_patch *patch = &built->patches[i];
        tn_tensor *staged = run->inputs[patch->input].staged;
        if (staged) *patch->at = (char *)tn__data(staged) + patch->offset;
    }
}

static tn_status queue_all(const tn_built *built, tn_error *error)
{
    tn_status status = TN_OK;
    for (int i = 0; status == TN_OK && i < built->n_execs; i++) {
        const tn_exec *exec = &built->execs[i];
        status = exec->plan->execute(exec->plan, exec->stream, &exec->bindings, error);
    }
    return status;
}

/* Queues all steps for the graph instead of the device. Where there is a graph already, it becomes the new one. */
static tn_status capture(tn_graph_run *run, const tn_built *built, tn_error *error)
{
    tn_error ignored = TN_ERROR_INIT;
    tn_device *device = run->dev->handle;
    tn_stream *stream = run->dev->stream;
    tn_graph *unused = NULL;
    tn_status status = run->api->begin(device, stream, error);
    if (status != TN_OK) return status;
    status = queue_all(built, error);
    if (status != TN_OK) {
        if (run->api->end(device, stream, &unused, &ignored) == TN_OK) run->api->destroy(device, unused);
        return status;
    }
    return run->graph ? run->api->update(device, stream, run->graph, error)
                      : run->api->end(device, stream, &run->graph, error);
}

static bool record(tn_graph_run *run, const tn_built *built)
{
    tn_error error = TN_ERROR_INIT;
    tn__built_bind_inputs(built);
    bind_staged(run, built);
    if (run->graph) wait_for_device(run);
    tn_status status = capture(run, built, &error);
    if (status != TN_OK && run->graph) {
        tn_log_line(TN_LOG_DEBUG, "a program's graph is made anew on %s: %s", run->dev->name, error.message);
        drop_graph(run);
        status = capture(run, built, &error);
    }
    run->outdated = false;
    if (status == TN_OK) return true;
    run->graph = NULL;
    give_up(run, "recording it failed: %s", error.message);
    tn_log_line(TN_LOG_WARN, "a program is not launched as one graph on %s: %s", run->dev->name, error.message);
    return false;
}

bool tn__graph_run(tn_built *built, tn_tensor *const *in, tn_status *status, tn_error *error)
{
    if (!built->graph) built->graph = open_run(built);
    tn_graph_run *run = built->graph;
    if (!run || run->why_not[0] || !settle_inputs(run, built, in)) return false;
    if ((!run->graph || run->outdated) && !record(run, built)) return false;
    *status = copy_inputs(run, built, error);
    if (*status == TN_OK) *status = run->api->launch(run->dev->handle, run->graph, run->dev->stream, error);
    return true;
}

const char *tn__graph_why_not(const tn_built *built)
{
    const tn_graph_run *run = built->graph;
    if (!run) return "it has not been replayed yet";
    return run->graph ? NULL : run->why_not[0] ? run->why_not : "it has not been replayed twice yet";
}
