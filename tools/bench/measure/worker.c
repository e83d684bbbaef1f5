/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's side of the protocol: opens what the configuration says, then answers requests. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/limits.h"
#include "bench/measure/worker.h"

enum { MOST_TIMES = 200 }; /* that one answer tells */

static const bench_work *const works[] = {&bench_work_train, &bench_work_infer, &bench_work_op};
enum { WORKS = sizeof works / sizeof works[0] };

/* ---- opening */

static tn_dtype dtype_named(tn_context *tn, const char *name)
{
    for (tn_dtype dtype = TN_F32; dtype <= TN_F16; dtype++)
        if (!strcmp(tn_dtype_name(dtype), name)) return dtype;
    tn_raise(tn, TN_INVALID, "there is no dtype \"%s\"", name);
    return TN_F32;
}

static const tn_device_status *device_status(const char *name)
{
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < backends[i].n_devices; k++)
            if (!strcmp(backends[i].devices[k].name, name)) return &backends[i].devices[k];
    return NULL;
}

/* "onednn:eager", or the variant "eager": operators are not replayed as a program. */
static void take_mode(bench_worker *w, const char **backend, const char *variant)
{
    static char kept[64];
    static const char suffix[] = ":eager";
    size_t length = strlen(*backend), tail = sizeof suffix - 1;
    bool marked = length > tail && !strcmp(*backend + length - tail, suffix);
    w->recipe.eager = marked || (variant && !strcmp(variant, "eager"));
    if (!marked) return;
    snprintf(kept, sizeof kept, "%.*s", (int)(length - tail), *backend);
    *backend = kept;
}

/* False if the configuration is not of this program's making. */
static bool read_config(bench_worker *w, const char **backend, const char **dtype)
{
    const char *task, *data = NULL, *dataset = NULL, *variant = NULL;
    json_int_t batch_size, threads, seed;
    w->recipe = tool_default_recipe;
    tool_setup *setup = &w->recipe.setup;
    if (json_unpack((json_t *)w->config, "{s:s, s?s, s:s, s:s, s:I, s:I, s:I, s?s, s?s, s?s}", "task", &task, "model",
                    &setup->model, "backend", backend, "dtype", dtype, "batch_size", &batch_size, "threads", &threads,
                    "seed", &seed, "root", &data, "dataset", &dataset, "variant", &variant))
        return false;
    if (variant && strcmp(variant, "eager") != 0) *backend = variant; /* "old:onednn": it is a peer of another tenon */
    take_mode(w, backend, variant);
    for (int i = 0; i < WORKS; i++)
        if (!strcmp(works[i]->task, task)) w->work = works[i];
    setup->data = data;
    if (dataset) setup->dataset = dataset;
    setup->threads = (int)threads;
    w->recipe.seed = (uint64_t)seed;
    w->recipe.batch_size = w->batch_size = batch_size;
    return w->work != NULL;
}

static void open_worker(bench_worker *w, const char *backend, const char *dtype)
{
    double start = tool_now();
    w->tn = tool_open(&w->recipe.setup, backend);
    w->opening = tool_now() - start;
    if (tn_check(w->tn)) return;
    w->dtype = w->recipe.dtype = dtype_named(w->tn, dtype);
    const tn_device_status *device = device_status(tn_default_device(w->tn));
    w->synchronous = device && device->synchronous;
    if (!tn_check(w->tn)) w->work->open(w);
}

static json_t *ready(const bench_worker *w)
{
    const char *name = tn_default_device(w->tn), *library = "";
    double load = NAN;
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    size_t length = strcspn(name, ":");
    for (int i = 0; i < n; i++)
        if (!backends[i].refused && strlen(backends[i].name) == length && !strncmp(backends[i].name, name, length)) {
            library = backends[i].library;
            if (*backends[i].path) load = 1e-9 * (double)backends[i].load_nanoseconds;
        }
    const tn_device_status *device = device_status(name);
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:I, s:{s:f, s:o, s:f, s:f}}", "backend", json_stringn(name, length),
                     "device", name, "kind", tool_kind_name(device ? device->kind : 0), "description",
                     device ? device->description : "", "library", tool_json_text(library), "steps_per_epoch",
                     (json_int_t)tn_loader_batches(w->training.state.loader), "setup", "open", w->opening,
                     "plugin_load", tool_json_number(load), "data", w->data_time, "model", w->model_time);
}

/* ---- requests */

/* Evenly thinned, in order. */
static json_t *thinned(const double *times, int64_t n)
{
    json_t *list = json_array();
    int64_t kept = n < MOST_TIMES ? n : MOST_TIMES;
    for (int64_t i = 0; i < kept; i++) json_array_append_new(list, json_real(times[i * n / kept]));
    return list;
}

/* Runs steps and notes when each ended; the images done. */
static int64_t run_steps(bench_worker *w, int64_t n, double *times, bool wait)
{
    int64_t images = 0;
    double before = tool_now();
    for (int64_t i = 0; i < n && !tn_check(w->tn); i++) {
        images += w->work->step(w);
        if (wait) tn_synchronize(w->tn);
        double now = tool_now();
        times[i] = now - before;
        before = now;
    }
    return images;
}

static json_t *steps(bench_worker *w, const json_t *request)
{
    int64_t n = json_integer_value(json_object_get(request, "count"));
    double *times = calloc((size_t)(n > 0 ? n : 1), sizeof *times);
    if (n < 1 || !times) {
        free(times);
        tn_raise(w->tn, TN_INVALID, "%lld steps cannot be made", (long long)n);
        return NULL;
    }
    tn_synchronize(w->tn);
    double start = tool_now();
    int64_t images = run_steps(w, n, times, false);
    tn_synchronize(w->tn);
    double seconds = tool_now() - start;
    bool timed = !json_is_false(json_object_get(request, "times"));
    if (timed && !w->synchronous) run_steps(w, n, times, true); /* when a step ends is known only to who waits for it */
    int64_t plans;
    double plan_seconds, loss = w->work->loss ? w->work->loss(w) : NAN;
    bench_worker_plans(w->tn, &plans, &plan_seconds);
    json_t *answer = json_pack("{s:f, s:I, s:I, s:o, s:s, s:o, s:I, s:f, s:o}", "seconds", seconds, "steps",
                               (json_int_t)n, "images", (json_int_t)images, "loss", tool_json_number(loss), "math",
                               bench_worker_math(w), "times", thinned(times, timed ? n : 0), "plans", (json_int_t)plans,
                               "plan_seconds", plan_seconds, "fallback", bench_worker_fallback(w->tn));
    free(times);
    return answer;
}

static json_t *restart(bench_worker *w, const json_t *request)
{
    (void)request;
    if (w->work->restart) w->work->restart(w);
    return json_object();
}

static json_t *evaluate(bench_worker *w, const json_t *request)
{
    (void)request;
    if (!w->work->evaluate) return json_object();
    tool_score score = w->work->evaluate(w);
    return json_pack("{s:o, s:o}", "loss", tool_json_number(score.loss), "accuracy", tool_json_number(score.accuracy));
}

static json_t *profile(bench_worker *w, const json_t *request)
{
    return bench_worker_profile(w, json_integer_value(json_object_get(request, "count")));
}

static json_t *limits(bench_worker *w, const json_t *request)
{
    (void)request;
    return json_pack("{s:o}", "limits", bench_limits_of_device(w->tn, bench_worker_math(w)));
}

/* Most resident memory: not getrusage's, which remembers the parent's from before exec. */
static double host_peak(void)
{
    double kib = NAN;
    char line[256];
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lf kB", &kib) == 1) break;
    if (file) fclose(file);
    return kib * 1024;
}

static json_t *memory(bench_worker *w, const json_t *request)
{
    (void)request;
    tn_memory stats = tn_memory_stats(w->tn, tn_default_device(w->tn));
    return json_pack("{s:o, s:I}", "host_peak", tool_json_number(host_peak()), "device_peak", (json_int_t)stats.peak);
}

static const struct {
    const char *name;
    json_t *(*answer)(bench_worker *w, const json_t *request);
} verbs[] = {
    {"steps", steps},     {"restart", restart}, {"evaluate", evaluate},
    {"profile", profile}, {"limits", limits},   {"memory", memory},
};

static json_t *answer(bench_worker *w, const json_t *request)
{
    const char *verb = json_string_value(json_object_get(request, "do"));
    for (size_t i = 0; verb && i < sizeof verbs / sizeof verbs[0]; i++)
        if (!strcmp(verbs[i].name, verb)) return verbs[i].answer(w, request);
    tn_raise(w->tn, TN_INVALID, "the request \"%s\" is not known", verb ? verb : "");
    return NULL;
}

/* ---- serving */

/* Sends the message, or the context's error in its place; false after an error. */
static bool send(FILE *to, tn_context *tn, json_t *message)
{
    bool good = message && tn_check(tn) == TN_OK;
    if (good) return tool_json_line(to, message);
    json_decref(message);
    tool_json_line(to, json_pack("{s:s}", "error", tn_message(tn)));
    return false;
}

static void serve(bench_worker *w, FILE *to)
{
    char *line = NULL;
    size_t room = 0;
    bool going = send(to, w->tn, tn_check(w->tn) ? NULL : ready(w));
    while (going && getline(&line, &room, stdin) > 0) {
        json_t *request = json_loads(line, 0, NULL);
        going = send(to, w->tn, answer(w, request));
        json_decref(request);
    }
    free(line);
}

/* The stream of answers; what libraries print goes to stderr instead. */
static FILE *take_output(void)
{
    int own = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (own < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) error(TOOL_FAILED, errno, "cannot answer");
    return fdopen(own, "w");
}

int bench_worker_run(const char *config)
{
    bench_worker w = {.config = json_loads(config, 0, NULL)};
    const char *backend, *dtype;
    FILE *to = take_output();
    if (!to || !read_config(&w, &backend, &dtype)) error(TOOL_USAGE, 0, "--worker is for tenon itself");
    open_worker(&w, backend, dtype);
    serve(&w, to);
    int failed = tn_check(w.tn) != TN_OK;
    tn_clear(w.tn);
    tn_close(w.tn);
    free(w.images);
    free(w.logits);
    fclose(to);
    json_decref((json_t *)w.config);
    return failed ? TOOL_FAILED : TOOL_OK;
}
