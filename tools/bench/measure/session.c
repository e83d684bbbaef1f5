/* SPDX-License-Identifier: Apache-2.0
 *
 * A run from its plan to its document: which groups there are, first their speed, then their learning. */
#include "bench/measure/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- stopping */

static void stop(int number)
{
    (void)number;
    bench_stopped = 1;
}

/* The first signal asks for what there is; a second one ends the process at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a worker that died is told by its answer */
}

bool bench_must_stop(const bench_session *session)
{
    return bench_stopped || tool_now() > session->deadline;
}

double bench_set_up_limit(const bench_session *session)
{
    return fmax(0, fmin(session->plan->set_up_seconds, session->deadline - tool_now()));
}

/* ---- progress */

void bench_progress(bench_session *session, const bench_group *group, const bench_lane *lane, const char *what)
{
    session->done++;
    if (!tool_meter_due(&session->meter)) return;
    char text[200];
    const char *backend = json_string_value(json_object_get(lane->row, "backend"));
    snprintf(text, sizeof text, "%s %s %s %lld: %s, %s", group->task, group->op ? group->op : group->model, group->math,
             (long long)group->batch_size, backend, what);
    tool_meter_draw(&session->meter, fmin(1, session->done / session->units), text);
}

/* ---- lanes */

/* "name" or "name:device" without a peer of that name: why it cannot be used, NULL if it can. The caller frees. */
static char *refusal(const char *spec)
{
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    size_t length = strcspn(spec, ":");
    char *why = NULL, *list = strdup("");
    for (int i = 0; i < n; i++) {
        if (strlen(backends[i].name) == length && !strncmp(spec, backends[i].name, length)) {
            free(list);
            return backends[i].refused ? strdup(backends[i].refused) : NULL;
        }
        char *longer = NULL;
        if (list && asprintf(&longer, "%s%s%s", list, *list ? ", " : "", backends[i].name) < 0) longer = NULL;
        free(list);
        list = longer;
    }
    if (asprintf(&why, "there is no backend or peer of this name; there are: %s", list ? list : "") < 0) why = NULL;
    free(list);
    return why;
}

static const bench_peer *find_peer(const bench_plan *plan, const char *spec)
{
    size_t length = strcspn(spec, ":");
    for (int i = 0; i < plan->n_peers; i++)
        if (strlen(plan->peers[i].name) == length && !strncmp(plan->peers[i].name, spec, length))
            return &plan->peers[i];
    return NULL;
}

/* The device without the mode: of "cuda:1:eager", cuda:1. */
static json_t *device_of(const char *spec, const char *mode)
{
    return mode ? json_stringn(spec, (size_t)(mode - spec)) : tool_json_text(spec);
}

/* What its worker is asked for: "onednn:0", "onednn:eager", or a peer's name and its variant. */
static void lane_init(bench_session *session, const bench_group *group, bench_lane *lane, const char *spec)
{
    const bench_peer *peer = find_peer(session->plan, spec);
    const char *colon = strchr(spec, ':'), *mode = peer ? NULL : strstr(spec, ":eager");
    char *why = peer ? NULL : refusal(spec);
    *lane = (bench_lane){.math = group->math, .command = peer ? peer->command : NULL, .to = -1, .from = -1, .log = -1};
    lane->row = json_pack("{s:s, s:s*, s:s*, s:s*, s:o, s:s*, s:o, s:s, s:s, s:I, s:o}", "task", group->task, "model",
                          group->model, "op", group->op, "sample", group->sample, "backend",
                          json_stringn(spec, strcspn(spec, ":")), "variant",
                          peer && colon ? colon + 1
                          : mode        ? mode + 1
                                        : NULL,
                          "device", peer ? json_null() : device_of(spec, mode), "dtype", group->dtype, "math",
                          group->math, "batch_size", (json_int_t)group->batch_size, "error", tool_json_text(why));
    json_array_append_new(json_object_get(session->run, "rows"), lane->row);
    free(why);
}

void bench_lane_configure(bench_session *session, const bench_group *group, bench_lane *lane)
{
    const bench_plan *plan = session->plan;
    const char *root = plan->setup.data ? plan->setup.data : tn_data_dir();
    const char *device = json_string_value(json_object_get(lane->row, "device"));
    json_t *data = json_sprintf("%s/%s", root, plan->setup.dataset);
    json_t *config = json_pack("{s:s, s:s*, s:s*, s:s*, s:O, s:O*, s:s, s:s, s:I, s:i, s:I, s:o, s:s, s:s}", "task",
                               group->task, "model", group->model, "op", group->op, "sample", group->sample, "backend",
                               json_object_get(lane->row, "backend"), "variant", json_object_get(lane->row, "variant"),
                               "dtype", group->dtype, "math", group->math, "batch_size", (json_int_t)group->batch_size,
                               "threads", plan->setup.threads, "seed", (json_int_t)plan->seed, "data", data, "root",
                               root, "dataset", plan->setup.dataset);
    if (!lane->command) json_object_set_new(config, "backend", json_string(device));
    free(lane->config);
    lane->config = json_dumps(config, JSON_COMPACT);
    json_decref(config);
}

/* ---- groups */

static void group_open(bench_session *session, bench_group *group)
{
    const bench_list *backends = &session->plan->backends;
    group->lanes = calloc((size_t)backends->n, sizeof *group->lanes);
    if (!group->lanes) error(TOOL_FAILED, errno, "%d backends", backends->n);
    group->n = backends->n;
    for (int i = 0; i < backends->n; i++) lane_init(session, group, &group->lanes[i], backends->items[i]);
}

typedef struct groups {
    bench_group *list;
    int n;
} groups;

static void add_group(groups *all, bench_group group)
{
    all->list = realloc(all->list, (size_t)(all->n + 1) * sizeof group);
    if (!all->list) error(TOOL_FAILED, errno, "%d groups", all->n);
    all->list[all->n++] = group;
}

static void add_sizes(const bench_plan *plan, groups *all, bench_group group)
{
    bool single = !strcmp(group.task, "infer") && plan->single_images;
    for (int b = single ? -1 : 0; b < plan->n_batch_sizes; b++) {
        group.batch_size = b < 0 ? 1 : plan->batch_sizes[b];
        if (b < 0 || !single || group.batch_size > 1) add_group(all, group);
    }
}

/* Once for each dtype, way to compute in it, and batch size. Only f32 has several ways. */
static void add_kinds(const bench_plan *plan, groups *all, bench_group group)
{
    for (int d = 0; d < plan->dtypes.n; d++) {
        group.dtype = group.math = plan->dtypes.items[d];
        bool several = !strcmp(group.dtype, "f32");
        for (int m = 0; m < (several ? plan->maths.n : 1); m++) {
            if (several) group.math = plan->maths.items[m];
            add_sizes(plan, all, group);
        }
    }
}

static void add_op(const bench_plan *plan, groups *all, const tn_op_status *op)
{
    bool wanted = plan->ops.n == 0 && plan->samples.n == 0;
    for (int i = 0; i < plan->ops.n; i++) wanted |= !strcmp(plan->ops.items[i], op->name);
    for (int i = 0; wanted && op->shapes && op->shapes[i]; i++)
        add_kinds(plan, all, (bench_group){.task = "op", .op = op->name, .sample = op->shapes[i]});
    for (int i = 0; i < plan->samples.n; i++) {
        const char *text = plan->samples.items[i];
        size_t length = strlen(op->name);
        if (!strncmp(text, op->name, length) && text[length] == ' ')
            add_kinds(plan, all, (bench_group){.task = "op", .op = op->name, .sample = text + length + 1});
    }
}

static groups make_groups(const bench_plan *plan)
{
    groups all = {0};
    for (int t = 0; t < plan->tasks.n; t++) {
        const char *task = plan->tasks.items[t];
        int n_ops;
        const tn_op_status *ops = tn_ops(&n_ops);
        for (int i = 0; !strcmp(task, "op") && i < n_ops; i++) add_op(plan, &all, &ops[i]);
        for (int i = 0; strcmp(task, "op") != 0 && i < plan->models.n; i++)
            add_kinds(plan, &all, (bench_group){.task = task, .model = plan->models.items[i]});
    }
    return all;
}

static bool learns(const bench_session *session, const bench_group *group)
{
    return session->plan->epochs > 0 && !strcmp(group->task, "train");
}

static void run_groups(bench_session *session, groups *all)
{
    for (int i = 0; i < all->n; i++) {
        double units = bench_group_units(session) + (learns(session, &all->list[i]) ? bench_learn_units(session) : 0);
        session->units += units * session->plan->backends.n;
    }
    for (int i = 0; i < all->n && !bench_must_stop(session); i++) {
        group_open(session, &all->list[i]);
        bench_group_measure(session, &all->list[i]);
    }
    session->cut = bench_must_stop(session);
    for (int i = 0; i < all->n && !bench_stopped; i++)
        if (all->list[i].n && learns(session, &all->list[i])) bench_group_learn(session, &all->list[i]);
}

/* ---- the document */

static json_t *settings(const bench_plan *plan)
{
    return json_pack("{s:s*, s:i, s:I, s:f, s:I, s:o, s:I, s:s, s:s*}", "suite", plan->suite, "threads",
                     plan->setup.threads, "rounds", (json_int_t)plan->rounds, "round_seconds", plan->round_seconds,
                     "epochs", (json_int_t)plan->epochs, "target", tool_json_number(plan->target), "seed",
                     (json_int_t)plan->seed, "dataset", plan->setup.dataset, "baseline", plan->outputs.baseline);
}

static json_t *start_run(const bench_plan *plan)
{
    char started[32];
    time_t now = time(NULL);
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    json_t *machine = bench_fingerprint_machine();
    const char *label = plan->label ? plan->label : json_string_value(json_object_get(machine, "cpu"));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:[], s:[]}", "label", label, "started", started, "machine", machine,
                     "software", bench_fingerprint_software(), "settings", settings(plan), "limits", "rows");
}

/* A row that was not come to has neither figures nor a reason: it goes. */
static void drop_empty_rows(json_t *rows)
{
    for (size_t i = json_array_size(rows); i-- > 0;) {
        json_t *row = json_array_get(rows, i);
        bool failed = json_is_string(json_object_get(row, "error"));
        if (failed)
            json_object_del(row, "rounds"), json_object_del(row, "step_times");
        else if (json_array_size(json_object_get(row, "rounds")) == 0)
            json_array_remove(rows, i);
    }
}

static void end_run(bench_session *session)
{
    char why[100] = "";
    if (bench_stopped)
        snprintf(why, sizeof why, "interrupted");
    else if (session->cut)
        snprintf(why, sizeof why, "--max-seconds %g were over", session->plan->max_seconds);
    json_object_set_new(session->run, "seconds", json_real(tool_now() - session->started));
    json_object_set_new(session->run, "partial", json_boolean(*why != '\0'));
    if (*why) json_object_set_new(session->run, "stopped", json_string(why));
    drop_empty_rows(json_object_get(session->run, "rows"));
}

json_t *bench_measure(const bench_plan *plan)
{
    bench_session session = {.plan = plan,
                             .run = start_run(plan),
                             .started = tool_now(),
                             .deadline = INFINITY,
                             .limits_measured = -INFINITY};
    if (plan->max_seconds > 0) session.deadline = session.started + plan->max_seconds;
    groups all = make_groups(plan);
    catch_signals();
    tool_meter_init(&session.meter, "bench", plan->outputs.quiet);
    run_groups(&session, &all);
    tool_meter_clear(&session.meter);
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < all.n; i++) free(all.list[i].lanes);
    end_run(&session);
    free(all.list);
    return json_pack("{s:s, s:[o]}", "schema", "tenon.bench/1", "runs", session.run);
}
