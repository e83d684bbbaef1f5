/* SPDX-License-Identifier: Apache-2.0
 *
 * The host as the plugin sees it: the core's own functions, watched. Every block of host memory lies between a head, which
 * tells that it is ours, and a canary. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { CANARY = 16, PATTERN = 0xa7 };
#define OURS 0x6f6e6574u /* in the head of a block that is in use */
#define GONE 0x656e6f67u

typedef struct block_head {
    void *base;
    uint64_t bytes;
    uint64_t mark;
} block_head;

conform_guard conform_guarded = {.fail_at = -1};
static _Thread_local const char *executing; /* the operator that this thread is in execute of */

void conform_guard_executing(const char *op)
{
    executing = op;
}

/* ---- memory */

static bool must_fail(void)
{
    if (__atomic_load_n(&conform_guarded.fail_at, __ATOMIC_RELAXED) < 0) return false;
    return __atomic_fetch_sub(&conform_guarded.fail_at, 1, __ATOMIC_RELAXED) == 0;
}

static void *host_alloc(uint64_t bytes, uint64_t alignment)
{
    if (executing)
        conform_fail(conform_current,
                     "%s: execute allocates %llu bytes from the host; all that it needs belongs to the plan "
                     "or to the workspace",
                     executing, (unsigned long long)bytes);
    if (alignment == 0 || alignment & (alignment - 1)) {
        conform_fail(conform_current, "host->alloc was asked for an alignment of %llu, which is no power of two",
                     (unsigned long long)alignment);
        return NULL;
    }
    __atomic_fetch_add(&conform_guarded.calls, 1, __ATOMIC_RELAXED);
    if (must_fail() || bytes > INT64_MAX / 2) return NULL;
    if (alignment < 16) alignment = 16;
    const uint64_t front = (sizeof(block_head) + alignment - 1) / alignment * alignment;
    char *base = tn_host()->alloc(front + bytes + CANARY, alignment);
    if (!base) return NULL;
    char *memory = base + front;
    const block_head head = {base, bytes, OURS};
    memcpy(memory - sizeof head, &head, sizeof head);
    memset(memory, 0x5b, bytes); /* what is not initialised is not zero by luck */
    memset(memory + bytes, PATTERN, CANARY);
    __atomic_fetch_add(&conform_guarded.live, 1, __ATOMIC_RELAXED);
    return memory;
}

static void host_free(void *memory)
{
    block_head head;
    if (!memory) return;
    memcpy(&head, (char *)memory - sizeof head, sizeof head);
    if (head.mark != OURS) {
        conform_fail(conform_current, "host->free was given %s",
                     head.mark == GONE ? "a block that was released before" : "a block that host->alloc did not give");
        return;
    }
    for (int i = 0; i < CANARY; i++)
        if (((unsigned char *)memory)[head.bytes + (uint64_t)i] != PATTERN) {
            conform_fail(conform_current, "it wrote behind the end of a block of %llu bytes that host->alloc gave",
                         (unsigned long long)head.bytes);
            break;
        }
    head.mark = GONE;
    memcpy((char *)memory - sizeof head, &head, sizeof head);
    __atomic_fetch_sub(&conform_guarded.live, 1, __ATOMIC_RELAXED);
    tn_host()->free(head.base);
}

/* ---- threads: what one may not do in execute, its helpers may not */

typedef struct loop {
    void (*body)(void *arg, int64_t begin, int64_t end);
    void *arg;
    const char *executing;
} loop;

static void loop_body(void *arg, int64_t begin, int64_t end)
{
    const loop *l = arg;
    const char *was = executing;
    const uint64_t mode = conform_float_mode();
    executing = l->executing;
    l->body(l->arg, begin, end);
    executing = was;
    if (conform_float_mode() != mode)
        conform_fail(conform_current, "%s%sa loop on the host's threads left one with another floating-point mode",
                     l->executing ? l->executing : "", l->executing ? ": " : "");
}

static void host_parallel_for(int64_t n, int64_t grain, void (*body)(void *arg, int64_t begin, int64_t end), void *arg)
{
    loop l = {body, arg, executing};
    tn_host()->parallel_for(n, grain, loop_body, &l);
}

static uint64_t host_thread_count(void)
{
    return tn_host()->thread_count();
}

/* ---- the rest */

static void host_log(uint32_t level, const char *message)
{
    if (!message)
        conform_fail(conform_current, "host->log was given no message");
    else
        tn_host()->log(level, message);
}

static const void *host_extension(const char *name, uint32_t version)
{
    return tn_host()->get_extension(name, version);
}

const tn_host_api conform_host = {
    .struct_size = sizeof conform_host,
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .log = host_log,
    .alloc = host_alloc,
    .free = host_free,
    .parallel_for = host_parallel_for,
    .thread_count = host_thread_count,
    .get_extension = host_extension,
};
