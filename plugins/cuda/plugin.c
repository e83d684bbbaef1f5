/* SPDX-License-Identifier: Apache-2.0
 *
 * Tenon's CUDA plugin: what it offers, and its entry symbol. */
#include "plugin.h"
#include "cuda.h"

#include <signal.h>
#include <string.h>

enum { MOST_KERNELS = 256 };

static tn_kernel kernels[MOST_KERNELS];

static tn_status shared_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const tn_kernel *shared = self->data;
    return shared->check(shared, device, desc, error);
}

/* cuDNN compiles some of its engines when it plans, by a compiler that installs handlers of signals for itself. They
 * are the program's, and are put back. */
static tn_status library_plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                     tn_error *error)
{
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
                                  SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS};
    enum { SIGNALS = sizeof signals / sizeof *signals };
    const tn_kernel *shared = self->data;
    struct sigaction before[SIGNALS];
    const cu_library_row *row = cu_library_rows;
    while (strcmp(row->schema, shared->schema) != 0) row++;
    for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], NULL, &before[i]);
    tn_status status = row->plan_create(self, device, desc, plan, error);
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 &&
            (now.sa_handler != before[i].sa_handler || now.sa_flags != before[i].sa_flags))
            sigaction(signals[i], &before[i], NULL);
    }
    return status;
}

/* The shared kernels' row, or one that comes back to it for what the library does not take. */
static tn_kernel row_of(const tn_kernel *shared)
{
    for (const cu_library_row *row = cu_library_rows; row->schema; row++)
        if (strcmp(row->schema, shared->schema) == 0)
            return (tn_kernel){shared->schema, shared_check, library_plan_create, shared};
    return *shared;
}

static const void *get_extension(const char *name, uint32_t version)
{
    return strcmp(name, TN_EXTENSION_GRAPH) == 0 && version == 1 ? &cu_graph : NULL;
}

/* The driver's contexts go with the process. */
static void shutdown(void)
{
}

static tn_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .name = TN_PLUGIN_NAME,
    .version = TN_PLUGIN_VERSION,
    .vendor = TN_PLUGIN_VENDOR,
    .kernels = kernels,
    .device_count = cu_device_count,
    .device_info = cu_device_info,
    .device_open = cu_device_open,
    .device_close = cu_device_close,
    .memory_alloc = cu_memory_alloc,
    .memory_free = cu_memory_free,
    .memory_copy = cu_memory_copy,
    .memory_fill = cu_memory_fill,
    .memory_info = cu_memory_info,
    .stream_create = cu_stream_create,
    .stream_destroy = cu_stream_destroy,
    .stream_sync = cu_stream_sync,
    .event_create = cu_event_create,
    .event_destroy = cu_event_destroy,
    .event_record = cu_event_record,
    .event_wait = cu_event_wait,
    .event_query = cu_event_query,
    .event_elapsed = cu_event_elapsed,
    .get_extension = get_extension,
    .shutdown = shutdown,
};

TN_EXPORT tn_status tn_plugin_query_v1(const tn_host_api *host, const tn_plugin **result, tn_error *error)
{
    GPU_TRY(gpu_check_host(host, error));
    plugin.library = cu_library();
    plugin.n_kernels = gpu_n_kernels;
    if (gpu_n_kernels > MOST_KERNELS)
        return tn_fail(error, TN_INTERNAL, 0, "the plugin's table has no room for %llu kernels",
                       (unsigned long long)gpu_n_kernels);
    for (uint64_t i = 0; i < gpu_n_kernels; i++) kernels[i] = row_of(&gpu_kernels[i]);
    *result = &plugin;
    return TN_OK;
}
