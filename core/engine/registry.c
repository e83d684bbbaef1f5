/* SPDX-License-Identifier: Apache-2.0
 *
 * All candidates of the process, found once, in search order; and the choice among them. */
#include "engine/backend.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

static tn_backend backends[MOST];
static int n_backends;
static tn_backend_status statuses[MOST];
static tn_device_status *devices; /* of all backends */
static char *added[MOST];         /* by tn_add_plugin_file */
static tn_plugin_query_fn linked[MOST];
static int n_added, n_linked;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void tn_add_plugin_file(const char *path)
{
    if (n_added < MOST && path) added[n_added++] = strdup(path);
}

void tn_add_plugin(tn_plugin_query_fn query)
{
    if (n_linked < MOST && query) linked[n_linked++] = query;
}

/* ---- search */

static tn_backend *add_candidate(const char *path)
{
    if (n_backends == MOST) {
        tn_log_line(TN_LOG_WARN, "%s is left out: there are %d candidates already", path, MOST);
        return NULL;
    }
    tn_backend *backend = &backends[n_backends++];
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    backend->path = strdup(path);
    snprintf(backend->name, sizeof backend->name, "%.*s", (int)strcspn(base, "."), base);
    return backend;
}

static tn_backend *add_linked(const char *name, tn_plugin_query_fn query)
{
    tn_backend *backend = add_candidate("");
    if (!backend) return NULL;
    snprintf(backend->name, sizeof backend->name, "%s", name);
    backend->query = query;
    return backend;
}

static int wanted_file(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 3, ".so") == 0;
}

/* False if there is no such directory. */
static bool add_directory(const char *dir)
{
    struct dirent **entries;
    int n = scandir(dir, &entries, wanted_file, alphasort);
    if (n < 0) {
        tn_log_line(TN_LOG_DEBUG, "no plugins in %s", dir);
        return false;
    }
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        add_candidate(path);
        free(entries[i]);
    }
    free(entries);
    return true;
}

/* Calls add for each part of a colon-separated list. */
static void each_part(const char *list, void (*add)(const char *part))
{
    char *copy = strdup(list), *rest = copy;
    for (char *part; copy && (part = strsep(&rest, ":"));)
        if (*part) add(part);
    free(copy);
}

static void add_file(const char *path)
{
    add_candidate(path);
}

static void add_path(const char *dir)
{
    if (dir[0] != '/') {
        tn_backend *backend = add_candidate(dir);
        if (backend) backend->refused = strdup("TENON_PLUGIN_PATH must hold absolute directories");
    } else if (!add_directory(dir))
        tn_log_line(TN_LOG_WARN, "TENON_PLUGIN_PATH: %s cannot be read", dir);
}

static void search(void)
{
    const char *files = secure_getenv("TENON_PLUGIN_FILES"), *path = secure_getenv("TENON_PLUGIN_PATH");
    for (int i = 0; i < n_linked; i++) add_linked("(linked in)", linked[i]);
    for (int i = 0; i < n_added; i++) add_candidate(added[i]);
    if (files) each_part(files, add_file);
    if (path) {
        each_part(path, add_path);
        return;
    }
    char beside[PATH_MAX];
    const char *dir = tn__library_dir();
    snprintf(beside, sizeof beside, "%s/%s", dir ? dir : "", TN_PLUGIN_SUBDIR);
    if (!dir || !add_directory(beside))
        if (strcmp(beside, TN_INSTALLED_PLUGIN_DIR) != 0) add_directory(TN_INSTALLED_PLUGIN_DIR);
}

static void refuse_duplicate(int i)
{
    for (int k = 0; k < i; k++)
        if (!backends[k].refused && !backends[i].refused && strcmp(backends[k].name, backends[i].name) == 0) {
            char text[PATH_MAX + 80];
            snprintf(text, sizeof text, "%s has the same name and comes first", backends[k].path);
            backends[i].refused = strdup(text);
            tn_log_line(TN_LOG_INFO, "%s: %s", backends[i].path, text);
        }
}

/* ---- choice: discrete GPU, other accelerators, a CPU library, the reference */

static int rank_of(const tn_backend *backend, uint32_t kind)
{
    static const int ranks[] = {
        [TN_DEVICE_CPU] = 1, [TN_DEVICE_INTEGRATED_GPU] = 2, [TN_DEVICE_ACCELERATOR] = 3, [TN_DEVICE_GPU] = 4};
    if (backend->built_in) return 0;
    return kind < sizeof ranks / sizeof *ranks ? ranks[kind] : 1;
}

static int best(void)
{
    int chosen = -1, chosen_rank = -1;
    for (int i = 0; i < n_backends; i++) {
        tn_device_info info = {.struct_size = sizeof info};
        tn_error error = TN_ERROR_INIT;
        if (backends[i].refused || backends[i].plugin->device_info(0, &info, &error) != TN_OK) continue;
        int rank = rank_of(&backends[i], info.kind);
        if (rank > chosen_rank) {
            chosen = i;
            chosen_rank = rank;
        }
    }
    return chosen;
}

static void describe_devices(tn_device_status *device, const tn_backend *backend)
{
    for (uint32_t i = 0; i < backend->n_devices; i++, device++) {
        tn_device_info info = {.struct_size = sizeof info};
        tn_error error = TN_ERROR_INIT;
        char name[80];
        snprintf(name, sizeof name, "%s:%u", backend->name, i);
        device->name = strdup(name);
        bool ok = backend->plugin->device_info(i, &info, &error) == TN_OK;
        device->description = ok && info.name ? info.name : "(no description)";
        device->architecture = ok && info.architecture ? info.architecture : "";
        device->kind = info.kind;
        device->memory_bytes = info.memory_bytes;
        device->synchronous = info.flags & TN_DEVICE_SYNCHRONOUS;
    }
}

static void describe_all(void)
{
    size_t n = 0;
    for (int i = 0; i < n_backends; i++) n += backends[i].refused ? 0 : backends[i].n_devices;
    devices = calloc(n + 1, sizeof *devices);
    tn_device_status *next = devices;
    int chosen = best();
    for (int i = 0; i < n_backends; i++) {
        const tn_backend *b = &backends[i];
        statuses[i] = (tn_backend_status){.name = b->name,
                                          .path = b->path,
                                          .version = b->plugin ? b->plugin->version : "",
                                          .library = b->plugin ? b->plugin->library : "",
                                          .refused = b->refused,
                                          .devices = next,
                                          .chosen = i == chosen,
                                          .load_nanoseconds = b->load_nanoseconds};
        if (b->refused || !devices) continue;
        statuses[i].n_devices = (int)b->n_devices;
        describe_devices(next, b);
        next += b->n_devices;
    }
}

static void find_all(void)
{
    search();
    tn_backend *reference = add_linked("reference", tn_reference_query);
    if (reference) reference->built_in = true;
    for (int i = 0; i < n_backends; i++) {
        if (!backends[i].refused) tn__load_plugin(&backends[i]);
        refuse_duplicate(i);
    }
    describe_all();
}

tn_backend *tn__backends(int *n)
{
    pthread_once(&once, find_all);
    *n = n_backends;
    return backends;
}

const tn_backend_status *tn_backends(int *n)
{
    tn__backends(n);
    return statuses;
}

bool tn_backend_has_op(const char *name, const char *op)
{
    int n, index = tn__op_index(op);
    const tn_backend *all = tn__backends(&n);
    for (int i = 0; i < n; i++)
        if (index >= 0 && !all[i].refused && strcmp(all[i].name, name) == 0)
            return all[i].kernels[index] && (!all[i].built_in || tn__catalogue[index]->run);
    return false;
}

static void raise_candidates(tn_context *tn, const char *spec, const char *why)
{
    char list[700] = "";
    size_t used = 0;
    for (int i = 0; i < n_backends && used < sizeof list; i++) {
        const tn_backend *b = &backends[i];
        used += (size_t)snprintf(list + used, sizeof list - used, "\n  %s%s%s%s: ", b->name, *b->path ? " (" : "",
                                 b->path, *b->path ? ")" : "");
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s", b->refused ? b->refused : "usable");
    }
    tn_raise(tn, TN_NOT_FOUND, "backend \"%s\" cannot be had: %s. Candidates:%s", spec, why, list);
}

static const tn_backend *find_named(const char *name, const char **why)
{
    *why = "no plugin has that name";
    for (int i = 0; i < n_backends; i++) {
        if (strcmp(backends[i].name, name) != 0) continue;
        if (!backends[i].refused) return &backends[i];
        *why = "it was refused";
    }
    return NULL;
}

const tn_backend *tn__choose(tn_context *tn, const char *spec, uint32_t *index, bool *named)
{
    int n;
    tn__backends(&n);
    *index = 0;
    *named = strcmp(spec, "auto") != 0;
    if (!*named) return &backends[best()];

    char name[sizeof backends->name];
    const char *colon = strchr(spec, ':'), *why;
    char *end = NULL;
    snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - spec) : (int)strlen(spec), spec);
    const tn_backend *backend = find_named(name, &why);
    if (!backend) {
        raise_candidates(tn, spec, why);
        return NULL;
    }
    unsigned long wanted = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (colon && (colon[1] < '0' || colon[1] > '9' || *end || wanted >= backend->n_devices)) {
        char text[120];
        snprintf(text, sizeof text, "%s has %u device%s, numbered from 0", name, backend->n_devices,
                 backend->n_devices == 1 ? "" : "s");
        raise_candidates(tn, spec, text);
        return NULL;
    }
    *index = (uint32_t)wanted;
    return backend;
}
