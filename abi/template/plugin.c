/* SPDX-License-Identifier: Apache-2.0
 *
 * What this plugin offers, and its entry symbol. */
#include "plugin.h"

const tn_host_api *host;

static const tn_kernel kernels[] = {
    /* schema compiled against  says why not  builds the plan  the plugin's own */
    {TN_SCHEMA(relu), relu_check, relu_plan, NULL},
};

static const void *get_extension(const char *name, uint32_t version)
{
    (void)name, (void)version;
    return NULL;
}

/* Nothing here is process-wide. */
static void shutdown(void)
{
}

/* Name, version and vendor are those of tenon_add_plugin, which the note in this plugin's file repeats. */
static const tn_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .name = TN_PLUGIN_NAME,
    .version = TN_PLUGIN_VERSION,
    .vendor = TN_PLUGIN_VENDOR,
    .library = "none", /* the vendor's library and its version, as found at run time */
    .kernels = kernels,
    .n_kernels = sizeof kernels / sizeof kernels[0],
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .memory_alloc = memory_alloc,
    .memory_free = memory_free,
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
    .shutdown = shutdown,
};

/* May be called more than once. Declines hosts that lack what the plugin uses. */
tn_status tn_plugin_query_v1(const tn_host_api *offered, const tn_plugin **result, tn_error *error)
{
    if (!TN_HAS_FIELD(offered, tn_host_api, parallel_for) || offered->abi_major != TN_ABI_MAJOR)
        return tn_fail(error, TN_UNSUPPORTED, 0, TN_PLUGIN_NAME " needs a host with ABI %d, not %u", TN_ABI_MAJOR,
                       offered->abi_major);
    host = offered;
    *result = &plugin;
    return TN_OK;
}
