/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 4: memory that is not there, and memory that does not come back. */
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* ---- the host has no memory left */

enum { MOST_CALLS = 400 };

static void fail_after(int64_t calls)
{
    __atomic_store_n(&conform_guarded.fail_at, calls, __ATOMIC_RELAXED);
}

/* False once fewer calls were made than had to fail. */
static bool has_failed(void)
{
    return __atomic_load_n(&conform_guarded.fail_at, __ATOMIC_RELAXED) < 0;
}

/* Did it succeed? If not, it must have said why. */
static bool survived(conform_run *run, tn_status status, const tn_error *why, const char *what)
{
    conform_described(status, why, what);
    run->compared++;
    return status == TN_OK;
}

typedef struct parts {
    tn_device *device;
    tn_stream *stream;
    tn_event *event;
    void *memory;
} parts;

/* Everything that may want memory of the host, as far as it gets. */
static bool make_parts(conform_run *run, const tn_plugin *plugin, parts *p, tn_error *why)
{
    const uint32_t index = run->options->device;
    return survived(run, plugin->device_open(index, &p->device, why), why, "device_open") &&
           survived(run, plugin->stream_create(p->device, &p->stream, why), why, "stream_create") &&
           survived(run, plugin->event_create(p->device, &p->event, why), why, "event_create") &&
           survived(run, plugin->memory_alloc(p->device, TN_MEMORY_DEVICE, 100, &p->memory, why), why,
                    "memory_alloc") &&
           survived(run, plugin->memory_fill(p->device, p->stream, p->memory, 1, 100, why), why, "memory_fill") &&
           survived(run, plugin->event_record(p->device, p->event, p->stream, why), why, "event_record") &&
           survived(run, plugin->stream_sync(p->device, p->stream, why), why, "stream_sync");
}

static void release_parts(const tn_plugin *plugin, parts *p)
{
    if (p->memory) plugin->memory_free(p->device, TN_MEMORY_DEVICE, p->memory);
    if (p->event) plugin->event_destroy(p->device, p->event);
    if (p->stream) plugin->stream_destroy(p->device, p->stream);
    plugin->device_close(p->device);
}

void conform_allocation_fails(conform_run *run)
{
    const tn_plugin *plugin = NULL;
    tn_plugin_query_fn query = conform_find_query(run);
    bool failed = true;
    for (int64_t k = 0; query && failed && k < MOST_CALLS && run->outcome == CONFORM_PASS; k++) {
        tn_error why = {.struct_size = sizeof why};
        parts p = {.device = NULL};
        fail_after(k);
        const bool ok =
            survived(run, query(&conform_host, &plugin, &why), &why, "query") && make_parts(run, plugin, &p, &why);
        failed = has_failed();
        fail_after(-1);
        if (plugin) release_parts(plugin, &p);
        if (!failed && !ok) conform_fail(run, "opening a device failed, though all memory was there: %s", why.message);
    }
}

/* Each operator's first sample, while the k-th allocation of the plugin fails; and once more, when none does. */
static bool run_short(conform_run *run, tn_context *tn, const char *op, const char *sample)
{
    bool failed = true;
    for (int64_t k = 0; failed && k < 12; k++) {
        tn_op_call *call = tn_op_call_open(tn, op, sample, &(tn_op_call_options){.batch = 3});
        fail_after(k);
        if (call) tn_op_call_run(call);
        failed = has_failed();
        fail_after(-1);
        const tn_status status = tn_check(tn);
        tn_clear(tn);
        if (call && status != TN_UNSUPPORTED) tn_op_call_run(call);
        if (tn_check(tn) == TN_UNSUPPORTED) tn_clear(tn);
        tn_op_call_close(call);
        run->compared++;
        if (!conform_check_context(run, tn, "an operator whose plan once failed for lack of memory")) return false;
    }
    return true;
}

void conform_allocation_plans(conform_run *run)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    tn_context *tn = conform_open(run, false);
    for (int i = 0; tn && i < n; i++)
        if (tn_backend_has_op("candidate", ops[i].name) && ops[i].samples[0] &&
            !run_short(run, tn, ops[i].name, ops[i].samples[0]))
            break;
    conform_close(run, tn);
    if (!run->compared) conform_skip(run, "it has no operators");
}

/* Tensors on a device whose memory runs short now and then: an error that is told, or none, and right numbers after it. */
void conform_allocation_device(conform_run *run)
{
    enum { N = 700 };
    float ones[N], found[N];
    for (int i = 0; i < N; i++) ones[i] = 1;
    for (int64_t k = 0; k < 6 && run->outcome == CONFORM_PASS; k++) {
        tn_context *tn = conform_open(run, true);
        if (!tn) return;
        shim_memory_fail_after(k);
        tn_tensor *x = tn_from(tn, ones, TN_F32, 1, (int64_t[]){N});
        tn_add(tn_mul(x, x), x);
        shim_memory_fail_after(-1);
        if (tn_check(tn) == TN_OUT_OF_MEMORY) tn_clear(tn);
        x = tn_from(tn, ones, TN_F32, 1, (int64_t[]){N});
        const bool read = tn_read(tn_add(x, x), found, sizeof found) == TN_OK;
        for (int i = 0; read && i < N; i++)
            if (found[i] != 2)
                conform_fail(run, "after the device's memory had run short, 1 + 1 makes %g at element %d",
                             (double)found[i], i);
        run->compared++;
        conform_close(run, tn);
    }
}

/* ---- growth */

/* Of the device's own memory: drivers take it in large pieces, and other programs may be at work there. */
enum { DEVICE_BOUND = 32 << 20 };

typedef struct usage {
    int64_t heap;           /* bytes in use in all arenas of the C library, mapped ones among them */
    int64_t device;         /* bytes in use on the device, if it has memory of its own */
    int64_t blocks;         /* of host->alloc */
    int64_t files, threads; /* of the process */
} usage;

static int64_t count_entries(const char *folder)
{
    int64_t n = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n;
}

/* The number in size="..." after the last `tag`. */
static int64_t last_number(const char *text, const char *tag)
{
    const char *at = NULL, *next = text;
    while ((next = strstr(next, tag))) at = next++;
    at = at ? strstr(at, "size=\"") : NULL;
    return at ? (int64_t)strtoll(at + strlen("size=\""), NULL, 10) : 0;
}

static int64_t heap_in_use(void)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to) return 0;
    malloc_info(0, to);
    fclose(to);
    const int64_t used = last_number(text, "<system type=\"current\"") + last_number(text, "<total type=\"mmap\"") -
                         last_number(text, "<total type=\"fast\"") - last_number(text, "<total type=\"rest\"");
    free(text);
    return used;
}

/* Where device memory is the host's, the heap tells. */
static int64_t device_in_use(conform_run *run, const conform_device *d)
{
    tn_error why = {.struct_size = sizeof why};
    uint64_t free_bytes = 0, total = 0;
    if (d->info.flags & TN_DEVICE_HOST_MEMORY) return 0;
    if (d->plugin->memory_info(d->handle, &free_bytes, &total, &why) != TN_OK)
        conform_fail(run, "memory_info failed: %s", why.message);
    return (int64_t)(total - free_bytes);
}

static usage look(conform_run *run, const conform_device *d)
{
    return (usage){.heap = heap_in_use(),
                   .device = device_in_use(run, d),
                   .blocks = __atomic_load_n(&conform_guarded.live, __ATOMIC_RELAXED),
                   .files = count_entries("/proc/self/fd"),
                   .threads = count_entries("/proc/self/task")};
}

/* What came to be between two looks and should not have. bound: bytes of heap that may. */
static void compare(conform_run *run, const conform_device *d, const usage *before, int64_t bound, const char *what)
{
    const usage now = look(run, d);
    run->compared++;
    if (now.blocks > before->blocks)
        conform_fail(run, "%s left %" PRId64 " blocks of host->alloc behind", what, now.blocks - before->blocks);
    else if (now.heap - before->heap > bound)
        conform_fail(run, "%s let the heap grow by %" PRId64 " bytes, more than %" PRId64, what,
                     now.heap - before->heap, bound);
    else if (now.device - before->device > DEVICE_BOUND)
        conform_fail(run, "%s took %" PRId64 " bytes of the device's memory, more than %d, unless another program did",
                     what, now.device - before->device, DEVICE_BOUND);
    else if (now.files > before->files)
        conform_fail(run, "%s left %" PRId64 " files open", what, now.files - before->files);
    else if (now.threads > before->threads)
        conform_fail(run, "%s left %" PRId64 " threads behind", what, now.threads - before->threads);
}

/* The first half fills caches, which is no growth. No shape comes twice, but for those of
 * matmul, which is square. */
void conform_growth_plans(conform_run *run)
{
    enum { PLANS = 4000, BOUND = 2 << 20 };
    rig r;
    usage before = {0};
    int64_t made = 0;
    if (!rig_open(run, &r, false)) return;
    for (int i = 0; i < PLANS && run->outcome == CONFORM_PASS; i++) {
        rig_use use;
        if (i == PLANS / 2) before = look(run, &r.d);
        made += rig_plan(&r, &use, i % RIG_OPS, 1 + i % 61, 1 + i / 61, 1);
        rig_plan_close(&use);
    }
    compare(run, &r.d, &before, BOUND, "making and destroying 2000 plans of different shapes");
    rig_close(&r);
    if (!made) conform_skip(run, "it takes none of the simple operators that this check knows");
}

static bool make_and_release(conform_run *run, const tn_plugin *plugin)
{
    tn_error why = {.struct_size = sizeof why};
    parts p = {.device = NULL};
    const bool ok = make_parts(run, plugin, &p, &why);
    release_parts(plugin, &p);
    return ok ||
           conform_fail(run, "devices, streams, events and memory could not be had again and again: %s", why.message);
}

void conform_growth_objects(conform_run *run)
{
    enum { TIMES = 600, BOUND = 64 << 10 };
    usage before = {0};
    conform_device d; /* that stays open, to be asked */
    if (!conform_device_open(run, &d)) return;
    for (int i = 0; i < TIMES && run->outcome == CONFORM_PASS; i++) {
        if (i == TIMES / 2) before = look(run, &d);
        make_and_release(run, d.plugin);
    }
    compare(run, &d, &before, BOUND,
            "opening and closing a device, a stream, an event and a block of memory 300 times");
    conform_device_close(&d);
}

static void repeat_operator(conform_run *run, const conform_device *d, tn_context *tn, const tn_op_status *op)
{
    enum { TIMES = 600, BOUND = 16 << 10 };
    usage before = {0};
    char what[120];
    tn_op_call *call = tn_op_call_open(tn, op->name, op->samples[0], &(tn_op_call_options){.batch = 3});
    for (int k = 0; call && k < TIMES && tn_check(tn) == TN_OK; k++) {
        if (k == TIMES / 2) before = look(run, d);
        tn_op_call_run(call);
    }
    tn_op_call_close(call);
    if (tn_check(tn) == TN_UNSUPPORTED) {
        tn_clear(tn);
    } else if (conform_check_context(run, tn, op->name)) {
        snprintf(what, sizeof what, "%s, run 300 times with the same shapes,", op->name);
        compare(run, d, &before, BOUND, what);
    }
}

void conform_growth_operators(conform_run *run)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    conform_device d;
    if (!conform_device_open(run, &d)) return;
    tn_context *tn = conform_open(run, false);
    for (int i = 0; tn && i < n && run->outcome == CONFORM_PASS; i++)
        if (tn_backend_has_op("candidate", ops[i].name) && ops[i].samples[0]) repeat_operator(run, &d, tn, &ops[i]);
    conform_close(run, tn);
    conform_device_close(&d);
    if (!run->compared) conform_skip(run, "it has no operators");
}

static void step(tn_context *tn, float values[64], bool read)
{
    const tn_mark mark = tn_begin(tn);
    tn_tensor *x = tn_from(tn, values, TN_F32, 2, (int64_t[]){8, 8});
    tn_tensor *y = tn_relu(tn_add(tn_matmul(x, x), x));
    if (read) tn_read(y, values, 64 * sizeof *values);
    for (int k = 0; k < 64; k++) values[k] = (float)(k % 3) / 8;
    tn_end(tn, mark, NULL);
}

/* A step of a few operators, with copies and waits, 10,000 times. */
void conform_growth_steps(conform_run *run)
{
    enum { STEPS = 10000, WARM = 1000, BOUND = 64 << 10 };
    usage before = {0};
    float values[64] = {1};
    conform_device d;
    if (!conform_device_open(run, &d)) return;
    tn_context *tn = conform_open(run, true);
    for (int i = 0; tn && i < STEPS && tn_check(tn) == TN_OK; i++) {
        if (i == WARM) before = look(run, &d);
        step(tn, values, i % 100 == 0);
    }
    if (tn && conform_check_context(run, tn, "10,000 steps of matmul, add and relu"))
        compare(run, &d, &before, BOUND, "9000 steps of matmul, add and relu");
    conform_close(run, tn);
    conform_device_close(&d);
}

static void open_and_close(conform_run *run)
{
    tn_context *tn = conform_open(run, true);
    if (!tn) return;
    const tn_mark mark = tn_begin(tn);
    tn_item(tn_sum(tn_add(tn_ones(tn, TN_F32, TN_SHAPE(4, 5)), tn_ones(tn, TN_F32, TN_SHAPE(5))), TN_ALL, false));
    tn_end(tn, mark, NULL);
    conform_close(run, tn);
}

static void open_and_close_often(conform_run *run)
{
    enum { TIMES = 60, BOUND = 32 << 10 };
    usage before = {0};
    conform_device d;
    if (!conform_device_open(run, &d)) return;
    for (int i = 0; i < TIMES && run->outcome == CONFORM_PASS; i++) {
        if (i == TIMES / 2) before = look(run, &d);
        open_and_close(run);
    }
    compare(run, &d, &before, BOUND, "opening a context and closing it 30 times");
    conform_device_close(&d);
}

/* When all is closed, the plugin has nothing left of what it took; after shutdown, nothing at all. */
void conform_growth_contexts(conform_run *run)
{
    open_and_close_often(run);
    const int64_t live[] = {shim_live.devices, shim_live.memory, shim_live.streams, shim_live.events, shim_live.plans};
    for (int i = 0; i < 5; i++)
        if (live[i]) conform_fail(run, "the core left something of the plugin's open; that is a fault of Tenon's");
    const tn_plugin *plugin = run->outcome == CONFORM_PASS ? conform_load(run) : NULL;
    if (!plugin) return;
    plugin->shutdown();
    if (conform_guarded.live)
        conform_fail(run, "after shutdown, %" PRId64 " blocks of host->alloc are in use", conform_guarded.live);
}
