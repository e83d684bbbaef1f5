/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin under the core, as a backend named "candidate": a table of our own, whose functions watch and pass on. */
#include <stdlib.h>

#include "parts.h"

static tn_plugin table;
static const tn_plugin *real;
shim_count shim_live;

/* ---- devices */

static void device_close(tn_device *device)
{
    shim_device *d = (shim_device *)device;
    if (!d) return;
    if (d->looking) real->stream_destroy(d->handle, d->looking);
    real->device_close(d->handle);
    pthread_mutex_destroy(&d->lock);
    free(d);
    __atomic_fetch_sub(&shim_live.devices, 1, __ATOMIC_RELAXED);
}

static tn_status open_real(shim_device *d, uint32_t index, tn_error *error)
{
    tn_status status = real->device_info(index, &d->info, error);
    conform_described(status, error, "device_info");
    if (status == TN_OK) status = real->device_open(index, &d->handle, error);
    conform_described(status, error, "device_open");
    return status;
}

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    shim_device *d = calloc(1, sizeof *d);
    if (!d) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory to watch a device");
    d->plugin = real;
    d->info.struct_size = sizeof d->info;
    tn_status status = open_real(d, index, error);
    if (status != TN_OK) {
        free(d);
        return status;
    }
    pthread_mutex_init(&d->lock, NULL);
    __atomic_fetch_add(&shim_live.devices, 1, __ATOMIC_RELAXED);
    status = real->stream_create(d->handle, &d->looking, error);
    conform_described(status, error, "stream_create");
    if (status == TN_OK)
        *device = (tn_device *)d;
    else
        device_close((tn_device *)d);
    return status;
}

/* ---- what is passed on: the device is the plugin's own there */

#define REAL(device) (((shim_device *)(device))->handle)

/* Counts what was made; or looks at how failing was told. */
static tn_status made(tn_status status, const tn_error *error, const char *what, int64_t *live)
{
    conform_described(status, error, what);
    if (status == TN_OK && live) __atomic_fetch_add(live, 1, __ATOMIC_RELAXED);
    return status;
}

static tn_status memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                             uint32_t direction, tn_error *error)
{
    return made(real->memory_copy(REAL(device), stream, to, from, bytes, direction, error), error, "memory_copy", NULL);
}

static tn_status memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                             tn_error *error)
{
    return made(real->memory_fill(REAL(device), stream, memory, byte, bytes, error), error, "memory_fill", NULL);
}

static tn_status memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error)
{
    return made(real->memory_info(REAL(device), free_bytes, total_bytes, error), error, "memory_info", NULL);
}

static tn_status stream_create(tn_device *device, tn_stream **stream, tn_error *error)
{
    return made(real->stream_create(REAL(device), stream, error), error, "stream_create", &shim_live.streams);
}

static void stream_destroy(tn_device *device, tn_stream *stream)
{
    real->stream_destroy(REAL(device), stream);
    __atomic_fetch_sub(&shim_live.streams, 1, __ATOMIC_RELAXED);
}

static tn_status stream_sync(tn_device *device, tn_stream *stream, tn_error *error)
{
    return made(real->stream_sync(REAL(device), stream, error), error, "stream_sync", NULL);
}

static tn_status event_create(tn_device *device, tn_event **event, tn_error *error)
{
    return made(real->event_create(REAL(device), event, error), error, "event_create", &shim_live.events);
}

static void event_destroy(tn_device *device, tn_event *event)
{
    real->event_destroy(REAL(device), event);
    __atomic_fetch_sub(&shim_live.events, 1, __ATOMIC_RELAXED);
}

static tn_status event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    return made(real->event_record(REAL(device), event, stream, error), error, "event_record", NULL);
}

static tn_status event_wait(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error)
{
    return made(real->event_wait(REAL(device), event, stream, error), error, "event_wait", NULL);
}

static tn_status event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error)
{
    return made(real->event_query(REAL(device), event, done, error), error, "event_query", NULL);
}

static tn_status event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds,
                               tn_error *error)
{
    return made(real->event_elapsed(REAL(device), start, end, nanoseconds, error), error, "event_elapsed", NULL);
}

/* Recorded work could not be watched; level 5 asks the plugin itself. */
static const void *get_extension(const char *name TN_UNUSED, uint32_t version TN_UNUSED)
{
    return NULL;
}

static void shut_down(void)
{
    real->shutdown();
}

/* ---- the table */

static bool wrap_kernels(conform_run *run)
{
    tn_kernel *kernels = calloc(real->n_kernels + 1, sizeof *kernels);
    if (!kernels)
        return conform_fail(run, "no memory for a table of %llu kernels", (unsigned long long)real->n_kernels);
    for (uint64_t i = 0; i < real->n_kernels; i++) {
        const tn_kernel *kernel = &real->kernels[i];
        if (!kernel->schema || !kernel->check || !kernel->plan_create)
            return conform_fail(run, "row %llu of its kernels has no schema, check or plan_create",
                                (unsigned long long)i);
        kernels[i] = (tn_kernel){kernel->schema, shim_check, shim_plan_create, kernel};
    }
    table.kernels = kernels; /* for ever, as the core wants it */
    return true;
}

static tn_status query(const tn_host_api *host TN_UNUSED, const tn_plugin **plugin, tn_error *error TN_UNUSED)
{
    *plugin = &table;
    return TN_OK;
}

const tn_plugin *shim_table(conform_run *run)
{
    if (table.name) return &table;
    if (!real && !(real = conform_load(run))) return NULL;
    table = (tn_plugin){
        .struct_size = sizeof table,
        .abi_major = real->abi_major,
        .abi_minor = real->abi_minor,
        .version = real->version,
        .vendor = real->vendor,
        .library = real->library,
        .n_kernels = real->n_kernels,
        .device_count = real->device_count,
        .device_info = real->device_info,
        .device_open = device_open,
        .device_close = device_close,
        .memory_alloc = shim_memory_alloc,
        .memory_free = shim_memory_free,
        .memory_copy = memory_copy,
        .memory_fill = memory_fill,
        .memory_info = memory_info,
        .stream_create = stream_create,
        .stream_destroy = stream_destroy,
        .stream_sync = stream_sync,
        .event_create = event_create,
        .event_destroy = event_destroy,
        .event_record = event_record,
        .event_wait = event_wait,
        .event_query = event_query,
        .event_elapsed = event_elapsed,
        .get_extension = get_extension,
        .shutdown = shut_down,
    };
    if (!wrap_kernels(run)) return NULL;
    table.name = "candidate";
    tn_add_plugin(query);
    return &table;
}

/* ---- contexts */

tn_context *conform_open(conform_run *run, bool fallback)
{
    char spec[32];
    if (!shim_table(run)) return NULL;
    setenv("TENON_FALLBACK", fallback ? "allow" : "error", 1);
    snprintf(spec, sizeof spec, "candidate:%u", run->options->device);
    tn_context *tn = tn_open(spec);
    if (conform_check_context(run, tn, "opening a context on it")) return tn;
    tn_close(tn);
    return NULL;
}

tn_context *conform_open_reference(conform_run *run)
{
    tn_context *tn = tn_open("reference");
    if (conform_check_context(run, tn, "opening the reference backend")) return tn;
    tn_close(tn);
    return NULL;
}

void conform_close(conform_run *run, tn_context *tn)
{
    if (!tn) return;
    conform_check_context(run, tn, "a check");
    tn_synchronize(tn);
    conform_check_context(run, tn, "waiting for the device");
    shim_memory_intact();
    tn_close(tn);
}
