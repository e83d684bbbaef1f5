/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring. Jobs are numbered from `first`: those below `taken` were given out, those from `taken` to `done` wait in
 * their slots. The slot that was given out last still belongs to the consumer, hence the "+ 1" below. */
#include "data/prefetch.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct tn__prefetch {
    tn__prefetch_fn work;
    void *arg;
    int slots;
    int64_t first, end;
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* there are only two who could wait, and never both at once */
    int64_t taken, done;    /* under lock */
    bool stop;              /* under lock */
};

static int slot_of(const tn__prefetch *p, int64_t job)
{
    return (int)((job - p->first) % p->slots);
}

/* The slot of `done` is free once the consumer has let go of job done - slots: it holds job taken - 1. */
static bool full(const tn__prefetch *p)
{
    int64_t held = p->taken > p->first ? p->taken - 1 : p->first;
    return p->done - held >= p->slots;
}

static void *run(void *arg)
{
    tn__prefetch *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stop && p->done < p->end) {
        if (full(p)) {
            pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        int64_t job = p->done;
        pthread_mutex_unlock(&p->lock);
        p->work(p->arg, job, slot_of(p, job));
        pthread_mutex_lock(&p->lock);
        p->done++;
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Signals are for the program's own threads, except those that tell of a fault in this one. */
static bool start(tn__prefetch *p)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    bool started = pthread_create(&p->thread, NULL, run, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

tn__prefetch *tn__prefetch_open(int slots, int threaded, int64_t first, int64_t end, tn__prefetch_fn work, void *arg)
{
    assert(slots >= 1 && first <= end);
    tn__prefetch *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->work = work;
    p->arg = arg;
    p->slots = slots;
    p->first = p->taken = p->done = first;
    p->end = end;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->threaded = threaded && start(p);
    return p;
}

int tn__prefetch_take(tn__prefetch *p)
{
    pthread_mutex_lock(&p->lock);
    int64_t job = p->taken++;
    assert(job < p->end);
    pthread_cond_signal(&p->changed); /* the slot of the job before is free now */
    while (p->threaded && p->done <= job) pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    if (!p->threaded) p->work(p->arg, job, slot_of(p, job));
    return slot_of(p, job);
}

void tn__prefetch_close(tn__prefetch *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (p->threaded) pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
