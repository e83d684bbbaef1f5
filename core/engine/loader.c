/* SPDX-License-Identifier: Apache-2.0
 *
 * From a file to a backend: trust, ELF header, dlopen, query, and what the answer must hold. */
#include "engine/backend.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MINIMUM_MINOR = 0 }; /* the oldest ABI minor that this core can use */

static void refuse(tn_backend *backend, const char *format, ...) TN_PRINTF(2, 3);

static void refuse(tn_backend *backend, const char *format, ...)
{
    char text[1400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    free(backend->refused);
    backend->refused = strdup(text);
    tn_log_line(TN_LOG_DEBUG, "%s: %s", backend->path, text);
}

const char *tn__library_dir(void)
{
    static char dir[PATH_MAX];
    Dl_info info;
    if (dir[0]) return dir;
    char real[PATH_MAX];
    if (!dladdr((void *)&tn__host, &info) || !info.dli_fname || !realpath(info.dli_fname, real)) return NULL;
    snprintf(dir, sizeof dir, "%s", dirname(real));
    return dir;
}

/* ---- the table's promises */

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

static bool name_usable(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n < sizeof((tn_backend *)0)->name && name[n] == 0 && strcmp(name, "auto") != 0;
}

static bool check_table(tn_backend *backend, const tn_plugin *plugin)
{
    const size_t minimum = offsetof(tn_plugin, shutdown) + sizeof plugin->shutdown; /* all of 1.0 */
    if (!plugin)
        refuse(backend, "its query succeeded, but gave no table");
    else if (plugin->struct_size < offsetof(tn_plugin, name))
        refuse(backend, "its table claims a size of %llu bytes", (unsigned long long)plugin->struct_size);
    else if (!tn_abi_compatible(plugin->abi_major, plugin->abi_minor, MINIMUM_MINOR))
        refuse(backend, "it was built for ABI %u.%u; this core needs %d.%d or a later %d.x", plugin->abi_major,
               plugin->abi_minor, TN_ABI_MAJOR, MINIMUM_MINOR, TN_ABI_MAJOR);
    else if (plugin->struct_size < minimum)
        refuse(backend, "its table has %llu bytes, fewer than the %zu of ABI %u.0",
               (unsigned long long)plugin->struct_size, minimum, plugin->abi_major);
    else {
        for (size_t i = 0; i < sizeof required / sizeof *required; i++)
            if (!*(void *const *)((const char *)plugin + required[i].offset)) {
                refuse(backend, "its table has no %s", required[i].name);
                return false;
            }
        if (plugin->n_kernels && !plugin->kernels)
            refuse(backend, "its table has no kernels, but says it has");
        else if (!name_usable(plugin->name))
            refuse(backend, "its name \"%.60s\" is not usable", plugin->name);
        else
            return true;
    }
    return false;
}

/* ---- operators are matched by schema string */

static void adopt_kernel(tn_backend *backend, const tn_kernel *kernel)
{
    char name[64];
    size_t n = kernel->schema ? strcspn(kernel->schema, "/") : 0;
    if (n == 0 || n >= sizeof name || !kernel->check || !kernel->plan_create) {
        tn_log_line(TN_LOG_WARN, "%s: a kernel without schema, check or plan_create is left out", backend->name);
        return;
    }
    memcpy(name, kernel->schema, n);
    name[n] = 0;
    int index = tn__op_index(name), count;
    if (index < 0) {
        tn_log_line(TN_LOG_INFO, "%s offers %s, which this core does not know", backend->name, name);
        return;
    }
    const char *ours = tn_ops(&count)[index].schema;
    if (strcmp(kernel->schema, ours) != 0)
        tn_log_line(TN_LOG_WARN, "%s: %s is disabled, since it was built for another schema:\n  %s\n  %s",
                    backend->name, name, kernel->schema, ours);
    else if (backend->kernels[index])
        tn_log_line(TN_LOG_WARN, "%s offers %s twice; the first is used", backend->name, name);
    else
        backend->kernels[index] = kernel;
}

static void count_devices(tn_backend *backend)
{
    tn_error reason = TN_ERROR_INIT;
    tn_status status = backend->plugin->device_count(&backend->n_devices, &reason);
    if (status != TN_OK) {
        backend->n_devices = 0;
        refuse(backend, "its devices could not be counted: %s", reason.message);
    } else if (backend->n_devices == 0)
        refuse(backend, "%s", reason.message[0] ? reason.message : "it found no device and gave no reason");
}

static void adopt(tn_backend *backend, tn_plugin_query_fn query)
{
    tn_error error = TN_ERROR_INIT;
    const tn_plugin *plugin = NULL;
    tn_status status = query(&tn__host, &plugin, &error);
    error.message[sizeof error.message - 1] = 0;
    if (status != TN_OK) {
        refuse(backend, "it declined: %s", error.message[0] ? error.message : tn_status_name(status));
        return;
    }
    if (!check_table(backend, plugin)) return;
    backend->plugin = plugin;
    snprintf(backend->name, sizeof backend->name, "%s", plugin->name);
    for (uint64_t i = 0; i < plugin->n_kernels; i++) adopt_kernel(backend, &plugin->kernels[i]);
    count_devices(backend);
}

/* Plugins beside libtenon came with it; others are tried in a child first. */
static bool came_with_us(const char *path)
{
    const char *dir = tn__library_dir();
    char real[PATH_MAX];
    size_t n = dir ? strlen(dir) : 0;
    return n && realpath(path, real) && strncmp(real, dir, n) == 0 && real[n] == '/';
}

static void load_file(tn_backend *backend)
{
    char text[PATH_MAX + 400];
    const char *why = tn__distrust(backend->path, text, sizeof text);
    if (!why) why = tn__elf_refuse(backend->path);
    if (!why && !came_with_us(backend->path)) why = tn__probe_refuse(backend->path, text, sizeof text);
    if (why) {
        refuse(backend, "%s", why);
        return;
    }
    /* Never unloaded: threads and exit handlers of native libraries may outlive any moment we could choose. */
    void *handle = dlopen(backend->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        refuse(backend, "it cannot be loaded: %s", dlerror());
        return;
    }
    tn_plugin_query_fn query;
    *(void **)&query = dlsym(handle, TN_PLUGIN_QUERY_SYMBOL);
    if (query)
        adopt(backend, query);
    else
        refuse(backend, "it does not export %s, so it is no Tenon plugin of ABI %d", TN_PLUGIN_QUERY_SYMBOL,
               TN_ABI_MAJOR);
}

void tn__load_plugin(tn_backend *backend)
{
    if (backend->query) {
        adopt(backend, backend->query);
        return;
    }
    uint64_t start = tn__now();
    load_file(backend);
    backend->load_nanoseconds = tn__now() - start;
}
