/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 0: the binary, and how it meets its host. table.c has what it says of itself. */
#include <dlfcn.h>
#include <string.h>

#include "parts.h"

/* ---- the file */

/* The built-in backend has none. */
static elf_file *open_file(conform_run *run)
{
    if (run->options->path) return elf_open(run);
    conform_skip(run, "the reference backend is no file");
    return NULL;
}

static void one_symbol(conform_run *run)
{
    elf_file *file = open_file(run);
    bool defined, found = false;
    const char *name;
    for (uint64_t i = 0; file && (name = elf_symbol(file, i, &defined)); i++) {
        if (!name[0] || !defined || strncmp(name, "__odr_asan", strlen("__odr_asan")) == 0) continue;
        if (strcmp(name, TN_PLUGIN_QUERY_SYMBOL) == 0)
            found = true;
        else if (strcmp(name, "_init") != 0 && strcmp(name, "_fini") != 0)
            conform_fail(
                run,
                "it exports %s besides %s; -fvisibility=hidden, or a version script with `local: *;`, keeps the "
                "rest to itself",
                name, TN_PLUGIN_QUERY_SYMBOL);
        run->compared++;
    }
    if (file && !found) conform_fail(run, "it does not export %s", TN_PLUGIN_QUERY_SYMBOL);
    elf_close(file);
}

/* The core hands its functions over; who links to it gets a second one. */
static void stands_alone(conform_run *run)
{
    elf_file *file = open_file(run);
    bool defined;
    const char *name;
    for (uint64_t i = 0; file && (name = elf_needed(file, i)); i++)
        if (strncmp(name, "libtenon", strlen("libtenon")) == 0)
            conform_fail(run, "it is linked to %s; a plugin gets all that it needs from its host", name);
    for (uint64_t i = 0; file && (name = elf_symbol(file, i, &defined)); i++)
        if (!defined && strncmp(name, "tn_", 3) == 0)
            conform_fail(run, "it wants %s from whoever loads it; a plugin gets all that it needs from its host", name);
    if (file) run->compared++;
    elf_close(file);
}

static void compare_text(conform_run *run, const char *what, const char *note, size_t room, const char *table)
{
    run->compared++;
    if (!memchr(note, '\0', room))
        conform_fail(run, "the %s in its note does not end", what);
    else if (strcmp(note, table) != 0)
        conform_fail(run, "its note says that the %s is \"%s\", but its table says \"%s\"", what, note, table);
}

static void note_agrees(conform_run *run)
{
    elf_file *file = open_file(run);
    tn_plugin_note note;
    bool found = file && elf_note(file, &note);
    elf_close(file);
    if (!file) return;
    if (!found) {
        conform_fail(run, "it has no %s, from which a host can tell before it loads it; TN_PLUGIN_NOTE writes one",
                     TN_NOTE_SECTION);
        return;
    }
    if (!TN_HAS_FIELD(&note, tn_plugin_note, sanitizer))
        conform_fail(run, "its note claims a size of %llu bytes, fewer than ABI 1.0 has",
                     (unsigned long long)note.struct_size);
    const tn_plugin *plugin = conform_load(run);
    if (!plugin) return;
    if (note.abi_major != plugin->abi_major || note.abi_minor != plugin->abi_minor)
        conform_fail(run, "its note says ABI %u.%u, but its table says %u.%u", note.abi_major, note.abi_minor,
                     plugin->abi_major, plugin->abi_minor);
    compare_text(run, "name", note.name, sizeof note.name, plugin->name);
    compare_text(run, "version", note.version, sizeof note.version, plugin->version);
    compare_text(run, "vendor", note.vendor, sizeof note.vendor, plugin->vendor);
}

/* ---- loading and asking */

enum { PATIENCE = 10 }; /* seconds */

static void loads(conform_run *run)
{
    const double start = tool_now();
    const tn_plugin *plugin = conform_load(run);
    const double seconds = tool_now() - start;
    if (!plugin) return;
    run->compared++;
    if (seconds > PATIENCE) conform_fail(run, "loading and asking it took %.1f s, more than %d", seconds, PATIENCE);
}

static void query_twice(conform_run *run)
{
    const tn_plugin *first = conform_load(run), *second = first ? conform_load(run) : NULL;
    if (!second) return;
    run->compared++;
    if (first != second) conform_fail(run, "a second query gave another table than the first");
}

/* A host that is not the usual one, in memory whose other bytes are no addresses. */
typedef union strange_host {
    tn_host_api api;
    unsigned char bytes[2 * sizeof(tn_host_api)];
} strange_host;

static void make_host(strange_host *host, uint64_t size)
{
    static const uint64_t no_address = 1;
    for (size_t i = 0; i < sizeof *host; i += sizeof no_address)
        memcpy(host->bytes + i, &no_address, sizeof no_address);
    memcpy(host, &conform_host, size < sizeof host->api ? size : sizeof host->api);
    host->api.struct_size = size;
}

/* Asks with it. A plugin that declines has to say why; one that accepts must work. */
static void meet(conform_run *run, const tn_host_api *host, const char *what, bool may_accept, bool may_decline)
{
    tn_error why = {.struct_size = sizeof why};
    const tn_plugin *plugin = NULL;
    uint32_t count = 0;
    tn_plugin_query_fn query = conform_find_query(run);
    if (!query) return;
    run->compared++;
    const tn_status status = query(host, &plugin, &why);
    if (status != TN_OK) {
        conform_described(status, &why, "query");
        if (!may_decline) conform_fail(run, "query declined %s: %s", what, why.message);
        return;
    }
    if (!may_accept)
        conform_fail(run, "query accepted %s", what);
    else if (plugin && conform_table_complete(run, plugin) && plugin->device_count(&count, &why) != TN_OK)
        conform_fail(run, "with %s, its devices cannot be counted: %s", what, why.message);
}

static void shorter_host(conform_run *run)
{
    static strange_host hosts[sizeof(tn_host_api) / 8];
    char what[80];
    for (uint64_t size = sizeof(tn_host_api) - 8; size >= 16; size -= 8) {
        strange_host *host = &hosts[size / 8];
        make_host(host, size);
        snprintf(what, sizeof what, "a host that has only %llu bytes of tn_host_api", (unsigned long long)size);
        meet(run, &host->api, what, true, true);
    }
}

static void longer_host(conform_run *run)
{
    static strange_host host;
    make_host(&host, sizeof host);
    host.api.abi_minor = TN_ABI_MINOR + 7;
    meet(run, &host.api, "a host of a later minor version, with more fields", true, false);
}

static void other_major(conform_run *run)
{
    static strange_host hosts[2];
    static const uint32_t majors[] = {TN_ABI_MAJOR - 1, TN_ABI_MAJOR + 1};
    char what[80];
    for (int i = 0; i < 2; i++) {
        make_host(&hosts[i], sizeof(tn_host_api));
        hosts[i].api.abi_major = majors[i];
        snprintf(what, sizeof what, "a host of ABI %u, though its symbol is that of ABI %d", majors[i], TN_ABI_MAJOR);
        meet(run, &hosts[i].api, what, false, true);
    }
}

static bool use(conform_run *run, const char *when)
{
    tn_error why = {.struct_size = sizeof why};
    uint32_t count = 0;
    const tn_plugin *plugin = conform_load(run);
    if (!plugin) return false;
    if (plugin->device_count(&count, &why) != TN_OK)
        return conform_fail(run, "%s, its devices cannot be counted: %s", when, why.message);
    if (run->options->device >= count) return true;
    conform_device device;
    if (!conform_device_open(run, &device)) return false;
    conform_device_close(&device);
    return true;
}

static void shutdown_twice(conform_run *run)
{
    if (!use(run, "at first")) return;
    const tn_plugin *plugin = conform_load(run);
    if (!plugin) return;
    plugin->shutdown();
    plugin->shutdown();
    run->compared++;
    if (use(run, "after shutdown and another query")) plugin->shutdown();
}

const conform_check conform_level0[] = {
    {"binary.one_symbol", "it exports " TN_PLUGIN_QUERY_SYMBOL ", and nothing else", one_symbol, false},
    {"binary.stands_alone", "it is not linked to the core", stands_alone, false},
    {"binary.loads", "it can be loaded, changes nothing of the process, and query gives a complete table in time",
     loads, false},
    {"binary.note", "it has a note, which agrees with its table", note_agrees, false},
    {"query.twice", "a second query gives the same table", query_twice, false},
    {"query.shorter_host", "a host with fewer fields is declined with a reason, or served", shorter_host, false},
    {"query.longer_host", "a host of a later minor version, with more fields, is served", longer_host, false},
    {"query.other_major", "a host of another major version is declined with a reason", other_major, false},
    {"shutdown.twice", "shutdown may come twice, and query again after it", shutdown_twice, false},
    {"table.kernels", "its operators have all functions, each schema occurs once, and none contradicts the catalogue",
     conform_kernels, false},
    {"devices.described", "each device is described in full; none is success, with a reason", conform_devices_described,
     false},
    {"devices.shorter_info", "of a shorter tn_device_info only what the caller knows is filled in",
     conform_devices_shorter, false},
    {"devices.longer_info", "a tn_device_info of a newer core, with more fields, is filled in as far as it is known",
     conform_devices_longer, false},
    {"devices.out_of_range", "a device that is not there is an error, which is described", conform_devices_out_of_range,
     false},
    {"devices.reopen", "a device can be opened twice, closed, and opened again; closing none is allowed",
     conform_devices_reopen, false},
    {"plans.longer_descriptions", "what is taken is taken also where a newer core describes it, with more fields",
     conform_plans_longer, false},
    {0},
};
