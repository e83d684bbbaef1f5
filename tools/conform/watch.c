/* SPDX-License-Identifier: Apache-2.0
 *
 * One execution, looked at from all sides: what it may write to is poisoned before, and everything around that, and every
 * input, must be as it was. For each tensor a window is kept: the bytes from its first element to its last, gaps
 * included, and, if it is written to, a margin on both sides. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { MARGIN = 64, POISON = 0xff };

typedef struct window {
    const tn_tensor_desc *desc;
    char *data;          /* of the element [0, 0, ...] */
    uint64_t span;       /* bytes from there to the end of the last element */
    char *start;         /* of the window */
    uint64_t bytes;      /* of the window; 0: nothing to look at */
    unsigned char *kept; /* what is there */
    bool writes, output;
} window;

struct watch {
    const watch_plan *what;
    shim_device *device;
    window *windows;
};

/* ---- the elements of a tensor, as runs of bytes */

typedef struct runs {
    int rank;
    int64_t dims[TN_MAX_RANK], steps[TN_MAX_RANK]; /* steps in bytes, largest first */
    uint64_t bytes;                                /* of one run */
} runs;

static runs runs_of(const tn_tensor_desc *desc)
{
    const int64_t size = (int64_t)tn_dtype_size(desc->dtype);
    runs r = {.rank = 0, .bytes = (uint64_t)size};
    for (uint32_t d = 0; d < desc->rank; d++) {
        if (desc->dims[d] == 1 || desc->strides[d] == 0) continue;
        int at = r.rank++;
        for (; at > 0 && r.steps[at - 1] < desc->strides[d] * size; at--) {
            r.dims[at] = r.dims[at - 1];
            r.steps[at] = r.steps[at - 1];
        }
        r.dims[at] = desc->dims[d];
        r.steps[at] = desc->strides[d] * size;
    }
    while (r.rank && r.steps[r.rank - 1] == (int64_t)r.bytes) r.bytes *= (uint64_t)r.dims[--r.rank];
    return r;
}

/* Calls visit(arg, offset of the run, its bytes) for each. */
static void each_run(const tn_tensor_desc *desc, void (*visit)(void *arg, uint64_t offset, uint64_t bytes), void *arg)
{
    const runs r = runs_of(desc);
    int64_t index[TN_MAX_RANK] = {0};
    uint64_t offset = 0;
    for (;;) {
        visit(arg, offset, r.bytes);
        int d = r.rank;
        for (; d > 0; d--) {
            offset += (uint64_t)r.steps[d - 1];
            if (++index[d - 1] < r.dims[d - 1]) break;
            offset -= (uint64_t)(r.steps[d - 1] * r.dims[d - 1]);
            index[d - 1] = 0;
        }
        if (d == 0) return;
    }
}

static uint64_t span_of(const tn_tensor_desc *desc)
{
    int64_t last = 0;
    if (tn_desc_numel(desc) == 0) return 0;
    for (uint32_t d = 0; d < desc->rank; d++) last += (desc->dims[d] - 1) * desc->strides[d];
    return (uint64_t)(last + 1) * tn_dtype_size(desc->dtype);
}

static bool overlap(const char *a, uint64_t a_bytes, const char *b, uint64_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

/* ---- before */

static void choose_bounds(window *w)
{
    char *block;
    uint64_t bytes;
    w->start = w->data;
    w->bytes = w->span;
    if (!w->span || !w->writes || !shim_memory_find(w->data, &block, &bytes)) return;
    char *end = w->data + w->span;
    w->start = w->data - block > MARGIN ? w->data - MARGIN : block;
    end = block + bytes - end > MARGIN ? end + MARGIN : block + bytes;
    w->bytes = (uint64_t)(end - w->start);
}

static bool keep(watch *w, window *at)
{
    choose_bounds(at);
    if (!at->bytes) return true;
    at->kept = malloc(at->bytes);
    return at->kept && shim_read(w->device, at->kept, at->start, at->bytes);
}

static void poison_run(void *arg, uint64_t offset, uint64_t bytes)
{
    memset((char *)arg + offset, POISON, bytes);
}

static bool touches_input(const watch *w, const window *output)
{
    for (int i = 0; i < w->what->n_in; i++)
        if (overlap(output->data, output->span, w->windows[i].data, w->windows[i].span)) return true;
    return false;
}

static bool poison(watch *w, const window *output)
{
    if (!output->span || touches_input(w, output)) return true;
    char *bytes = malloc(output->span);
    if (!bytes) return false;
    memcpy(bytes, output->kept + (output->data - output->start), output->span);
    each_run(output->desc, poison_run, bytes);
    bool ok = shim_write(w->device, output->data, bytes, output->span);
    free(bytes);
    return ok;
}

static void release(watch *w)
{
    for (int i = 0; w->windows && i < w->what->n; i++) free(w->windows[i].kept);
    free(w->windows);
    free(w);
}

static bool keep_all(watch *w, const tn_bindings *bindings)
{
    const watch_plan *what = w->what;
    for (int i = 0; i < what->n; i++) {
        window *at = &w->windows[i];
        if (what->desc[i].rank == UINT32_MAX) continue;
        at->desc = &what->desc[i];
        at->output = i >= what->n_in;
        at->data = at->output ? bindings->out[i - what->n_in] : bindings->in[i];
        at->writes = what->writes[i];
        at->span = span_of(at->desc);
        if (!keep(w, at)) return false;
    }
    for (int i = what->n_in; i < what->n; i++)
        if (!poison(w, &w->windows[i])) return false;
    return true;
}

watch *watch_open(const watch_plan *what, shim_device *device, const tn_bindings *bindings)
{
    watch *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->what = what;
    w->device = device;
    w->windows = calloc((size_t)what->n + 1, sizeof *w->windows);
    if (w->windows && keep_all(w, bindings)) return w;
    release(w);
    return NULL;
}

/* ---- after */

typedef struct paste {
    const window *to;
    const unsigned char *found;
    const char *data; /* of the tensor whose elements are pasted */
} paste;

/* What was written to this run was allowed: the window is now expected to hold it. */
static void paste_run(void *arg, uint64_t offset, uint64_t bytes)
{
    const paste *p = arg;
    const char *from = p->data + offset, *end = from + bytes;
    const char *first = p->to->start, *last = first + p->to->bytes;
    if (from < first) from = first;
    if (end > last) end = last;
    if (from < end) memcpy(p->to->kept + (from - first), p->found + (from - first), (size_t)(end - from));
}

static void complain(const watch *w, int i, uint64_t at)
{
    const window *v = &w->windows[i];
    const int64_t offset = (int64_t)at - (v->data - v->start), beyond = offset - (int64_t)v->span;
    const char *what = v->output ? "output" : "input";
    const int number = v->output ? i - w->what->n_in : i;
    if (!v->writes)
        conform_fail(conform_current, "%s: execute changed input %d, at byte %lld of it", w->what->op, number,
                     (long long)offset);
    else if (offset < 0)
        conform_fail(conform_current, "%s: execute wrote %lld bytes in front of %s %d", w->what->op, (long long)-offset,
                     what, number);
    else if (beyond >= 0)
        conform_fail(conform_current, "%s: execute wrote behind the end of %s %d, %lld bytes after its last element",
                     w->what->op, what, number, (long long)beyond);
    else
        conform_fail(conform_current, "%s: execute wrote to a gap between the elements of %s %d, at byte %lld of it",
                     w->what->op, what, number, (long long)offset);
}

static bool compare(watch *w, int i)
{
    window *v = &w->windows[i];
    if (!v->bytes) return true;
    unsigned char *found = malloc(v->bytes);
    bool ok = found && shim_read(w->device, found, v->start, v->bytes);
    for (int k = 0; ok && k < w->what->n; k++) {
        const window *other = &w->windows[k];
        if (other->writes && other->span && overlap(v->start, v->bytes, other->data, other->span))
            each_run(other->desc, paste_run, &(paste){v, found, other->data});
    }
    uint64_t at = 0;
    while (ok && at < v->bytes && v->kept[at] == found[at]) at++;
    if (ok && at < v->bytes) complain(w, i, at);
    ok = ok && at == v->bytes;
    free(found);
    return ok;
}

void watch_close(watch *w)
{
    for (int i = 0; i < w->what->n && compare(w, i); i++) continue;
    release(w);
}
