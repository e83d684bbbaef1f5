/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 1: streams and events. What is queued takes long enough that a device which does not wait is found out; one that is
 * synchronous passes by doing what it is told. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parts.h"

enum { LARGE = 4 << 20, LARGER = 64 << 20, END = 64 << 10 };
enum { COPIES = 24, CHAIN = 2000, BUFFERS = 6, PIECE = 4099, MANY = 24 };

/* Two large blocks, and a lot of work on a stream that ends with `mark` in all of the second. */
typedef struct load {
    rig r;
    tn_stream *busy;
    unsigned char *from, *to;
    uint64_t bytes; /* of each block */
} load;

/* Bytes of a block, so many that work is outstanding when one looks. A device's own memory, which may take TB/s, is looked
 * at by way of a copy, and meanwhile 4 MiB would be filled and copied over and over. */
static uint64_t large(const rig *r)
{
    return r->d.info.flags & TN_DEVICE_HOST_MEMORY ? LARGE : LARGER;
}

static bool load_open(conform_run *run, load *l)
{
    if (!rig_open(run, &l->r, false)) return false;
    l->bytes = large(&l->r);
    l->busy = rig_stream(&l->r);
    l->from = rig_alloc(&l->r, TN_MEMORY_DEVICE, l->bytes);
    l->to = rig_alloc(&l->r, TN_MEMORY_DEVICE, l->bytes);
    return l->busy && l->from && l->to && rig_fill(&l->r, l->busy, l->to, 0xee, l->bytes) && rig_sync(&l->r, l->busy);
}

static bool load_queue(load *l, uint32_t mark)
{
    rig *r = &l->r;
    for (uint32_t i = 0; i < COPIES; i++)
        if (!rig_fill(r, l->busy, l->from, i == COPIES - 1 ? mark : i, l->bytes) ||
            !rig_copy(r, l->busy, l->to, l->from, l->bytes, TN_COPY_ON_DEVICE))
            return false;
    return true;
}

static void load_close(load *l)
{
    if (l->busy) l->r.d.plugin->stream_destroy(l->r.d.handle, l->busy);
    rig_close(&l->r);
}

/* Looks from the last byte on, at once: directly where the host can, else through another stream, at the end and then at
 * all. */
static bool load_done(load *l, uint32_t mark, const char *what)
{
    rig *r = &l->r;
    r->run->compared++;
    if (!(r->d.info.flags & TN_DEVICE_HOST_MEMORY))
        return rig_all(r, l->to + l->bytes - END, mark, END, what) && rig_all(r, l->to, mark, l->bytes, what);
    for (uint64_t i = l->bytes; i-- > 0;)
        if (((volatile unsigned char *)l->to)[i] != mark)
            return conform_fail(r->run, "%s: the work was not done", what);
    return true;
}

/* ---- order */

static void copy_model(unsigned char (*model)[PIECE], int to, int from)
{
    if (to != from) memcpy(model[to], model[from], PIECE);
}

/* Random fills and copies among a few buffers, each of which needs what came before. */
static bool queue_chain(rig *r, unsigned char **buffers, unsigned char (*model)[PIECE])
{
    uint64_t state = r->run->options->seed * 2 + 1;
    for (int i = 0; i < CHAIN; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const int to = (int)(state >> 33) % BUFFERS, from = (int)(state >> 41) % BUFFERS;
        const uint64_t half = PIECE / 2;
        if (state >> 60 < 5) {
            memset(model[to] + half, i & 0xff, PIECE - half);
            if (!rig_fill(r, r->d.stream, buffers[to] + half, (uint32_t)i & 0xff, PIECE - half)) return false;
        } else if (to != from) {
            copy_model(model, to, from);
            if (!rig_copy(r, r->d.stream, buffers[to], buffers[from], PIECE, TN_COPY_ON_DEVICE)) return false;
        }
    }
    return true;
}

/* So much that what is queued after it waits. */
static bool keep_busy(rig *r)
{
    const uint64_t bytes = large(r);
    unsigned char *from = rig_alloc(r, TN_MEMORY_DEVICE, bytes), *to = rig_alloc(r, TN_MEMORY_DEVICE, bytes);
    for (uint32_t i = 0; from && to && i < COPIES; i++)
        if (!rig_fill(r, r->d.stream, from, i, bytes) || !rig_copy(r, r->d.stream, to, from, bytes, TN_COPY_ON_DEVICE))
            return false;
    return from && to;
}

void conform_stream_order(conform_run *run)
{
    unsigned char *buffers[BUFFERS], (*model)[PIECE] = malloc(BUFFERS * PIECE), *found = malloc(PIECE);
    rig r;
    bool ok = model && found && rig_open(run, &r, false);
    if (!ok) goto done;
    for (int i = 0; ok && i < BUFFERS; i++) {
        memset(model[i], i, PIECE);
        buffers[i] = rig_alloc(&r, TN_MEMORY_DEVICE, PIECE);
        ok = buffers[i] && rig_fill(&r, r.d.stream, buffers[i], (uint32_t)i, PIECE);
    }
    ok = ok && keep_busy(&r) && queue_chain(&r, buffers, model);
    for (int i = 0; ok && i < BUFFERS; i++) {
        ok = rig_get(&r, found, buffers[i], PIECE);
        if (ok && memcmp(found, model[i], PIECE) != 0)
            conform_fail(run, "after %d fills and copies on one stream, buffer %d is not as if they had run in order",
                         CHAIN, i);
        run->compared++;
    }
    rig_close(&r);
done:
    free(model);
    free(found);
}

/* ---- waiting */

void conform_stream_sync(conform_run *run)
{
    load l = {0};
    bool ok = load_open(run, &l);
    for (uint32_t i = 1; ok && i <= 4; i++)
        ok = load_queue(&l, i) && rig_sync(&l.r, l.busy) && load_done(&l, i, "after stream_sync");
    load_close(&l);
}

void conform_stream_destroy(conform_run *run)
{
    load l = {0};
    if (load_open(run, &l) && load_queue(&l, 7)) {
        l.r.d.plugin->stream_destroy(l.r.d.handle, l.busy);
        l.busy = NULL;
        load_done(&l, 7, "after stream_destroy, which waits for the stream");
    }
    load_close(&l);
}

void conform_stream_many(conform_run *run)
{
    tn_stream *streams[MANY] = {NULL};
    unsigned char *block;
    char what[60];
    rig r;
    if (!rig_open(run, &r, false)) return;
    block = rig_alloc(&r, TN_MEMORY_DEVICE, MANY * PIECE);
    bool ok = block;
    for (int i = 0; ok && i < MANY; i++) {
        streams[i] = rig_stream(&r);
        ok = streams[i];
        for (uint32_t k = 0; ok && k < 20; k++)
            ok = rig_fill(&r, streams[i], block + i * PIECE, k == 19 ? (uint32_t)i : 0xff, PIECE);
    }
    for (int i = 0; ok && i < MANY; i++) {
        snprintf(what, sizeof what, "what stream %d of %d has filled", i, MANY);
        ok = rig_sync(&r, streams[i]) && rig_all(&r, block + i * PIECE, (uint32_t)i, PIECE, what);
        run->compared++;
    }
    for (int i = 0; i < MANY; i++)
        if (streams[i]) r.d.plugin->stream_destroy(r.d.handle, streams[i]);
    rig_close(&r);
}

/* ---- events */

static tn_event *make_event(rig *r)
{
    tn_error why = {.struct_size = sizeof why};
    tn_event *event = NULL;
    if (!rig_ok(r, r->d.plugin->event_create(r->d.handle, &event, &why), &why, "event_create")) return NULL;
    if (!event) conform_fail(r->run, "event_create succeeded, but gave NULL");
    return event;
}

static bool record(rig *r, tn_event *event, tn_stream *stream)
{
    tn_error why = {.struct_size = sizeof why};
    return rig_ok(r, r->d.plugin->event_record(r->d.handle, event, stream, &why), &why, "event_record");
}

/* Asks until it is reached; not for longer than half of what the check may take. */
static bool ask(rig *r, tn_event *event)
{
    const double start = tool_now();
    uint32_t done = 0;
    while (tool_now() - start < r->run->options->timeout / 2) {
        tn_error why = {.struct_size = sizeof why};
        done = 2;
        if (!rig_ok(r, r->d.plugin->event_query(r->d.handle, event, &done, &why), &why, "event_query")) return false;
        if (done > 1) return conform_fail(r->run, "event_query gave %u, not 0 or 1", done);
        if (done) return true;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return conform_fail(r->run, "event_query said for %g s that an event behind a little work was not reached",
                        r->run->options->timeout / 2);
}

void conform_event_query(conform_run *run)
{
    load l = {0};
    bool ok = load_open(run, &l);
    tn_event *event = ok ? make_event(&l.r) : NULL;
    for (uint32_t i = 1; event && ok && i <= 4; i++) /* an event can be recorded again */
        ok = load_queue(&l, i) && record(&l.r, event, l.busy) && ask(&l.r, event) &&
             load_done(&l, i, "after event_query said that the event behind it was reached") && rig_sync(&l.r, l.busy);
    if (event) l.r.d.plugin->event_destroy(l.r.d.handle, event);
    load_close(&l);
}

/* Another stream copies what the first has made, once an event says so. */
void conform_event_wait(conform_run *run)
{
    load l = {0};
    rig *r = &l.r;
    bool ok = load_open(run, &l);
    tn_event *event = ok ? make_event(r) : NULL;
    unsigned char *copy = ok ? rig_alloc(r, TN_MEMORY_DEVICE, l.bytes) : NULL;
    for (uint32_t i = 1; event && copy && ok && i <= 4; i++) {
        tn_error why = {.struct_size = sizeof why};
        ok = load_queue(&l, i) && record(r, event, l.busy) &&
             rig_ok(r, r->d.plugin->event_wait(r->d.handle, event, r->d.stream, &why), &why, "event_wait") &&
             rig_copy(r, r->d.stream, copy, l.to, l.bytes, TN_COPY_ON_DEVICE) && rig_sync(r, r->d.stream) &&
             rig_all(r, copy, i, l.bytes, "what a stream copied after event_wait for another stream's work") &&
             rig_sync(r, l.busy);
        run->compared++;
    }
    if (event) r->d.plugin->event_destroy(r->d.handle, event);
    load_close(&l);
}

void conform_event_elapsed(conform_run *run)
{
    load l = {0};
    rig *r = &l.r;
    bool ok = load_open(run, &l);
    tn_event *start = ok ? make_event(r) : NULL, *end = start ? make_event(r) : NULL;
    tn_error why = {.struct_size = sizeof why};
    uint64_t elapsed = UINT64_MAX;
    const double begun = tool_now();
    ok = end && record(r, start, l.busy) && load_queue(&l, 1) && record(r, end, l.busy) && rig_sync(r, l.busy) &&
         rig_ok(r, r->d.plugin->event_elapsed(r->d.handle, start, end, &elapsed, &why), &why, "event_elapsed");
    const double wall = (tool_now() - begun) * 1e9;
    if (ok) {
        run->compared++;
        if ((double)elapsed > wall * 1.05 + 1e6)
            conform_fail(run, "event_elapsed tells of %.3f ms between two events, but only %.3f ms have passed",
                         (double)elapsed / 1e6, wall / 1e6);
        else if (elapsed == 0)
            conform_fail(run, "event_elapsed tells of no time between two events around %d copies of %llu bytes",
                         COPIES, (unsigned long long)l.bytes);
    }
    if (start) r->d.plugin->event_destroy(r->d.handle, start);
    if (end) r->d.plugin->event_destroy(r->d.handle, end);
    load_close(&l);
}
