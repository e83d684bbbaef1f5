/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin as it is: its table, and one of its devices with a stream, without a core around them. */
#include <dlfcn.h>

#include <string.h>

#include "parts.h"

/* ---- the table */

#define SLOT(field)                        \
    {                                      \
#field, offsetof(tn_plugin, field) \
    }
static const struct {
    const char *name;
    size_t offset;
} required[] = {
    SLOT(name),        SLOT(version),       SLOT(vendor),        SLOT(library),       SLOT(device_count),
    SLOT(device_info), SLOT(device_open),   SLOT(device_close),  SLOT(memory_alloc),  SLOT(memory_free),
    SLOT(memory_copy), SLOT(memory_fill),   SLOT(memory_info),   SLOT(stream_create), SLOT(stream_destroy),
    SLOT(stream_sync), SLOT(event_create),  SLOT(event_destroy), SLOT(event_record),  SLOT(event_wait),
    SLOT(event_query), SLOT(event_elapsed), SLOT(get_extension), SLOT(shutdown),
};
#undef SLOT

bool conform_table_complete(conform_run *run, const tn_plugin *plugin)
{
    if (!TN_HAS_FIELD(plugin, tn_plugin, shutdown))
        return conform_fail(run, "the table claims a size of %llu bytes, fewer than the %zu of ABI 1.0",
                            (unsigned long long)plugin->struct_size, sizeof *plugin);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!*(void *const *)((const char *)plugin + required[i].offset))
            return conform_fail(run, "the table has no %s", required[i].name);
    if (!tn_abi_compatible(plugin->abi_major, plugin->abi_minor, 0))
        return conform_fail(run, "the table is of ABI %u.%u; this core needs %d", plugin->abi_major, plugin->abi_minor,
                            TN_ABI_MAJOR);
    const size_t n = strspn(plugin->name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (n == 0 || n >= sizeof((tn_plugin_note *)0)->name || plugin->name[n] || strcmp(plugin->name, "auto") == 0)
        return conform_fail(run,
                            "the name \"%.60s\" is not usable: lower case letters, digits, _ and -, and not \"auto\"",
                            plugin->name);
    return !plugin->n_kernels || plugin->kernels || conform_fail(run, "the table has no kernels, but says it has");
}

/* ---- loading */

tn_plugin_query_fn conform_find_query(conform_run *run)
{
    const char *path = run->options->path;
    tn_plugin_query_fn query = NULL;
    if (!path) return tn_reference_query;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        conform_fail(run, "it cannot be loaded: %s", dlerror());
    else if (!(*(void **)&query = dlsym(handle, TN_PLUGIN_QUERY_SYMBOL)))
        conform_fail(run, "it does not export %s", TN_PLUGIN_QUERY_SYMBOL);
    return query;
}

const tn_plugin *conform_load(conform_run *run)
{
    tn_error why = {.struct_size = sizeof why};
    const tn_plugin *plugin = NULL;
    tn_plugin_query_fn query = conform_find_query(run);
    if (!query) return NULL;
    tn_status status = query(&conform_host, &plugin, &why);
    if (status != TN_OK) {
        conform_fail(run, "query declined this core: %s", why.message[0] ? why.message : tn_status_name(status));
        return NULL;
    }
    if (!plugin) conform_fail(run, "query succeeded, but gave no table");
    return plugin && conform_table_complete(run, plugin) ? plugin : NULL;
}

/* ---- operators */

const tn_op_status *conform_find_op(const char *name)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(ops[i].name, name) == 0) return &ops[i];
    return NULL;
}

const tn_kernel *conform_find_kernel(const tn_plugin *plugin, const char *op)
{
    const tn_op_status *row = conform_find_op(op);
    for (uint64_t i = 0; row && i < plugin->n_kernels; i++) {
        const char *schema = plugin->kernels[i].schema;
        if (schema && strcmp(schema, row->schema) == 0) return &plugin->kernels[i];
    }
    return NULL;
}

/* ---- a device */

static bool open_parts(conform_run *run, conform_device *device)
{
    tn_error why = {.struct_size = sizeof why};
    const tn_plugin *plugin = device->plugin;
    const uint32_t index = run->options->device;
    device->info.struct_size = sizeof device->info;
    if (plugin->device_info(index, &device->info, &why) != TN_OK)
        return conform_fail(run, "device_info of device %u failed: %s", index, why.message);
    if (plugin->device_open(index, &device->handle, &why) != TN_OK)
        return conform_fail(run, "device_open of device %u failed: %s", index, why.message);
    if (plugin->stream_create(device->handle, &device->stream, &why) != TN_OK)
        return conform_fail(run, "stream_create failed: %s", why.message);
    return true;
}

bool conform_device_open(conform_run *run, conform_device *device)
{
    return conform_device_open_on(run, device, conform_load(run));
}

bool conform_device_open_on(conform_run *run, conform_device *device, const tn_plugin *plugin)
{
    *device = (conform_device){.plugin = plugin};
    if (!device->plugin) return false;
    if (open_parts(run, device)) return true;
    conform_device_close(device);
    return false;
}

void conform_device_close(conform_device *device)
{
    if (device->stream) device->plugin->stream_destroy(device->handle, device->stream);
    if (device->handle) device->plugin->device_close(device->handle);
    device->stream = NULL;
    device->handle = NULL;
}
