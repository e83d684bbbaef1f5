/* SPDX-License-Identifier: Apache-2.0
 *
 * From a file to a backend: first what can be read of it, then dlopen, query, and what the answer must hold. */
#include "engine/backend.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <link.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MINIMUM_MINOR = 0 }; /* the oldest ABI minor that this core can use */

void tn__refuse_plugin(tn_backend *backend, const char *rule, const char *format, ...)
{
    char text[1400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    free(backend->refused);
    backend->refused = strdup(text);
    backend->rule = rule;
    tn_log_line(TN_LOG_DEBUG, "%s: %s", backend->path, text);
}

const char *tn__library_dir(void)
{
    static char dir[PATH_MAX];
    char real[PATH_MAX];
    Dl_info info;
    struct link_map *map = NULL;
    if (dir[0]) return dir;
    if (!dladdr1(&tn__host, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) return NULL;
    /* A program that the core is linked into has no name there, and argv[0] is what its caller likes to say. */
    if (!realpath(*map->l_name ? map->l_name : "/proc/self/exe", real)) return NULL;
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

static bool check_slots(tn_backend *backend, const tn_plugin *plugin)
{
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!*(void *const *)((const char *)plugin + required[i].offset)) {
            tn__refuse_plugin(backend, "table", "its table has no %s", required[i].name);
            return false;
        }
    return true;
}

static bool refuse_abi(tn_backend *backend, uint32_t major, uint32_t minor)
{
    if (tn_abi_compatible(major, minor, MINIMUM_MINOR)) return false;
    tn__refuse_plugin(backend, "abi", "it was built for ABI %u.%u; this core needs %d.%d or a later %d.x", major, minor,
                      TN_ABI_MAJOR, MINIMUM_MINOR, TN_ABI_MAJOR);
    return true;
}

static bool check_table(tn_backend *backend, const tn_plugin *plugin)
{
    const size_t minimum = offsetof(tn_plugin, shutdown) + sizeof plugin->shutdown; /* all of 1.0 */
    if (!plugin)
        tn__refuse_plugin(backend, "table", "its query succeeded, but gave no table");
    else if (plugin->struct_size < offsetof(tn_plugin, name))
        tn__refuse_plugin(backend, "table", "its table claims a size of %llu bytes",
                          (unsigned long long)plugin->struct_size);
    else if (refuse_abi(backend, plugin->abi_major, plugin->abi_minor))
        return false;
    else if (plugin->struct_size < minimum)
        tn__refuse_plugin(backend, "table", "its table has %llu bytes, fewer than the %zu of ABI %u.0",
                          (unsigned long long)plugin->struct_size, minimum, plugin->abi_major);
    else if (!check_slots(backend, plugin))
        return false;
    else if (plugin->n_kernels && !plugin->kernels)
        tn__refuse_plugin(backend, "table", "its table has no kernels, but says it has");
    else if (!name_usable(plugin->name) || (strcmp(plugin->name, "reference") == 0 && !backend->built_in))
        tn__refuse_plugin(backend, "table",
                          "its name \"%.60s\" is not usable: it must be lower-case letters, digits, _ "
                          "and -, and neither auto nor reference",
                          plugin->name);
    else
        return true;
    return false;
}

/* What was promised before loading must be what was loaded. */
static bool check_promises(tn_backend *backend, const tn_plugin *plugin)
{
    const tn_plugin_note *note = &backend->elf.note;
    if (!backend->elf.has_note) return true;
    if (strcmp(note->name, plugin->name) == 0 && strcmp(note->version, plugin->version) == 0 &&
        note->abi_major == plugin->abi_major && note->abi_minor == plugin->abi_minor)
        return true;
    tn__refuse_plugin(backend, "note", "its note says %s %s for ABI %u.%u, but its table %s %s for ABI %u.%u",
                      note->name, note->version, note->abi_major, note->abi_minor, plugin->name, plugin->version,
                      plugin->abi_major, plugin->abi_minor);
    return false;
}

/* ---- operators are matched by schema string */

/* The catalogue's index of "name/version", which a schema begins with; -1 if there is none. */
static int find_version(const char *schema, size_t n)
{
    int count;
    const tn_op_status *ops = tn_ops(&count);
    for (int i = 0; i < count; i++)
        if (strncmp(ops[i].schema, schema, n) == 0 && ops[i].schema[n] == '(') return i;
    return -1;
}

static void adopt_kernel(tn_backend *backend, const tn_kernel *kernel)
{
    int n = kernel->schema ? (int)strcspn(kernel->schema, "(") : 0, count;
    if (n == 0 || !kernel->check || !kernel->plan_create) {
        tn_log_line(TN_LOG_WARN, "%s: a kernel without schema, check or plan_create is left out", backend->name);
        return;
    }
    int index = find_version(kernel->schema, (size_t)n);
    if (index < 0) {
        tn_log_line(TN_LOG_INFO, "%s offers %.*s, which this core does not know", backend->name, n, kernel->schema);
        return;
    }
    const char *ours = tn_ops(&count)[index].schema;
    if (strcmp(kernel->schema, ours) != 0)
        tn_log_line(TN_LOG_WARN, "%s: %.*s is disabled, since it was built for another schema:\n  %s\n  %s",
                    backend->name, n, kernel->schema, kernel->schema, ours);
    else if (backend->kernels[index])
        tn_log_line(TN_LOG_WARN, "%s offers %.*s twice; the first is used", backend->name, n, kernel->schema);
    else
        backend->kernels[index] = kernel;
}

static void count_devices(tn_backend *backend)
{
    tn_error reason = TN_ERROR_INIT;
    tn_status status = backend->plugin->device_count(&backend->n_devices, &reason);
    if (status != TN_OK) {
        backend->n_devices = 0;
        tn__refuse_plugin(backend, "device", "its devices could not be counted: %s", reason.message);
    } else if (backend->n_devices == 0)
        tn__refuse_plugin(backend, "device", "%s",
                          reason.message[0] ? reason.message : "it found no device and gave no reason");
}

static void adopt(tn_backend *backend, tn_plugin_query_fn query)
{
    tn_error error = TN_ERROR_INIT;
    const tn_plugin *plugin = NULL;
    tn_status status = query(&tn__host, &plugin, &error);
    error.message[sizeof error.message - 1] = 0;
    if (status != TN_OK) {
        tn__refuse_plugin(backend, "declined", "it declined: %s",
                          error.message[0] ? error.message : tn_status_name(status));
        return;
    }
    if (!check_table(backend, plugin) || !check_promises(backend, plugin)) return;
    backend->plugin = plugin;
    snprintf(backend->name, sizeof backend->name, "%s", plugin->name);
    for (uint64_t i = 0; i < plugin->n_kernels; i++) adopt_kernel(backend, &plugin->kernels[i]);
    count_devices(backend);
}

/* ---- files, read */

/* Its name is known from now on, and what of the CPU and the core it needs. */
static void check_note(tn_backend *backend)
{
    const tn_plugin_note *note = &backend->elf.note;
    char lacking[300];
    if (!name_usable(note->name)) {
        tn__refuse_plugin(backend, "note", "its note gives the name \"%s\", which is not usable", note->name);
        return;
    }
    snprintf(backend->name, sizeof backend->name, "%s", note->name);
    if (refuse_abi(backend, note->abi_major, note->abi_minor)) return;
    if (tn__cpu_lacks(note->cpu, lacking, sizeof lacking))
        tn__refuse_plugin(backend, "cpu", "it needs %s, which this CPU or its operating system does not have", lacking);
    else if (note->sanitizer[0] && strcmp(note->sanitizer, TN_NOTE_SANITIZER) != 0)
        tn__refuse_plugin(backend, "sanitizer",
                          "it was compiled with -fsanitize=%s, but this program was not; build both alike",
                          note->sanitizer);
}

void tn__read_plugin(tn_backend *backend)
{
    char text[PATH_MAX + 400];
    const char *rule, *why = tn__distrust(backend->path, &backend->real, &rule, text, sizeof text);
    if (!why) why = tn__elf_read(backend->real, &backend->elf, &rule);
    if (why)
        tn__refuse_plugin(backend, rule, "%s", why);
    else if (backend->elf.has_note)
        check_note(backend);
}

/* ---- files, loaded */

/* Tenon's own plugins, of the same version and beside the library, are known to load well. */
static bool came_with_us(const tn_backend *backend)
{
    const tn_plugin_note *note = &backend->elf.note;
    const char *dir = tn__library_dir();
    size_t n = dir ? strlen(dir) : 0;
    return n && backend->elf.has_note && strcmp(note->vendor, "Tenon") == 0 && strcmp(note->version, TN_VERSION) == 0 &&
           strncmp(backend->real, dir, n) == 0 && backend->real[n] == '/';
}

/* Others are tried in a child process first, unless $TENON_PROBE says all or none. */
static bool wants_probe(const tn_backend *backend)
{
    const char *wanted = secure_getenv("TENON_PROBE");
    if (!wanted || !*wanted || strcmp(wanted, "foreign") == 0) return !came_with_us(backend);
    if (strcmp(wanted, "all") == 0 || strcmp(wanted, "none") == 0) return wanted[0] == 'a';
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&told))
        tn_log_line(TN_LOG_WARN, "TENON_PROBE is \"%s\", not all, foreign or none; it is ignored", wanted);
    return !came_with_us(backend);
}

static void load_file(tn_backend *backend)
{
    char text[PATH_MAX + 400];
    const char *rule, *why = wants_probe(backend) ? tn__probe_refuse(backend->real, &rule, text, sizeof text) : NULL;
    if (why) {
        tn__refuse_plugin(backend, rule, "%s", why);
        return;
    }
    /* Never unloaded: threads and exit handlers of native libraries may outlive any moment we could choose. */
    void *handle = dlopen(backend->real, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        why = dlerror();
        tn__refuse_plugin(backend, strstr(why, "symbol") ? "symbol" : "library", "it cannot be loaded: %s", why);
        return;
    }
    tn_plugin_query_fn query;
    *(void **)&query = dlsym(handle, TN_PLUGIN_QUERY_SYMBOL);
    if (query)
        adopt(backend, query);
    else
        tn__refuse_plugin(backend, "symbol", "it does not export %s, so it is no Tenon plugin of ABI %d",
                          TN_PLUGIN_QUERY_SYMBOL, TN_ABI_MAJOR);
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
