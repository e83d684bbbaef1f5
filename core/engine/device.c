/* SPDX-License-Identifier: Apache-2.0
 *
 * Contexts, and the devices that they have open. */
#include "engine/backend.h"

#include <stdlib.h>
#include <string.h>

const char *tn_version(void)
{
    return TN_VERSION;
}

/* ---- devices */

static void dev_close(tn_dev *dev)
{
    if (!dev) return;
    tn__plan_cache_close(dev->plans);
    tn__pool_close(dev->pool);
    tn__timer_release(dev);
    if (dev->stream) dev->plugin->stream_destroy(dev->handle, dev->stream);
    if (dev->handle) dev->plugin->device_close(dev->handle);
    free(dev);
}

static tn_dev *dev_open(tn_context *tn, const tn_backend *backend, uint32_t index)
{
    tn_error error = TN_ERROR_INIT;
    tn_dev *dev = calloc(1, sizeof *dev);
    if (!dev) goto no_memory;
    dev->ctx = tn;
    dev->backend = backend;
    dev->plugin = backend->plugin;
    dev->index = index;
    snprintf(dev->name, sizeof dev->name, "%s:%u", backend->name, index);
    dev->info.struct_size = sizeof dev->info;
    if (dev->plugin->device_info(index, &dev->info, &error) != TN_OK ||
        dev->plugin->device_open(index, &dev->handle, &error) != TN_OK ||
        dev->plugin->stream_create(dev->handle, &dev->stream, &error) != TN_OK) {
        char what[100];
        snprintf(what, sizeof what, "%s cannot be opened", dev->name);
        tn__raise_error(tn, what, &error);
        goto fail;
    }
    if (!(dev->pool = tn__pool_open(dev)) || !(dev->plans = tn__plan_cache_open())) goto no_memory;
    return dev;

no_memory:
    tn_raise(tn, TN_OUT_OF_MEMORY, "no host memory to open a device");
fail:
    dev_close(dev);
    return NULL;
}

static tn_dev *dev_of(tn_context *tn, const tn_backend *backend, uint32_t index)
{
    for (tn_dev *dev = tn->devs; dev; dev = dev->next)
        if (dev->backend == backend && dev->index == index) return dev;
    tn_dev *dev = dev_open(tn, backend, index);
    if (!dev) return NULL;
    dev->next = tn->devs;
    tn->devs = dev;
    return dev;
}

tn_dev *tn__device(tn_context *tn, const char *spec)
{
    uint32_t index;
    bool named;
    const tn_backend *backend = tn__choose(tn, spec, &index, &named);
    return backend ? dev_of(tn, backend, index) : NULL;
}

tn_dev *tn__reference_dev(tn_context *tn)
{
    return tn__device(tn, "reference");
}

tn_status tn__sync(tn_dev *dev)
{
    tn_error error = TN_ERROR_INIT;
    if (dev->plugin->stream_sync(dev->handle, dev->stream, &error) != TN_OK)
        tn__raise_error(dev->ctx, dev->name, &error);
    return tn_check(dev->ctx);
}

tn_status tn_synchronize(tn_context *tn)
{
    for (tn_dev *dev = tn->devs; dev; dev = dev->next) tn__sync(dev);
    return tn_check(tn);
}

const char *tn_default_device(const tn_context *tn)
{
    return tn->default_dev ? tn->default_dev->name : "";
}

tn_status tn_set_default_device(tn_context *tn, const char *spec)
{
    tn_dev *dev = tn__device(tn, spec);
    if (!dev) return tn_check(tn);
    tn->default_dev = dev;
    return TN_OK;
}

static const tn_dev *find_open(const tn_context *tn, const char *name)
{
    for (const tn_dev *dev = tn->devs; dev; dev = dev->next)
        if (strcmp(dev->name, name) == 0 || strcmp(dev->backend->name, name) == 0) return dev;
    return NULL;
}

tn_memory tn_memory_stats(const tn_context *tn, const char *device)
{
    const tn_dev *dev = find_open(tn, device);
    tn_memory stats = dev ? tn__pool_stats(dev->pool) : (tn_memory){0};
    stats.total = dev ? dev->info.memory_bytes : 0;
    return stats;
}

void tn_reset_peak_memory(tn_context *tn, const char *device)
{
    const tn_dev *dev = find_open(tn, device);
    if (dev) tn__pool_reset_peak(dev->pool);
}

/* ---- contexts */

static void choose_fallback(tn_context *tn, bool named)
{
    static const char *const names[] = {
        [TN_FALLBACK_ERROR] = "error", [TN_FALLBACK_WARN] = "warn", [TN_FALLBACK_ALLOW] = "allow"};
    const char *wanted = secure_getenv("TENON_FALLBACK");
    tn->fallback = named ? TN_FALLBACK_ERROR : TN_FALLBACK_WARN;
    if (!wanted) return;
    for (int i = 0; i < 3; i++)
        if (strcmp(wanted, names[i]) == 0) {
            tn->fallback = (tn_fallback)i;
            return;
        }
    tn_raise(tn, TN_INVALID, "TENON_FALLBACK is \"%s\"; it may be error, warn or allow", wanted);
}

static tn_context *context_new(void)
{
    tn_context *tn = calloc(1, sizeof *tn);
    if (!tn) {
        fprintf(stderr, "tenon: error: no memory for a context\n");
        abort();
    }
    tn->error = TN_ERROR_INIT;
    tn->nil = (tn_tensor){.refs = 1, .ctx = tn};
    tn->outermost.depth = 1;
    tn->scope = &tn->outermost;
    tn->grad_enabled = true;
    tn->seed = 5489; /* of a generator that nobody seeded */
    return tn;
}

tn_context *tn_open(const char *spec)
{
    tn_context *tn = context_new();
    const char *environment = secure_getenv("TENON_BACKEND");
    if (!spec) spec = environment && *environment ? environment : "auto";
    tn_set_num_threads(tn_get_num_threads()); /* for native libraries, whose number belongs to the thread */
    uint32_t index;
    bool named;
    const tn_backend *backend = tn__choose(tn, spec, &index, &named);
    choose_fallback(tn, named);
    tn__modes_from_environment(tn);
    if (backend) tn->default_dev = dev_of(tn, backend, index);
    return tn;
}

void tn_on_close(tn_context *tn, void (*release)(void *object), void *object)
{
    tn_closer *closer = malloc(sizeof *closer);
    if (!closer) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "no host memory to register an object");
        release(object);
        return;
    }
    *closer = (tn_closer){release, object, tn->closers};
    tn->closers = closer;
}

void tn__forget_close(tn_context *tn, const void *object)
{
    for (tn_closer **at = &tn->closers; *at; at = &(*at)->next) {
        tn_closer *closer = *at;
        if (closer->object != object) continue;
        *at = closer->next;
        free(closer);
        return;
    }
}

int tn_close(tn_context *tn)
{
    if (!tn) return 0;
    int failed = tn->error.status != TN_OK;
    if (failed) fprintf(stderr, "tenon: error: %s\n", tn->error.message);
    for (tn_closer *closer; (closer = tn->closers);) {
        tn->closers = closer->next;
        closer->release(closer->object);
        free(closer);
    }
    for (tn_dev *dev = tn->devs; dev; dev = dev->next)
        if (dev->stream) {
            tn_error ignored = TN_ERROR_INIT;
            dev->plugin->stream_sync(dev->handle, dev->stream, &ignored);
        }
    tn__scopes_close(tn);
    for (tn_dev *dev; (dev = tn->devs);) {
        tn->devs = dev->next;
        dev_close(dev);
    }
    tn_reset_placements(tn);
    free(tn->placements);
    free(tn);
    return failed;
}

/* ---- the generator: counter-based, so its state is two numbers */

void tn_manual_seed(tn_context *tn, uint64_t seed)
{
    tn_set_rng_state(tn, seed, 0);
}

void tn_get_rng_state(const tn_context *tn, uint64_t *seed, uint64_t *offset)
{
    *seed = tn->seed;
    *offset = tn->rng_offset;
}

void tn_set_rng_state(tn_context *tn, uint64_t seed, uint64_t offset)
{
    tn->seed = seed;
    tn->rng_offset = offset;
}

void tn__next_rng(tn_context *tn, uint64_t *seed, uint64_t *offset)
{
    *seed = tn->seed;
    *offset = tn->rng_offset++;
}
