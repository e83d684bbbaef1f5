/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan cache of a device. A use of an operator is told apart by everything that a plugin may look at: operator,
 * attributes, and the descriptors of all tensors. */
#include "engine/backend.h"
#include "ops/schema.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_USES = 4096 }; /* then the cache starts anew: shapes that never repeat must not fill the memory */

typedef struct entry {
    uint64_t hash;
    uint64_t *key;
    size_t words;
    tn_use use;
} entry;

struct tn_plan_cache {
    entry *entries; /* open addressing; key NULL: free */
    size_t n, room; /* room: a power of two */
    uint64_t *key;  /* of the use being looked for */
    size_t words, key_room;
};

tn_plan_cache *tn__plan_cache_open(void)
{
    return calloc(1, sizeof(tn_plan_cache));
}

static void clear(tn_plan_cache *cache)
{
    for (size_t i = 0; i < cache->room; i++) {
        entry *e = &cache->entries[i];
        if (!e->key) continue;
        if (e->use.plan) e->use.plan->destroy(e->use.plan);
        free(e->use.why);
        free(e->key);
    }
    free(cache->entries);
    cache->entries = NULL;
    cache->n = cache->room = 0;
}

void tn__plan_cache_close(tn_plan_cache *cache)
{
    if (!cache) return;
    clear(cache);
    free(cache->key);
    free(cache);
}

/* ---- keys */

static bool put(tn_plan_cache *cache, const void *words, size_t n)
{
    if (cache->words + n > cache->key_room) {
        size_t room = 2 * (cache->words + n);
        uint64_t *key = realloc(cache->key, room * sizeof *key);
        if (!key) return false;
        cache->key = key;
        cache->key_room = room;
    }
    memcpy(cache->key + cache->words, words, n * sizeof *cache->key);
    cache->words += n;
    return true;
}

static bool put_desc(tn_plan_cache *cache, const tn_tensor_desc *desc)
{
    if (!desc) return put(cache, &(uint64_t){UINT64_MAX}, 1);
    uint64_t head = desc->alignment << 32 | (uint64_t)desc->rank << 16 | desc->dtype;
    return put(cache, &head, 1) && put(cache, desc->dims, desc->rank) && put(cache, desc->strides, desc->rank);
}

static bool make_key(tn_plan_cache *cache, int op, size_t attrs_size, const tn_op_desc *desc)
{
    uint64_t head[] = {(uint64_t)op << 32 | desc->flags, desc->n_in};
    cache->words = 0;
    bool ok = put(cache, head, 2);
    if (attrs_size) ok = ok && put(cache, desc->attrs, attrs_size / sizeof(uint64_t));
    for (uint64_t i = 0; ok && i < desc->n_in; i++) ok = put_desc(cache, desc->in[i]);
    for (uint64_t i = 0; ok && i < desc->n_out; i++) ok = put_desc(cache, desc->out[i]);
    return ok;
}

/* FNV-1a over words, with a final mix since slots are taken from the low bits. */
static uint64_t hash_of(const uint64_t *key, size_t words)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < words; i++) hash = (hash ^ key[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

/* ---- table */

static entry *slot(tn_plan_cache *cache, uint64_t hash, const uint64_t *key, size_t words)
{
    for (size_t i = hash;; i++) {
        entry *e = &cache->entries[i & (cache->room - 1)];
        if (!e->key || (e->hash == hash && e->words == words && memcmp(e->key, key, words * sizeof *key) == 0))
            return e;
    }
}

static bool make_room(tn_dev *dev)
{
    tn_plan_cache *cache = dev->plans;
    if (cache->n >= MOST_USES && tn__sync(dev) == TN_OK) clear(cache); /* no queued work may lose its plan */
    if (2 * cache->n < cache->room) return true;
    size_t room = cache->room ? 2 * cache->room : 128;
    entry *old = cache->entries, *entries = calloc(room, sizeof *entries);
    size_t old_room = cache->room;
    if (!entries) return false;
    cache->entries = entries;
    cache->room = room;
    for (size_t i = 0; i < old_room; i++)
        if (old[i].key) *slot(cache, old[i].hash, old[i].key, old[i].words) = old[i];
    free(old);
    return true;
}

/* ---- making */

tn_status tn__plan_create(tn_dev *dev, const tn_op *op, const tn_op_desc *desc, tn_plan **plan, uint64_t *nanoseconds,
                          tn_error *error)
{
    const tn_kernel *kernel = dev->backend->kernels[tn__op_index_of(op)];
    if (!kernel) return tn_fail(error, TN_UNSUPPORTED, 0, "it has no kernel for %s", op->name);
    tn_status status = kernel->check(kernel, dev->handle, desc, error);
    if (status != TN_OK) return status;
    uint64_t start = tn__now();
    status = kernel->plan_create(kernel, dev->handle, desc, plan, error);
    *nanoseconds = tn__now() - start;
    if (status != TN_OK || !(desc->flags & TN_OP_DETERMINISTIC) || (*plan)->flags & TN_PLAN_DETERMINISTIC)
        return status;
    tn_fail(error, TN_UNSUPPORTED, 0, "its plan of %s (%s) need not give the same bits each time, as it was asked to",
            op->name, (*plan)->implementation);
    (*plan)->destroy(*plan);
    *plan = NULL;
    return TN_UNSUPPORTED;
}

/* Decides how dev runs op, and makes the plan. False after raising. */
static bool decide(tn_dev *dev, const tn_op *op, const tn_op_desc *desc, tn_use *use)
{
    tn_error error = TN_ERROR_INIT;
    uint64_t nanoseconds = 0;
    use->placement = -1;
    tn_status status = tn__plan_create(dev, op, desc, &use->plan, &nanoseconds, &error);
    if (status == TN_OK) {
        tn__planned(dev->ctx, use, op, dev, nanoseconds);
        use->route = TN_ROUTE_PLAN;
        return true;
    }
    if (status != TN_UNSUPPORTED) {
        tn__raise_error(dev->ctx, op->name, &error);
        return false;
    }
    use->route = op->decompose ? TN_ROUTE_DECOMPOSE : TN_ROUTE_FALLBACK;
    use->why = strdup(error.message);
    tn_log_line(TN_LOG_DEBUG, "%s on %s: %s; %s", op->name, dev->name, error.message,
                op->decompose ? "its decomposition runs" : "the reference backend is asked");
    return use->why != NULL;
}

tn_use *tn__plan(tn_dev *dev, const tn_op *op, const tn_op_desc *desc)
{
    tn_plan_cache *cache = dev->plans;
    int index = tn__op_index_of(op);
    bool ok = make_key(cache, index, tn__op_schema(op)->attrs_size, desc);
    uint64_t hash = ok ? hash_of(cache->key, cache->words) : 0;
    if (ok && cache->room) {
        entry *e = slot(cache, hash, cache->key, cache->words);
        if (e->key) return &e->use;
    }
    tn_use use = {0};
    uint64_t *key = ok && make_room(dev) ? malloc(cache->words * sizeof *key) : NULL;
    if (!key) {
        tn_raise(dev->ctx, TN_OUT_OF_MEMORY, "%s: no host memory for a plan", op->name);
        return NULL;
    }
    memcpy(key, cache->key, cache->words * sizeof *key);
    if (!decide(dev, op, desc, &use)) {
        free(key);
        return NULL;
    }
    entry *e = slot(cache, hash, key, cache->words);
    *e = (entry){.hash = hash, .key = key, .words = cache->words, .use = use};
    cache->n++;
    return &e->use;
}
