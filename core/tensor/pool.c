/* SPDX-License-Identifier: Apache-2.0
 *
 * The caching allocator of one device. Sizes are rounded up to classes, eight to each doubling, so that at most an
 * eighth is wasted; a freed block waits in its class for the next request. Training asks for the same sizes at each
 * step, so after the first step nothing reaches the device's own allocator. */
#include "tensor/tensor.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 8, SMALLEST = 512, CLASSES = 56 * STEPS };

typedef struct block {
    void *memory;
    struct block *next;
} block;

struct tn_pool {
    tn_dev *dev;
    block *cached[CLASSES];
    block *spare; /* list cells not in use */
    tn_memory stats;
};

/* The class that holds `bytes`, and its size. */
static int size_class(uint64_t bytes, uint64_t *size)
{
    uint64_t base = SMALLEST;
    int class = 0;
    while (base < bytes / 2 + bytes % 2) {
        base *= 2;
        class += STEPS;
    }
    uint64_t step = base / STEPS, extra = bytes > base ? (bytes - base + step - 1) / step : 0;
    *size = base + extra * step;
    return class + (int)extra;
}

tn_pool *tn__pool_open(tn_dev *dev)
{
    tn_pool *pool = calloc(1, sizeof *pool);
    if (pool) pool->dev = dev;
    return pool;
}

/* The device may take memory back only when no queued work uses it. */
static void wait_for_device(const tn_pool *pool)
{
    tn_error ignored = TN_ERROR_INIT;
    const tn_dev *dev = pool->dev;
    if (dev->stream && !(dev->info.flags & TN_DEVICE_SYNCHRONOUS))
        dev->plugin->stream_sync(dev->handle, dev->stream, &ignored);
}

void tn__pool_trim(tn_pool *pool)
{
    wait_for_device(pool);
    for (int class = 0; class < CLASSES; class ++)
        for (block *b; (b = pool->cached[class]);) {
            uint64_t base = (uint64_t)SMALLEST << (class / STEPS);
            pool->cached[class] = b->next;
            pool->dev->plugin->memory_free(pool->dev->handle, TN_MEMORY_DEVICE, b->memory);
            pool->stats.reserved -= base + base / STEPS * (uint64_t)(class % STEPS);
            free(b);
        }
}

void tn__pool_close(tn_pool *pool)
{
    if (!pool) return;
    tn__pool_trim(pool);
    for (block *b; (b = pool->spare);) {
        pool->spare = b->next;
        free(b);
    }
    free(pool);
}

/* The device has told what was asked of it, and what is free. */
static void add_what_is_live(const tn_pool *pool, tn_error *error)
{
    size_t used = strlen(error->message);
    snprintf(error->message + used, sizeof error->message - used, "; tensors of this program take %llu bytes there",
             (unsigned long long)pool->stats.live);
}

static void *from_device(tn_pool *pool, uint64_t size, tn_error *error)
{
    const tn_plugin *plugin = pool->dev->plugin;
    tn_device *device = pool->dev->handle;
    void *memory = NULL;
    tn_status status = plugin->memory_alloc(device, TN_MEMORY_DEVICE, size, &memory, error);
    if (status == TN_OUT_OF_MEMORY && pool->stats.reserved > pool->stats.live) {
        tn__pool_trim(pool);
        status = plugin->memory_alloc(device, TN_MEMORY_DEVICE, size, &memory, error);
    }
    if (status == TN_OUT_OF_MEMORY) add_what_is_live(pool, error);
    if (status != TN_OK) return NULL;
    pool->stats.reserved += size;
    return memory;
}

void *tn__pool_alloc(tn_pool *pool, uint64_t *bytes, tn_error *error)
{
    if (*bytes > INT64_MAX / 4) {
        tn_fail(error, TN_OUT_OF_MEMORY, 0, "%llu bytes are more than any machine has", (unsigned long long)*bytes);
        return NULL;
    }
    int class = size_class(*bytes, bytes);
    void *memory;
    block *b = pool->cached[class];
    if (b) {
        memory = b->memory;
        pool->cached[class] = b->next;
        b->next = pool->spare;
        pool->spare = b;
    } else {
        memory = from_device(pool, *bytes, error);
        if (!memory) return NULL;
    }
    pool->stats.live += *bytes;
    if (pool->stats.live > pool->stats.peak) pool->stats.peak = pool->stats.live;
    return memory;
}

void tn__pool_free(tn_pool *pool, void *memory, uint64_t bytes)
{
    if (!memory) return;
    pool->stats.live -= bytes;
    block *b = pool->spare;
    if (b)
        pool->spare = b->next;
    else if (!(b = malloc(sizeof *b))) {
        wait_for_device(pool);
        pool->dev->plugin->memory_free(pool->dev->handle, TN_MEMORY_DEVICE, memory);
        pool->stats.reserved -= bytes;
        return;
    }
    int class = size_class(bytes, &bytes);
    *b = (block){memory, pool->cached[class]};
    pool->cached[class] = b;
}

tn_memory tn__pool_stats(const tn_pool *pool)
{
    return pool->stats;
}

void tn__pool_reset_peak(tn_pool *pool)
{
    pool->stats.peak = pool->stats.live;
}
