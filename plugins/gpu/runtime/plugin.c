/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of a plugin that is made of plugins/gpu and a vendor's part, and its entry symbol. */
#include "plugin.h"
#include "runtime.h"

#include <string.h>

enum { MOST_KERNELS = 256 };

static tn_kernel kernels[MOST_KERNELS];

static const void *get_extension(const char *name, uint32_t version)
{
    return strcmp(name, TN_EXTENSION_GRAPH) == 0 && version == 1 ? &gpu_graph : NULL;
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
    .device_count = gpu_device_count,
    .device_info = gpu_device_info,
    .device_open = gpu_device_open,
    .device_close = gpu_device_close,
    .memory_alloc = gpu_memory_alloc,
    .memory_free = gpu_memory_free,
    .memory_copy = gpu_memory_copy,
    .memory_fill = gpu_memory_fill,
    .memory_info = gpu_memory_info,
    .stream_create = gpu_stream_create,
    .stream_destroy = gpu_stream_destroy,
    .stream_sync = gpu_stream_sync,
    .event_create = gpu_event_create,
    .event_destroy = gpu_event_destroy,
    .event_record = gpu_event_record,
    .event_wait = gpu_event_wait,
    .event_query = gpu_event_query,
    .event_elapsed = gpu_event_elapsed,
    .get_extension = get_extension,
    .shutdown = shutdown,
};

TN_EXPORT tn_status tn_plugin_query_v1(const tn_host_api *host, const tn_plugin **result, tn_error *error)
{
    GPU_TRY(gpu_check_host(host, error));
    plugin.library = gpu_this_vendor.library();
    plugin.n_kernels = gpu_n_kernels;
    if (gpu_n_kernels > MOST_KERNELS)
        return tn_fail(error, TN_INTERNAL, 0, "the plugin's table has no room for %llu kernels",
                       (unsigned long long)gpu_n_kernels);
    for (uint64_t i = 0; i < gpu_n_kernels; i++)
        kernels[i] = gpu_this_vendor.row_of ? gpu_this_vendor.row_of(&gpu_kernels[i]) : gpu_kernels[i];
    *result = &plugin;
    return TN_OK;
}
