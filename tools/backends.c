/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon backends: what could compute here, what `auto` takes, and why the rest was refused. */
#include <string.h>

#include "tool.h"

enum { JSON = 256 };
static const struct argp_option options[] = {{"json", JSON, NULL, 0, "print an object of JSON for each", 0}, {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    switch (key) {
    case JSON: *(bool *)state->input = true; return 0;
    case ARGP_KEY_ARG: argp_error(state, "there is nothing to name, but \"%s\" was given", text); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .doc =
        "Lists every backend that was looked at.\vChoose one with --backend, or with TENON_BACKEND: auto, a name "
        "such as onednn, or a device such as cuda:1. Plugins are looked for in the files of TENON_PLUGIN_FILES, then "
        "in the folders of TENON_PLUGIN_PATH, else beside the library.",
};

/* ---- for programs ------------------------------------------------------------------------------------------- */

json_t *tool_device_json(const tn_device_status *device)
{
    return json_pack("{s:o, s:o, s:o, s:s, s:I}", "name", tool_json_text(device->name), "description",
                     tool_json_text(device->description), "architecture", tool_json_text(device->architecture), "kind",
                     tool_kind_name(device->kind), "memory_bytes", (json_int_t)device->memory_bytes);
}

static json_t *backend_json(const tn_backend_status *backend)
{
    json_t *devices = json_array();
    for (int i = 0; i < backend->n_devices; i++) json_array_append_new(devices, tool_device_json(&backend->devices[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "name", tool_json_text(backend->name), "path",
                     tool_json_text(backend->path), "version", tool_json_text(backend->version), "library",
                     tool_json_text(backend->library), "chosen", backend->chosen, "refused",
                     tool_json_text(backend->refused), "devices", devices);
}

/* ---- for people --------------------------------------------------------------------------------------------- */

static void print_device(const tn_device_status *device)
{
    printf("    %-12s %s: %s", device->name, tool_kind_name(device->kind), device->description);
    if (device->architecture[0]) printf(", %s", device->architecture);
    if (device->memory_bytes) printf(", %s", TOOL_BYTES((double)device->memory_bytes));
    putchar('\n');
}

static void print_backend(const tn_backend_status *backend)
{
    printf("%c %s", backend->chosen ? '*' : ' ', backend->name);
    if (backend->version[0]) printf(" %s", backend->version);
    if (backend->library[0]) printf(", %s", backend->library);
    printf("%s%s\n", backend->path[0] ? ", " : ", built in", backend->path);
    for (int i = 0; i < backend->n_devices; i++) print_device(&backend->devices[i]);
    if (backend->refused) printf("    refused: %s\n", backend->refused);
}

static int run(int argc, char **argv)
{
    bool json = false;
    if (argp_parse(&parser, argc, argv, 0, NULL, &json)) return TOOL_FAILED;
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    bool chosen = false;
    for (int i = 0; i < n; i++) {
        chosen |= backends[i].chosen;
        if (!json)
            print_backend(&backends[i]);
        else if (!tool_json_line(stdout, backend_json(&backends[i])))
            return TOOL_FAILED;
    }
    if (!json) puts(chosen ? "\n* is what `auto` takes." : "\nNone of them can be used.");
    return chosen ? TOOL_OK : TOOL_FAILED;
}

const tool_command tool_backends = {"backends", "lists the backends: chosen, usable, refused and why", run};
