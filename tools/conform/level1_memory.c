/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 1: memory of all kinds, copies and fills. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { EDGE = 64, LARGEST = 65537 + 2 * EDGE, OLD = 0x11 };

static const uint32_t kinds[] = {TN_MEMORY_DEVICE, TN_MEMORY_PINNED, TN_MEMORY_HOST};
static const char *const kind_names[] = {"device memory", "pinned memory", "host memory"};
static const uint64_t sizes[] = {1,  2,  3,  4,  5,   7,   8,   9,   13,   15,   16,   17, 31,
                                 33, 63, 64, 65, 100, 127, 129, 255, 1000, 4095, 4097, 0};
static const uint64_t copied[] = {1, 2, 3, 5, 7, 8, 13, 16, 31, 63, 64, 65, 127, 1001, 4097, 65537, 0};
static const uint64_t shifts[] = {0, 1, 2, 3, 4, 7, 8, 13, 0};

/* Every byte differs from its neighbours, and from those of other seeds. */
static void draw(unsigned char *bytes, uint64_t n, unsigned seed)
{
    for (uint64_t i = 0; i < n; i++) bytes[i] = (unsigned char)((i + 1) * 37 + (i >> 8) * 11 + seed * 101);
}

/* ---- allocation */

void conform_memory_kinds(conform_run *run)
{
    rig r;
    if (!rig_open(run, &r, false)) return;
    for (int k = 0; k < 3; k++)
        for (int i = 0; sizes[i]; i++) {
            unsigned char *memory = rig_alloc(&r, kinds[k], sizes[i]);
            if (!memory) break;
            if (k > 0) memset(memory, OLD, sizes[i]); /* the host's own, whatever the device */
            run->compared++;
        }
    rig_close(&r);
}

/* Blocks next to each other keep their own bytes. */
void conform_memory_apart(conform_run *run)
{
    unsigned char *memory[64] = {NULL};
    char what[80];
    int n = 0;
    rig r;
    if (!rig_open(run, &r, false)) return;
    for (; sizes[n]; n++) {
        memory[n] = rig_alloc(&r, TN_MEMORY_DEVICE, sizes[n]);
        if (!memory[n] || !rig_fill(&r, r.d.stream, memory[n], (uint32_t)n + 1, sizes[n])) break;
    }
    for (int i = 0; i < n && run->outcome == CONFORM_PASS; i++) {
        snprintf(what, sizeof what, "a block of %llu bytes, beside others", (unsigned long long)sizes[i]);
        run->compared += rig_all(&r, memory[i], (uint32_t)i + 1, sizes[i], what);
    }
    rig_close(&r);
}

void conform_memory_exhausted(conform_run *run)
{
    rig r;
    if (!rig_open(run, &r, false)) return;
    for (int k = 0; k < 3; k++) {
        tn_error why = {.struct_size = sizeof why};
        void *memory = NULL;
        const uint64_t bytes = (uint64_t)1 << 60;
        const tn_status status = r.d.plugin->memory_alloc(r.d.handle, kinds[k], bytes, &memory, &why);
        conform_described(status, &why, "memory_alloc");
        if (status != TN_OUT_OF_MEMORY)
            conform_fail(run, "asked for 2^60 bytes of %s, memory_alloc gave %s, not TN_OUT_OF_MEMORY", kind_names[k],
                         tn_status_name(status));
        void *some = rig_alloc(&r, kinds[k], 1000); /* it still works */
        if (some && kinds[k] == TN_MEMORY_DEVICE && rig_fill(&r, r.d.stream, some, 5, 1000))
            rig_all(&r, some, 5, 1000, "memory asked for after there was not enough");
        run->compared++;
    }
    rig_close(&r);
}

void conform_memory_info(conform_run *run)
{
    tn_error why = {.struct_size = sizeof why};
    uint64_t free_bytes = UINT64_MAX, total = 0;
    rig r;
    if (!rig_open(run, &r, false)) return;
    if (rig_ok(&r, r.d.plugin->memory_info(r.d.handle, &free_bytes, &total, &why), &why, "memory_info")) {
        run->compared++;
        if (free_bytes > total)
            conform_fail(run, "memory_info tells of %llu bytes free among %llu", (unsigned long long)free_bytes,
                         (unsigned long long)total);
        if (r.d.info.memory_bytes && (total > r.d.info.memory_bytes || total < r.d.info.memory_bytes / 2))
            conform_fail(run, "memory_info tells of %llu bytes in all, but device_info of %llu",
                         (unsigned long long)total, (unsigned long long)r.d.info.memory_bytes);
    }
    rig_close(&r);
}

/* ---- copies */

typedef struct bench {
    rig r;
    unsigned char *device[2], *pinned, *host; /* of LARGEST bytes */
    unsigned char source[LARGEST], expected[LARGEST], found[LARGEST];
} bench;

static bench *bench_open(conform_run *run)
{
    bench *b = calloc(1, sizeof *b);
    if (!b || !rig_open(run, &b->r, false)) {
        free(b);
        return NULL;
    }
    for (int i = 0; i < 2; i++) b->device[i] = rig_alloc(&b->r, TN_MEMORY_DEVICE, LARGEST);
    b->pinned = rig_alloc(&b->r, TN_MEMORY_PINNED, LARGEST);
    b->host = rig_alloc(&b->r, TN_MEMORY_HOST, LARGEST);
    if (b->device[0] && b->device[1] && b->pinned && b->host) return b;
    rig_close(&b->r);
    free(b);
    return NULL;
}

static void bench_close(bench *b)
{
    rig_close(&b->r);
    free(b);
}

static void tell(bench *b, const char *direction, uint64_t bytes, uint64_t from, uint64_t to, uint64_t at)
{
    const bool inside = at >= EDGE + to && at < EDGE + to + bytes;
    conform_fail(b->r.run,
                 "a copy of %llu bytes %s, from %llu bytes behind an aligned address to %llu bytes behind one, %s %lld",
                 (unsigned long long)bytes, direction, (unsigned long long)from, (unsigned long long)to,
                 inside ? "got byte wrong:" : "wrote outside of it, at byte", (long long)(at - EDGE - to));
}

/* One copy in one direction. The bytes around the target must stay. */
static bool copy_once(bench *b, uint32_t direction, unsigned char *staging, uint64_t bytes, uint64_t from, uint64_t to)
{
    static const char *const names[] = {"", "to the device", "to the host", "on the device"};
    rig *r = &b->r;
    memset(b->expected, OLD, LARGEST);
    memcpy(b->expected + EDGE + to, b->source + EDGE + from, bytes);
    unsigned char *source = direction == TN_COPY_TO_DEVICE ? staging : b->device[0];
    unsigned char *target = direction == TN_COPY_TO_HOST ? staging : b->device[1];
    const uint64_t all = bytes + 2 * EDGE;
    if (direction == TN_COPY_TO_DEVICE)
        memcpy(source, b->source, all);
    else if (!rig_put(r, source, b->source, all))
        return false;
    if (direction == TN_COPY_TO_HOST)
        memset(target, OLD, all);
    else if (!rig_fill(r, r->d.stream, target, OLD, all))
        return false;
    if (!rig_copy(r, r->d.stream, target + EDGE + to, source + EDGE + from, bytes, direction) ||
        !rig_sync(r, r->d.stream))
        return false;
    if (direction == TN_COPY_TO_HOST)
        memcpy(b->found, target, all);
    else if (!rig_get(r, b->found, target, all))
        return false;
    r->run->compared++;
    for (uint64_t i = 0; i < all; i++)
        if (b->found[i] != b->expected[i]) {
            tell(b, names[direction], bytes, from, to, i);
            return false;
        }
    return true;
}

void conform_memory_copies(conform_run *run)
{
    bench *b = bench_open(run);
    if (!b) return;
    draw(b->source, LARGEST, 1);
    for (uint32_t direction = TN_COPY_TO_DEVICE; direction <= TN_COPY_ON_DEVICE; direction++)
        for (int k = 0; k < (direction == TN_COPY_ON_DEVICE ? 1 : 2); k++) /* with pinned memory, and without */
            for (int i = 0; copied[i]; i++)
                for (int s = 0; s < 8 && run->outcome == CONFORM_PASS; s++)
                    copy_once(b, direction, k ? b->pinned : b->host, copied[i], shifts[s], shifts[(s + i) % 8]);
    bench_close(b);
}

void conform_memory_fills(conform_run *run)
{
    static const uint32_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    bench *b = bench_open(run);
    if (!b) return;
    rig *r = &b->r;
    for (int i = 0; copied[i]; i++)
        for (int s = 0; s < 8; s++) {
            unsigned char *at = b->device[0];
            const uint64_t bytes = copied[i], before = EDGE + shifts[s];
            const uint32_t value = values[(i + s) % 5];
            if (!rig_fill(r, r->d.stream, at, OLD, bytes + 2 * EDGE) ||
                !rig_fill(r, r->d.stream, at + before, value, bytes) ||
                !rig_all(r, at, OLD, before, "what lies in front of a fill") ||
                !rig_all(r, at + before, value, bytes, "a fill") ||
                !rig_all(r, at + before + bytes, OLD, EDGE - shifts[s], "what lies behind a fill")) {
                bench_close(b);
                return;
            }
            run->compared++;
        }
    bench_close(b);
}
