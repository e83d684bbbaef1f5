/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin under the core, as a backend named "candidate". */
#include <stdlib.h>

#include "parts.h"

static tn_plugin table;

static tn_status query(const tn_host_api *host TN_UNUSED, const tn_plugin **plugin, tn_error *error TN_UNUSED)
{
    *plugin = &table;
    return TN_OK;
}

static bool set_up(conform_run *run)
{
    static bool done;
    if (done) return true;
    const tn_plugin *plugin = conform_load(run);
    if (!plugin) return false;
    table = *plugin;
    table.struct_size = sizeof table;
    table.name = "candidate";
    tn_add_plugin(query);
    return done = true;
}

tn_context *conform_open(conform_run *run, bool fallback)
{
    char spec[32];
    if (!set_up(run)) return NULL;
    setenv("TENON_FALLBACK", fallback ? "allow" : "error", 1);
    snprintf(spec, sizeof spec, "candidate:%u", run->options->device);
    tn_context *tn = tn_open(spec);
    if (conform_check_context(run, tn, "opening a context on it")) return tn;
    tn_close(tn);
    return NULL;
}

tn_context *conform_open_reference(conform_run *run)
{
    tn_context *tn = tn_open("reference");
    if (conform_check_context(run, tn, "opening the reference backend")) return tn;
    tn_close(tn);
    return NULL;
}

void conform_close(conform_run *run, tn_context *tn)
{
    if (!tn) return;
    conform_check_context(run, tn, "a check");
    tn_close(tn);
}
