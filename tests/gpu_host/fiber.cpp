/* SPDX-License-Identifier: Apache-2.0
 *
 * The scheduler of fibers. Shared memory is filled with poison before each block: static shared variables lie in a
 * section of their own, dynamic ones in a buffer with a canary behind it. */
#include "fiber.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define FIBER_LEAVE(save, stack) __sanitizer_start_switch_fiber(save, (stack).base, (stack).size)
#define FIBER_ENTER(save, from) __sanitizer_finish_switch_fiber(save, &(from).base, &(from).size)
#else
#define FIBER_LEAVE(save, stack) ((void)(save), (void)(stack))
#define FIBER_ENTER(save, from) ((void)(save), (void)(from))
#endif

enum { STACK = 128 << 10, CANARY = 64, POISON = 0xcd };

enum state { RUNNING, AT_BLOCK, AT_WARP, DONE };

struct memory {
    const void *base;
    size_t size;
};

struct fiber {
    state now;
    jmp_buf context;
    ucontext_t start;
    bool started;
    char *stack;
    const char *file; /* where it waits */
    int line;
    uint64_t slot[2]; /* what it gave at the last two meetings of its warp */
    uint32_t meetings;
    void *sanitizer;
};

position here;
unsigned char *dynamic_shared;

extern "C" unsigned char __start_gpu_shared[] __attribute__((weak)), __stop_gpu_shared[] __attribute__((weak));

static fiber fibers[MOST_THREADS];
static fiber *running;
static jmp_buf scheduler;
static memory scheduler_stack;
static void *scheduler_sanitizer;
static const launch *current;
static char trouble[400];

/* ---- switching */

static void leave(void)
{
    FIBER_LEAVE(running->now == DONE ? NULL : &running->sanitizer, scheduler_stack);
    _longjmp(scheduler, 1);
}

static void enter(void)
{
    FIBER_ENTER(NULL, scheduler_stack);
    current->run(current->args);
    running->now = DONE;
    leave();
}

static void pause_fiber(state why, const char *file, int line)
{
    running->now = why;
    running->file = file;
    running->line = line;
    if (_setjmp(running->context) == 0) leave();
    FIBER_ENTER(running->sanitizer, scheduler_stack);
}

static void resume(uint32_t thread)
{
    running = &fibers[thread];
    running->now = RUNNING;
    here.thread = thread;
    if (_setjmp(scheduler) == 0) {
        memory stack = {running->stack, STACK};
        FIBER_LEAVE(&scheduler_sanitizer, stack);
        if (running->started) _longjmp(running->context, 1);
        running->started = true;
        setcontext(&running->start);
    }
    memory from = {};
    FIBER_ENTER(scheduler_sanitizer, from);
}

static bool prepare(uint32_t thread)
{
    fiber *f = &fibers[thread];
    if (!f->stack) {
        void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stack == MAP_FAILED) return false;
        f->stack = (char *)stack;
    }
    f->now = RUNNING;
    f->started = false;
    f->meetings = 0;
    f->sanitizer = NULL;
    getcontext(&f->start);
    f->start.uc_stack.ss_sp = f->stack;
    f->start.uc_stack.ss_size = STACK;
    f->start.uc_link = NULL;
    makecontext(&f->start, enter, 0);
    return true;
}

/* ---- meetings */

void wait_for_block(const char *file, int line)
{
    pause_fiber(AT_BLOCK, file, line);
}

static void meet(uint64_t value, const char *file, int line)
{
    running->slot[running->meetings & 1] = value;
    running->meetings++;
    pause_fiber(AT_WARP, file, line);
}

uint64_t exchange(uint64_t value, uint32_t from, const char *file, int line)
{
    meet(value, file, line);
    uint32_t first = here.thread / here.warp * here.warp, other = first + from % here.warp;
    if (other >= here.threads) other = here.thread;
    return fibers[other].slot[(running->meetings - 1) & 1];
}

uint64_t vote(bool yes, const char *file, int line)
{
    meet(yes, file, line);
    uint32_t first = here.thread / here.warp * here.warp;
    uint64_t bits = 0;
    for (uint32_t i = 0; i < here.warp && first + i < here.threads; i++)
        bits |= fibers[first + i].slot[(running->meetings - 1) & 1] << i;
    return bits;
}

static bool complain(uint32_t thread, const char *what, uint32_t other)
{
    const fiber *f = &fibers[thread], *o = &fibers[other];
    snprintf(trouble, sizeof trouble,
             "kernel %s, block [%u, %u, %u] of %u threads: thread %u waits for its %s at line %d, but thread %u %s%.0d",
             current->name, here.block.x, here.block.y, here.block.z, here.threads, thread, what, f->line, other,
             o->now == DONE ? "has returned" : "waits at another place, line ", o->now == DONE ? 0 : o->line);
    return false;
}

/* Do all fibers of [first, end) wait for the same thing? Then they may go on. */
static bool release(uint32_t first, uint32_t end, state what)
{
    uint32_t waiting = first;
    while (waiting < end && fibers[waiting].now != what) waiting++;
    if (waiting == end) return true;
    for (uint32_t i = first; i < end; i++)
        if (fibers[i].now != what || fibers[i].line != fibers[waiting].line || fibers[i].file != fibers[waiting].file)
            return complain(waiting, what == AT_BLOCK ? "block" : "warp", i);
    for (uint32_t i = first; i < end; i++) fibers[i].now = RUNNING;
    return true;
}

/* ---- blocks */

static uint32_t pick(order how, uint32_t i, uint32_t n, uint32_t round)
{
    if (how == FORWARD) return i;
    if (how == BACKWARD) return n - 1 - i;
    uint32_t step = 7919; /* a prime that no block size is a multiple of */
    return (uint32_t)(((uint64_t)i * step + round * 31u) % n);
}

/* Runs fibers until each waits for the block or is done. */
static bool run_warps(order how, uint32_t *round)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t i = 0; i < here.threads; i++) {
            uint32_t thread = pick(how, i, here.threads, *round);
            if (fibers[thread].now == RUNNING) resume(thread);
        }
        ++*round;
        for (uint32_t first = 0; first < here.threads; first += here.warp) {
            uint32_t end = first + here.warp < here.threads ? first + here.warp : here.threads;
            if (!release(first, end, AT_WARP)) return false;
            moved |= fibers[first].now == RUNNING;
        }
    }
    return true;
}

static bool all_done(void)
{
    for (uint32_t i = 0; i < here.threads; i++)
        if (fibers[i].now != DONE) return false;
    return true;
}

static bool run_block(order how)
{
    uint32_t round = 0;
    for (uint32_t i = 0; i < here.threads; i++)
        if (!prepare(i)) {
            snprintf(trouble, sizeof trouble, "no memory for a stack");
            return false;
        }
    size_t shared = (size_t)(__stop_gpu_shared - __start_gpu_shared);
    if (shared) memset(__start_gpu_shared, POISON, shared); /* else no kernel has such variables: there is no section */
    memset(dynamic_shared, POISON, current->shared_bytes + CANARY);
    while (run_warps(how, &round) && !all_done())
        if (!release(0, here.threads, AT_BLOCK)) return false;
    if (trouble[0]) return false;
    for (size_t i = 0; i < CANARY; i++)
        if (dynamic_shared[current->shared_bytes + i] != POISON) {
            snprintf(trouble, sizeof trouble, "kernel %s writes beyond its %zu bytes of shared memory", current->name,
                     current->shared_bytes);
            return false;
        }
    return true;
}

const char *run_launch(const launch *l, order how)
{
    trouble[0] = 0;
    current = l;
    if (l->threads == 0 || l->threads > MOST_THREADS || l->blocks.x == 0 || l->blocks.y == 0 || l->blocks.z == 0 ||
        l->blocks.y > 65535 || l->blocks.z > 65535) {
        snprintf(trouble, sizeof trouble, "kernel %s cannot be launched with %u threads in %u x %u x %u blocks",
                 l->name, l->threads, l->blocks.x, l->blocks.y, l->blocks.z);
        return trouble;
    }
    dynamic_shared = (unsigned char *)aligned_alloc(256, (l->shared_bytes + CANARY + 255) / 256 * 256);
    here = {0, l->threads, l->warp, {0, 0, 0}, l->blocks};
    bool ok = dynamic_shared != NULL;
    for (here.block.z = 0; ok && here.block.z < l->blocks.z; here.block.z++)
        for (here.block.y = 0; ok && here.block.y < l->blocks.y; here.block.y++)
            for (here.block.x = 0; ok && here.block.x < l->blocks.x; here.block.x++) ok = run_block(how);
    free(dynamic_shared);
    return ok ? NULL : trouble;
}
