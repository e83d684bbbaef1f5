/* SPDX-License-Identifier: Apache-2.0
 *
 * What is tested: name, device and operators, as told by a child that has loaded it. */
#include <string.h>

#include "parts.h"

typedef struct acquaintance {
    conform_candidate candidate;
    conform_run run;
} acquaintance;

#define KEEP(to, text) snprintf(to, sizeof(to), "%s", (text) ? (text) : "")

/* Of the reference backend the rows say little: fused operators that it runs in parts have one, too. */
static void list_operators(conform_candidate *candidate, const tn_plugin *plugin, bool reference)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    for (int i = 0; i < n && i < CONFORM_OPS; i++)
        candidate->has[i] =
            conform_find_kernel(plugin, ops[i].name) && (!reference || tn_backend_has_op("reference", ops[i].name));
}

static void describe_device(conform_candidate *candidate, const tn_plugin *plugin, const conform_options *options)
{
    tn_error why = {.struct_size = sizeof why};
    tn_device_info info = {.struct_size = sizeof info};
    if (plugin->device_count(&candidate->devices, &why) != TN_OK) candidate->devices = 0;
    if (!candidate->devices)
        KEEP(candidate->why, why.message[0] ? why.message : "it found no device and gave no reason");
    else if (options->device >= candidate->devices)
        snprintf(candidate->why, sizeof candidate->why, "it has no device %u, but %u", options->device,
                 candidate->devices);
    else if (plugin->device_info(options->device, &info, &why) == TN_OK) {
        KEEP(candidate->device, info.name);
        KEEP(candidate->architecture, info.architecture);
    }
}

static void get_acquainted(void *arg)
{
    acquaintance *a = arg;
    conform_current = &a->run;
    const tn_plugin *plugin = conform_load(&a->run);
    if (!plugin) {
        KEEP(a->candidate.why, a->run.why);
        return;
    }
    KEEP(a->candidate.name, plugin->name);
    KEEP(a->candidate.version, plugin->version);
    KEEP(a->candidate.vendor, plugin->vendor);
    KEEP(a->candidate.library, plugin->library);
    list_operators(&a->candidate, plugin, !a->run.options->path);
    describe_device(&a->candidate, plugin, a->run.options);
    a->candidate.loaded = true;
}

void conform_meet(const conform_options *options, conform_candidate *candidate)
{
    acquaintance *a = child_share(sizeof *a);
    child_fate fate;
    a->run.options = options;
    child_run(options->timeout, get_acquainted, a, &fate);
    if (!a->candidate.loaded && !a->candidate.why[0])
        snprintf(a->candidate.why, sizeof a->candidate.why, "when it was loaded, %s", fate.how);
    *candidate = a->candidate;
    child_release(&fate);
    child_unshare(a, sizeof *a);
}
