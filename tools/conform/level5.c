/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 5: extensions. What tenon.graph records and launches must do what the same work does when it is queued. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { SIDE = 8, BYTES = SIDE * SIDE * sizeof(float), RESULTS = RIG_OPS + 2, UNTOUCHED = 0x11 };

/* A device, its graphs, and a sequence of work: each operator on inputs of its own, its result copied; the last
 * result but one is filled, overwritten in part by the first, and copied to the last, so that order matters. */
typedef struct stage {
    rig r;
    const tn_graph_api *graphs;
    tn_stream *stream; /* that is recorded; the rig's own looks on */
    rig_use uses[RIG_OPS];
    char *results; /* RESULTS of BYTES each, in device memory */
    int n;         /* operators that can be recorded */
} stage;

/* ---- asking */

static const tn_graph_api *find_graphs(conform_run *run, const tn_plugin *plugin)
{
    const tn_graph_api *api = plugin->get_extension(TN_EXTENSION_GRAPH, 1);
    if (!api)
        conform_skip(run, "it does not offer " TN_EXTENSION_GRAPH);
    else if (!TN_HAS_FIELD(api, tn_graph_api, destroy))
        conform_fail(run, TN_EXTENSION_GRAPH " claims a size of %llu bytes, fewer than version 1 has",
                     (unsigned long long)api->struct_size);
    else if (!api->begin || !api->end || !api->update || !api->launch || !api->destroy)
        conform_fail(run, TN_EXTENSION_GRAPH " has no %s",
                     !api->begin    ? "begin"
                     : !api->end    ? "end"
                     : !api->update ? "update"
                     : !api->launch ? "launch"
                                    : "destroy");
    else
        return api;
    return NULL;
}

static void unknown(conform_run *run)
{
    static const struct {
        const char *name;
        uint32_t version;
    } none[] = {{"tenon.conform.none", 1},
                {"", 1},
                {TN_EXTENSION_GRAPH, 0},
                {TN_EXTENSION_GRAPH, UINT32_MAX},
                {"tenon.graphs", 1}};
    const tn_plugin *plugin = conform_load(run);
    for (size_t i = 0; plugin && i < sizeof none / sizeof *none; i++) {
        if (plugin->get_extension(none[i].name, none[i].version))
            conform_fail(run, "get_extension gave something for version %u of \"%s\"", none[i].version, none[i].name);
        run->compared++;
    }
    if (plugin && plugin->get_extension(TN_EXTENSION_GRAPH, 1) != plugin->get_extension(TN_EXTENSION_GRAPH, 1))
        conform_fail(run, "get_extension gave another table of " TN_EXTENSION_GRAPH " when it was asked again");
}

/* ---- the stage */

static void stage_close(stage *s)
{
    for (int i = 0; i < s->n; i++) rig_plan_close(&s->uses[i]);
    if (s->stream) s->r.d.plugin->stream_destroy(s->r.d.handle, s->stream);
    rig_close(&s->r);
}

/* Keeps the operators whose plans can be recorded. */
static bool make_uses(stage *s)
{
    for (int i = 0; i < RIG_OPS; i++) {
        rig_use *use = &s->uses[s->n];
        if (!rig_plan(&s->r, use, i, SIDE, SIDE, 1)) continue;
        if (!(use->plan->flags & TN_PLAN_CAPTURE_SAFE))
            rig_plan_close(use);
        else if (s->n++, !rig_bind(&s->r, use))
            return false;
    }
    return true;
}

static bool stage_open(conform_run *run, stage *s)
{
    *s = (stage){.n = 0};
    if (!rig_open(run, &s->r, false)) return false;
    s->graphs = find_graphs(run, s->r.d.plugin);
    s->results = s->graphs ? rig_alloc(&s->r, TN_MEMORY_DEVICE, RESULTS * BYTES) : NULL;
    if (s->results && (s->stream = rig_stream(&s->r)) && make_uses(s)) return true;
    stage_close(s);
    return false;
}

static char *result(const stage *s, int i)
{
    return s->results + (size_t)i * BYTES;
}

/* Queues the sequence. */
static bool perform(stage *s, tn_stream *stream)
{
    rig *r = &s->r;
    bool ok = rig_fill(r, stream, result(s, RIG_OPS), 0x77, BYTES);
    for (int i = 0; ok && i < s->n; i++) {
        const rig_use *use = &s->uses[i];
        const int output = use->n_out ? use->n_in : 0;
        ok = rig_execute(r, use, stream) &&
             rig_copy(r, stream, result(s, i), use->data[output], rig_bytes(&use->desc[output]), TN_COPY_ON_DEVICE);
    }
    return ok && (!s->n || rig_copy(r, stream, result(s, RIG_OPS), result(s, 0), BYTES / 2, TN_COPY_ON_DEVICE)) &&
           rig_copy(r, stream, result(s, RIG_OPS + 1), result(s, RIG_OPS), BYTES, TN_COPY_ON_DEVICE) &&
           rig_fill(r, stream, result(s, RIG_OPS), 0x55, 3);
}

/* Other inputs, and results that nobody has touched. */
static bool prepare(stage *s, unsigned seed)
{
    rig *r = &s->r;
    bool ok = rig_fill(r, r->d.stream, s->results, UNTOUCHED, RESULTS * BYTES) && rig_sync(r, r->d.stream);
    for (int i = 0; ok && i < s->n; i++) {
        const rig_use *use = &s->uses[i];
        for (int k = use->n_in; ok && k < use->n_in + use->n_out; k++)
            ok = rig_fill(r, r->d.stream, use->data[k], UNTOUCHED, rig_bytes(&use->desc[k]));
        ok = ok && rig_draw(r, use, seed);
    }
    return ok;
}

/* What the sequence gives with these inputs when it is queued. */
static bool eager(stage *s, unsigned seed, unsigned char *bytes)
{
    return prepare(s, seed) && perform(s, s->r.d.stream) && rig_get(&s->r, bytes, s->results, RESULTS * BYTES);
}

static bool equal(stage *s, const unsigned char *bytes, const char *when)
{
    unsigned char found[RESULTS * BYTES];
    if (!rig_get(&s->r, found, s->results, sizeof found)) return false;
    s->r.run->compared++;
    for (size_t i = 0; i < sizeof found; i++)
        if (found[i] != bytes[i]) {
            const size_t which = i / BYTES;
            return conform_fail(s->r.run, "%s, %s is not, bit for bit, what the same work gives when it is queued",
                                when,
                                which < (size_t)s->n ? s->uses[which].op
                                : which < RIG_OPS    ? "what nothing wrote to"
                                : which > RIG_OPS    ? "a copy"
                                                     : "what a fill and a copy wrote to");
        }
    return true;
}

/* ---- recording */

static bool begin(stage *s)
{
    tn_error why = {.struct_size = sizeof why};
    const tn_status status = s->graphs->begin(s->r.d.handle, s->stream, &why);
    if (status == TN_UNSUPPORTED) {
        conform_described(status, &why, "begin");
        conform_skip(s->r.run, "it has " TN_EXTENSION_GRAPH ", but not for this device: %s", why.message);
        return false;
    }
    return rig_ok(&s->r, status, &why, "begin");
}

static tn_graph *end(stage *s)
{
    tn_error why = {.struct_size = sizeof why};
    tn_graph *graph = NULL;
    if (!rig_ok(&s->r, s->graphs->end(s->r.d.handle, s->stream, &graph, &why), &why, "end")) return NULL;
    if (!graph) conform_fail(s->r.run, "end succeeded, but gave no graph");
    return graph;
}

static bool launch(stage *s, tn_graph *graph, tn_stream *stream)
{
    tn_error why = {.struct_size = sizeof why};
    return rig_ok(&s->r, s->graphs->launch(s->r.d.handle, graph, stream, &why), &why, "launch");
}

/* While one stream is recorded, another works; and nothing that is recorded happens. */
static tn_graph *record(stage *s, unsigned seed)
{
    rig *r = &s->r;
    if (!prepare(s, seed) || !begin(s)) return NULL;
    const bool queued = perform(s, s->stream);
    tn_graph *graph = end(s);
    if (!graph) return NULL;
    if (queued && rig_sync(r, s->stream) &&
        rig_all(r, s->results, UNTOUCHED, RESULTS * BYTES, "while work is recorded, where its results will be"))
        return graph;
    s->graphs->destroy(r->d.handle, graph);
    return NULL;
}

static void graphs_equal_eager(conform_run *run)
{
    unsigned char expected[RESULTS * BYTES];
    stage s;
    if (!stage_open(run, &s)) return;
    tn_graph *graph = record(&s, 1);
    for (unsigned seed = 1; graph && seed <= 4;
         seed++) { /* the first with what was there, the others with new inputs */
        const bool ok = eager(&s, seed, expected) && prepare(&s, seed) && launch(&s, graph, s.stream) &&
                        rig_sync(&s.r, s.stream) &&
                        equal(&s, expected, seed == 1 ? "after the first launch" : "after a launch with new inputs") &&
                        rig_fill(&s.r, s.r.d.stream, s.results, UNTOUCHED, RESULTS * BYTES) &&
                        rig_sync(&s.r, s.r.d.stream) && launch(&s, graph, s.r.d.stream) && /* on another stream */
                        launch(&s, graph, s.r.d.stream) && equal(&s, expected, "after two launches in a row");
        if (!ok) break;
    }
    if (graph) s.graphs->destroy(s.r.d.handle, graph);
    if (graph) s.graphs->destroy(s.r.d.handle, NULL);
    stage_close(&s);
}

/* ---- updating */

static tn_status update(stage *s, tn_graph *graph, tn_error *why)
{
    why->message[0] = '\0';
    const tn_status status = s->graphs->update(s->r.d.handle, s->stream, graph, why);
    conform_described(status, why, "update");
    if (status != TN_OK && status != TN_UNSUPPORTED)
        conform_fail(s->r.run, "update gave %s, not TN_UNSUPPORTED: %s", tn_status_name(status), why->message);
    return status;
}

/* The same work in other memory. The old memory keeps what must not be read or written any more. */
static bool move(stage *s)
{
    bool ok = (s->results = rig_alloc(&s->r, TN_MEMORY_DEVICE, RESULTS * BYTES)) != NULL;
    for (int i = 0; ok && i < s->n; i++) ok = rig_bind(&s->r, &s->uses[i]);
    return ok;
}

/* Other work, into a graph that cannot become it or does: what it does then is the one or the other. */
static void update_to_less(stage *s, tn_graph *graph, const unsigned char *expected)
{
    tn_error why = {.struct_size = sizeof why};
    rig *r = &s->r;
    if (!begin(s) || !rig_fill(r, s->stream, result(s, 0), 0x66, BYTES)) return;
    const tn_status status = update(s, graph, &why);
    if (!prepare(s, 2) || !launch(s, graph, s->stream) || !rig_sync(r, s->stream)) return;
    if (status == TN_UNSUPPORTED)
        equal(s, expected, "after an update that failed");
    else if (status == TN_OK && rig_all(r, result(s, 0), 0x66, BYTES, "after an update to one fill, what that fills"))
        rig_all(r, result(s, 1), UNTOUCHED, BYTES, "after an update to one fill, what that does not fill");
}

static void graphs_update(conform_run *run)
{
    unsigned char expected[RESULTS * BYTES];
    tn_error why = {.struct_size = sizeof why};
    stage s;
    if (!stage_open(run, &s)) return;
    tn_graph *graph = record(&s, 1);
    char *const before = s.results;
    if (graph && move(&s) && eager(&s, 2, expected) && prepare(&s, 2) &&
        rig_fill(&s.r, s.r.d.stream, before, UNTOUCHED, RESULTS * BYTES) && rig_sync(&s.r, s.r.d.stream) && begin(&s)) {
        const bool queued = perform(&s, s.stream);
        const tn_status status = update(&s, graph, &why);
        if (queued && status != TN_OK)
            conform_skip(run, "it cannot give a graph other addresses: %s", why.message);
        else if (queued && rig_all(&s.r, s.results, UNTOUCHED, RESULTS * BYTES, "after an update, before a launch,") &&
                 launch(&s, graph, s.stream) && rig_sync(&s.r, s.stream) && equal(&s, expected, "after an update") &&
                 rig_all(&s.r, before, UNTOUCHED, RESULTS * BYTES, "after an update, the results' former place"))
            update_to_less(&s, graph, expected);
    }
    if (graph) s.graphs->destroy(s.r.d.handle, graph);
    stage_close(&s);
}

static void graphs_apart(conform_run *run)
{
    stage s;
    if (!stage_open(run, &s)) return;
    rig *r = &s.r;
    if (prepare(&s, 1) && begin(&s)) {
        const bool ok =
            rig_fill(r, s.stream, result(&s, 0), 0x22, BYTES) && rig_fill(r, r->d.stream, result(&s, 1), 0x33, BYTES) &&
            rig_sync(r, r->d.stream) &&
            rig_all(r, result(&s, 1), 0x33, BYTES, "while a stream is recorded, what another stream has filled");
        tn_graph *graph = end(&s);
        if (ok && graph && rig_fill(r, s.stream, result(&s, 2), 0x44, BYTES) && rig_sync(r, s.stream) &&
            rig_all(r, result(&s, 2), 0x44, BYTES, "after recording, what the stream has filled"))
            rig_all(r, result(&s, 0), UNTOUCHED, BYTES, "after recording, what was recorded and never launched");
        run->compared++;
        s.graphs->destroy(r->d.handle, graph);
    }
    stage_close(&s);
}

/* Something that need not be recorded: a copy to the host. Either it is refused, or it works as all else does. */
static void check_refusal(stage *s, unsigned char *host)
{
    tn_error why = {.struct_size = sizeof why};
    rig *r = &s->r;
    tn_graph *graph = NULL;
    tn_status status = r->d.plugin->memory_copy(r->d.handle, s->stream, host, s->results, BYTES, TN_COPY_TO_HOST, &why);
    if (status != TN_OK) conform_described(status, &why, "memory_copy to the host, while the stream is recorded,");
    const bool refused = status != TN_OK;
    why.message[0] = '\0';
    status = s->graphs->end(r->d.handle, s->stream, &graph, &why);
    conform_described(status, &why, "end");
    if (status != TN_OK && status != TN_UNSUPPORTED)
        conform_fail(r->run, "end gave %s after a copy to the host was queued, not TN_UNSUPPORTED: %s",
                     tn_status_name(status), why.message);
    if (status != TN_OK || refused) {
        if (status == TN_OK) s->graphs->destroy(r->d.handle, graph);
        return;
    }
    if (host[0] == UNTOUCHED)
        conform_fail(r->run, "a copy to the host was done while the stream was recorded");
    else if (launch(s, graph, s->stream) && rig_sync(r, s->stream) && host[0] != UNTOUCHED)
        conform_fail(r->run,
                     "a copy to the host was queued while the stream was recorded; end succeeded, but launch did not "
                     "do it");
    s->graphs->destroy(r->d.handle, graph);
}

static void graphs_refuse(conform_run *run)
{
    unsigned char expected[RESULTS * BYTES], host[BYTES];
    stage s;
    if (!stage_open(run, &s)) return;
    memset(host, 0xee, sizeof host);
    tn_graph *graph = NULL;
    if (eager(&s, 2, expected) && prepare(&s, 2) && begin(&s)) {
        check_refusal(&s, host);
        /* and the stream works as before, also for another recording */
        if (rig_fill(&s.r, s.stream, result(&s, 2), 0x44, BYTES) && rig_sync(&s.r, s.stream) &&
            rig_all(&s.r, result(&s, 2), 0x44, BYTES, "after a recording that failed, what the stream has filled") &&
            (graph = record(&s, 2)) && launch(&s, graph, s.stream) && rig_sync(&s.r, s.stream))
            equal(&s, expected, "after a recording that failed, and another");
        run->compared++;
        s.graphs->destroy(s.r.d.handle, graph);
    }
    stage_close(&s);
}

static void graphs_return_memory(conform_run *run)
{
    stage s;
    if (!stage_open(run, &s)) return;
    const int64_t before = conform_guarded.live;
    for (int i = 0; i < 20 && run->outcome == CONFORM_PASS; i++) {
        tn_graph *graph = record(&s, 3);
        if (!graph || !launch(&s, graph, s.stream) || !rig_sync(&s.r, s.stream)) break;
        s.graphs->destroy(s.r.d.handle, graph);
        run->compared++;
    }
    if (run->outcome == CONFORM_PASS && conform_guarded.live > before)
        conform_fail(run, "20 graphs, launched and destroyed, left %lld blocks of host->alloc behind",
                     (long long)(conform_guarded.live - before));
    stage_close(&s);
}

const conform_check conform_level5[] = {
    {"extensions.unknown", "an extension or a version of one that it does not know is NULL", unknown, false},
    {"graph.equals_eager",
     "work that is recorded happens when it is launched, with the inputs of then, bit for bit as eager",
     graphs_equal_eager, false},
    {"graph.updates", "a graph that is updated does the same work in other memory, or says that it cannot",
     graphs_update, false},
    {"graph.one_stream", "recording is the business of one stream, which works as before when it ends", graphs_apart,
     false},
    {"graph.refuses", "what cannot be recorded is TN_UNSUPPORTED at end, and does no harm", graphs_refuse, false},
    {"graph.returns_memory", "a graph that is destroyed leaves nothing behind", graphs_return_memory, false},
    {0},
};
