/* SPDX-License-Identifier: Apache-2.0
 *
 * One execution, looked at from all sides: what it may write to is poisoned before, and everything around that, and every
 * input, must be as it was. For each tensor a window is kept: the bytes from its first element to its last, gaps
 * included, and, if it is written to, a margin on both sides. While it executes, gaps and margins hold a pattern, so that
 * nothing is overwritten by chance with what is there; then they get back what they had. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { MARGIN = 64, POISON = 0xff, PATTERN = 0xa7 };

typedef struct window {
    const tn_tensor_desc *desc;
    char *data;                             /* of the element [0, 0, ...] */
    uint64_t span;                          /* bytes from there to the end of the last element */
    char *start;                            /* of the window */
    uint64_t bytes;                         /* of the window; 0: nothing to look at */
    unsigned char *kept, *expected, *found; /* before; planned; after */
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
    at->expected = malloc(at->bytes);
    at->found = malloc(at->bytes);
    return at->kept && at->expected && at->found && shim_read(w->device, at->kept, at->start, at->bytes);
}

/* The bytes of a window that belong to the elements of a tensor, from one picture of the window to another. */
typedef struct paste {
    const window *window;
    unsigned char *to;
    const unsigned char *from; /* NULL: poison */
    const char *data;          /* of the tensor */
} paste;

static void paste_run(void *arg, uint64_t offset, uint64_t bytes)
{
    const paste *p = arg;
    const char *from = p->data + offset, *end = from + bytes;
    const char *first = p->window->start, *last = first + p->window->bytes;
    if (from < first) from = first;
    if (end > last) end = last;
    if (from >= end) return;
    if (p->from)
        memcpy(p->to + (from - first), p->from + (from - first), (size_t)(end - from));
    else
        memset(p->to + (from - first), POISON, (size_t)(end - from));
}

/* Of all tensors; or of those that are written to. */
static void paste_elements(const watch *w, const window *v, unsigned char *to, const unsigned char *from, bool written)
{
    for (int i = 0; i < w->what->n; i++) {
        const window *other = &w->windows[i];
        if (other->span && (other->writes || !written) && overlap(v->start, v->bytes, other->data, other->span))
            each_run(other->desc, paste_run, &(paste){v, to, from, other->data});
    }
}

static bool touches_input(const watch *w, const window *output)
{
    for (int i = 0; i < w->what->n_in; i++)
        if (overlap(output->data, output->span, w->windows[i].data, w->windows[i].span)) return true;
    return false;
}

/* Puts the pattern around the elements of what is written to, and poison in those of outputs. */
static bool lay_out(watch *w, window *v)
{
    if (!v->bytes || !v->writes) return true;
    memset(v->expected, PATTERN, v->bytes);
    paste_elements(w, v, v->expected, v->kept, false);
    if (v->output && !touches_input(w, v)) each_run(v->desc, paste_run, &(paste){v, v->expected, NULL, v->data});
    return shim_write(w->device, v->start, v->expected, v->bytes);
}

static void release(watch *w)
{
    for (int i = 0; w->windows && i < w->what->n; i++) {
        free(w->windows[i].kept);
        free(w->windows[i].expected);
        free(w->windows[i].found);
    }
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
    for (int i = 0; i < what->n; i++)
        if (!lay_out(w, &w->windows[i])) return false;
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

/* Of an input that is only read, its elements count: others may be a pattern around an output. */
static void compare(watch *w, int i)
{
    window *v = &w->windows[i];
    if (!v->writes) {
        memcpy(v->expected, v->found, v->bytes);
        each_run(v->desc, paste_run, &(paste){v, v->expected, v->kept, v->data});
    }
    paste_elements(w, v, v->expected, v->found, true);
    for (uint64_t at = 0; at < v->bytes; at++)
        if (v->expected[at] != v->found[at]) {
            complain(w, i, at);
            return;
        }
}

/* What was written stays; all else is again what it was. */
static bool restore(watch *w, window *v)
{
    if (!v->writes) return true;
    paste_elements(w, v, v->kept, v->found, true);
    return shim_write(w->device, v->start, v->kept, v->bytes);
}

void watch_close(watch *w)
{
    bool ok = true;
    for (int i = 0; ok && i < w->what->n; i++) {
        window *v = &w->windows[i];
        ok = !v->bytes || shim_read(w->device, v->found, v->start, v->bytes);
    }
    for (int i = 0; ok && i < w->what->n; i++)
        if (w->windows[i].bytes) compare(w, i);
    for (int i = 0; ok && i < w->what->n; i++)
        if (w->windows[i].bytes) ok = restore(w, &w->windows[i]);
    release(w);
}
