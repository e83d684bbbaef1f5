/* SPDX-License-Identifier: Apache-2.0
 *
 * All candidates of the process in search order: read once, without running any of their code, loaded when somebody
 * wants them; and the choice among them. */
#include "engine/backend.h"

#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };
#define BUILT_IN "built in"

static tn_backend backends[MOST + 1]; /* the last place is the reference backend's */
static int n_backends;
static tn_backend_status read_statuses[MOST + 1], statuses[MOST + 1];
static tn_device_status *devices; /* of all backends */
static tn_plugin_query_fn linked[MOST];
static int n_linked;
static bool described;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of everything that settle and describe change */

void tn_add_plugin(tn_plugin_query_fn query)
{
    if (n_linked < MOST && query) linked[n_linked++] = query;
}

/* ---- reading */

static tn_backend *add_candidate(const char *path, const char *found_by)
{
    if (n_backends >= MOST && strcmp(found_by, BUILT_IN) != 0) {
        tn_log_line(TN_LOG_WARN, "%s is left out: there are %d candidates already", path, MOST);
        return NULL;
    }
    tn_backend *backend = &backends[n_backends++];
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    backend->path = strdup(path);
    backend->found_by = found_by;
    snprintf(backend->name, sizeof backend->name, "%.*s", (int)strcspn(base, "."), base);
    return backend;
}

static void add_file(const char *path, const char *found_by, const char *refused)
{
    tn_backend *backend = add_candidate(path, found_by);
    if (backend && refused) tn__refuse_plugin(backend, "path", "%s", refused);
    if (backend && !refused) tn__read_plugin(backend);
}

static tn_backend *add_linked(const char *name, const char *found_by, tn_plugin_query_fn query)
{
    tn_backend *backend = add_candidate("", found_by);
    if (!backend) return NULL;
    snprintf(backend->name, sizeof backend->name, "%s", name);
    backend->query = query;
    return backend;
}

static bool same_folder(const tn_backend *a, const tn_backend *b)
{
    char first[PATH_MAX], second[PATH_MAX];
    snprintf(first, sizeof first, "%s", a->path);
    snprintf(second, sizeof second, "%s", b->path);
    return strcmp(a->found_by, b->found_by) == 0 && strcmp(dirname(first), dirname(second)) == 0;
}

static bool are_variants(const tn_backend *a, const tn_backend *b)
{
    return a->elf.has_note && b->elf.has_note && strcmp(a->name, b->name) == 0 && same_folder(a, b);
}

/* Of several files of one name in one folder, the one that asks most of the CPU comes first: it takes the place of the
 * first of them, and the others come next in their order. Those that ask too much are refused already. */
static void put_best_variants_first(void)
{
    for (int i = 1; i < n_backends; i++)
        for (int k = 0; k < i; k++) {
            if (!are_variants(&backends[k], &backends[i]) ||
                tn__cpu_rank(backends[i].elf.note.cpu) <= tn__cpu_rank(backends[k].elf.note.cpu))
                continue;
            tn_backend better = backends[i];
            memmove(&backends[k + 1], &backends[k], (size_t)(i - k) * sizeof *backends);
            backends[k] = better;
            break;
        }
}

/* What can be told of a backend without having asked it for its devices. */
static tn_backend_status describe(const tn_backend *b)
{
    static const char *const none[] = {NULL};
    const tn_plugin_note *note = b->elf.has_note ? &b->elf.note : NULL;
    return (tn_backend_status){.name = b->name,
                               .path = b->path,
                               .found_by = b->found_by,
                               .version = b->plugin ? b->plugin->version
                                          : note    ? note->version
                                                    : "",
                               .vendor = b->plugin ? b->plugin->vendor
                                         : note    ? note->vendor
                                                   : "",
                               .library = b->plugin ? b->plugin->library : "",
                               .refused = b->refused,
                               .rule = b->rule,
                               .note = note,
                               .needed = b->elf.needed ? (const char *const *)b->elf.needed : none,
                               .load_nanoseconds = b->load_nanoseconds};
}

static void read_all(void)
{
    for (int i = 0; i < n_linked; i++) add_linked("", "tn_add_plugin", linked[i]);
    tn__search(add_file);
    tn_backend *reference = add_linked("reference", BUILT_IN, tn_reference_query);
    if (reference) reference->built_in = true;
    put_best_variants_first();
    for (int i = 0; i < n_backends; i++) read_statuses[i] = describe(&backends[i]);
}

const tn_backend_status *tn_plugin_files(int *n)
{
    pthread_once(&once, read_all);
    *n = n_backends;
    return read_statuses;
}

/* ---- loading: under the lock, those that come first before those that come later */

/* The first of a name wins. */
static void refuse_second(tn_backend *backend)
{
    for (const tn_backend *first = backends; first < backend && !backend->refused; first++)
        if (first->settled && !first->refused && strcmp(first->name, backend->name) == 0) {
            bool variant =
                are_variants(first, backend) && tn__cpu_rank(first->elf.note.cpu) > tn__cpu_rank(backend->elf.note.cpu);
            if (variant)
                tn__refuse_plugin(backend, "variant", "%s is the same backend and suits this CPU better", first->path);
            else
                tn__refuse_plugin(backend, "name", "%s has the same name and comes first",
                                  *first->path ? first->path : first->found_by);
            tn_log_line(TN_LOG_INFO, "%s: %s", backend->path, backend->refused);
        }
}

static void settle(tn_backend *backend)
{
    if (backend->settled) return;
    if (backend->elf.has_note) refuse_second(backend);
    if (!backend->refused) tn__load_plugin(backend);
    refuse_second(backend);
    backend->settled = true;
}

/* Settles all candidates of a name, and those whose name only they themselves can tell; NULL: all. */
static void settle_named(const char *name)
{
    pthread_once(&once, read_all);
    for (int i = 0; i < n_backends; i++) {
        bool known = backends[i].elf.has_note || backends[i].built_in;
        if (!name || !known || strcmp(backends[i].name, name) == 0) settle(&backends[i]);
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

/* All are settled. */
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
        statuses[i] = describe(&backends[i]);
        statuses[i].devices = next;
        statuses[i].chosen = i == chosen;
        if (backends[i].refused || !devices) continue;
        statuses[i].n_devices = (int)backends[i].n_devices;
        describe_devices(next, &backends[i]);
        next += backends[i].n_devices;
    }
}

const tn_backend_status *tn_backends(int *n)
{
    pthread_mutex_lock(&lock);
    settle_named(NULL);
    if (!described) describe_all();
    described = true;
    pthread_mutex_unlock(&lock);
    *n = n_backends;
    return statuses;
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

bool tn_backend_has_op(const char *name, const char *op)
{
    const char *why;
    int index = tn__op_index(op);
    pthread_mutex_lock(&lock);
    settle_named(name);
    const tn_backend *backend = find_named(name, &why);
    pthread_mutex_unlock(&lock);
    return backend && index >= 0 && backend->kernels[index] && (!backend->built_in || tn__catalogue[index]->run);
}

static void raise_candidates(tn_context *tn, const char *spec, const char *why)
{
    char list[700] = "";
    size_t used = 0;
    settle_named(NULL);
    for (int i = 0; i < n_backends && used < sizeof list; i++) {
        const tn_backend *b = &backends[i];
        used += (size_t)snprintf(list + used, sizeof list - used, "\n  %s%s%s%s: ", b->name, *b->path ? " (" : "",
                                 b->path, *b->path ? ")" : "");
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s", b->refused ? b->refused : "usable");
    }
    tn_raise(tn, TN_NOT_FOUND, "backend \"%s\" cannot be had: %s. Candidates:%s", spec, why, list);
}

static const tn_backend *choose_named(tn_context *tn, const char *spec, uint32_t *index)
{
    char name[sizeof backends->name];
    const char *colon = strchr(spec, ':'), *why;
    char *end = NULL;
    snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - spec) : (int)strlen(spec), spec);
    settle_named(name);
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

const tn_backend *tn__choose(tn_context *tn, const char *spec, uint32_t *index, bool *named)
{
    *index = 0;
    *named = strcmp(spec, "auto") != 0;
    pthread_mutex_lock(&lock);
    if (!*named) settle_named(NULL);
    const tn_backend *backend = *named ? choose_named(tn, spec, index) : &backends[best()];
    pthread_mutex_unlock(&lock);
    return backend;
}
