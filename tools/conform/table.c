/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 0, continued: what a plugin says of its operators and devices. */
#include <string.h>

#include "parts.h"

/* ---- operators */

/* NULL if the catalogue has no operator of that name and version. */
static const char *catalogue_schema(const char *schema)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    const size_t length = strcspn(schema, "(");
    for (int i = 0; i < n; i++)
        if (strncmp(ops[i].schema, schema, length) == 0 && ops[i].schema[length] == '(') return ops[i].schema;
    return NULL;
}

static void check_kernel(conform_run *run, const tn_plugin *plugin, uint64_t i)
{
    const tn_kernel *kernel = &plugin->kernels[i];
    if (!kernel->schema || !kernel->check || !kernel->plan_create) {
        conform_fail(run, "row %llu of its kernels (%s) has no %s", (unsigned long long)i,
                     kernel->schema ? kernel->schema : "no schema",
                     !kernel->schema  ? "schema"
                     : !kernel->check ? "check"
                                      : "plan_create");
        return;
    }
    for (uint64_t k = 0; k < i; k++)
        if (strcmp(plugin->kernels[k].schema, kernel->schema) == 0)
            conform_fail(run, "rows %llu and %llu of its kernels have the same schema: %s", (unsigned long long)k,
                         (unsigned long long)i, kernel->schema);
    const char *ours = catalogue_schema(kernel->schema);
    if (!ours)
        conform_note(run, "it offers an operator that this core does not know: %s", kernel->schema);
    else if (strcmp(ours, kernel->schema) != 0)
        conform_fail(run, "an operator has another schema than the catalogue's, and would be disabled:\n%s\n%s",
                     kernel->schema, ours);
    run->compared++;
}

void conform_kernels(conform_run *run)
{
    const tn_plugin *plugin = conform_load(run);
    if (!plugin) return;
    for (uint64_t i = 0; i < plugin->n_kernels && run->outcome == CONFORM_PASS; i++) check_kernel(run, plugin, i);
    if (plugin->n_kernels == 0) conform_skip(run, "it offers no operators");
}

/* ---- devices */

/* Loads it and counts; NULL after conform_fail, or after a skip if it has none, which must have a reason. */
static const tn_plugin *count(conform_run *run, uint32_t *n)
{
    tn_error why = {.struct_size = sizeof why};
    const tn_plugin *plugin = conform_load(run);
    *n = 0;
    if (!plugin) return NULL;
    const tn_status status = plugin->device_count(n, &why);
    if (status != TN_OK) {
        conform_described(status, &why, "device_count");
        conform_fail(run, "device_count failed: %s; to have none is success, with a reason", why.message);
        return NULL;
    }
    if (*n) return plugin;
    if (why.message[0])
        conform_skip(run, "it has no device: %s", why.message);
    else
        conform_fail(run, "it has no device, and gave no reason");
    return NULL;
}

static void check_info(conform_run *run, uint32_t i, const tn_device_info *info)
{
    const uint64_t known = TN_DEVICE_SYNCHRONOUS | TN_DEVICE_HOST_MEMORY;
    if (!info->name || !info->architecture || !info->location)
        conform_fail(run, "device %u has no %s", i,
                     !info->name           ? "name"
                     : !info->architecture ? "architecture"
                                           : "location; \"\" stands for none");
    else if (info->kind < TN_DEVICE_CPU || info->kind > TN_DEVICE_ACCELERATOR)
        conform_fail(run, "device %u is of kind %u, which ABI 1 does not know", i, info->kind);
    else if (info->image_layout > TN_LAYOUT_NHWC)
        conform_fail(run, "device %u prefers image layout %u, which ABI 1 does not know", i, info->image_layout);
    else if (info->flags & ~known)
        conform_fail(run, "device %u has flags %#llx, which ABI 1 does not know", i,
                     (unsigned long long)(info->flags & ~known));
    else if (info->alignment < 16 || info->alignment > 4096 || info->alignment & (info->alignment - 1))
        conform_fail(run, "device %u promises an alignment of %llu; a power of two from 16 to 4096 is expected", i,
                     (unsigned long long)info->alignment);
    run->compared++;
}

void conform_devices_described(conform_run *run)
{
    uint32_t n;
    const tn_plugin *plugin = count(run, &n);
    for (uint32_t i = 0; plugin && i < n; i++) {
        tn_error why = {.struct_size = sizeof why};
        tn_device_info info = {.struct_size = sizeof info};
        if (plugin->device_info(i, &info, &why) != TN_OK)
            conform_fail(run, "device_info of device %u of %u failed: %s", i, n, why.message);
        else
            check_info(run, i, &info);
    }
}

/* Bytes that it does not know keep a pattern, which is not that of any sensible value. */
void conform_devices_shorter(conform_run *run)
{
    enum { PATTERN = 0xa7, ROOM = 2 * sizeof(tn_device_info) };
    uint32_t n;
    const tn_plugin *plugin = count(run, &n);
    for (uint64_t size = 2 * sizeof(uint64_t); plugin && size <= sizeof(tn_device_info); size += 8) {
        union {
            tn_device_info info;
            unsigned char bytes[ROOM];
        } room;
        tn_error why = {.struct_size = sizeof why};
        memset(&room, PATTERN, sizeof room);
        room.info.struct_size = size;
        if (plugin->device_info(0, &room.info, &why) != TN_OK)
            conform_fail(run, "device_info fails with a struct_size of %llu: %s", (unsigned long long)size,
                         why.message);
        for (uint64_t i = size; i < ROOM; i++)
            if (room.bytes[i] != PATTERN) {
                conform_fail(run, "device_info was told that tn_device_info has %llu bytes, and wrote to byte %llu",
                             (unsigned long long)size, (unsigned long long)i);
                return;
            }
        run->compared++;
    }
}

/* Fields that it does not know are left as they are, or filled in by a plugin that knows more than this suite. */
void conform_devices_longer(conform_run *run)
{
    uint32_t n;
    const tn_plugin *plugin = count(run, &n);
    for (uint32_t i = 0; plugin && i < n; i++) {
        struct {
            tn_device_info known;
            uint64_t later[PARTS_LATER];
        } info = {.known = {.struct_size = sizeof info}};
        tn_error why = {.struct_size = sizeof why};
        if (plugin->device_info(i, &info.known, &why) != TN_OK)
            conform_fail(run, "device_info fails with a struct_size of %zu, which is that of a newer core: %s",
                         sizeof info, why.message);
        else
            check_info(run, i, &info.known);
    }
}

void conform_devices_out_of_range(conform_run *run)
{
    enum { PATTERN = 0xa7, BEHIND = 64 };
    struct {
        tn_error why;
        unsigned char behind[BEHIND];
    } room;
    uint32_t n;
    const tn_plugin *plugin = count(run, &n);
    const uint32_t wrong[] = {n, n + 1, UINT32_MAX};
    for (int i = 0; plugin && i < 6; i++) {
        tn_device_info info = {.struct_size = sizeof info};
        tn_device *device = NULL;
        const char *what = i < 3 ? "device_info" : "device_open";
        memset(&room, 0, sizeof room);
        memset(room.behind, PATTERN, sizeof room.behind);
        room.why.struct_size = sizeof room.why;
        const tn_status status = i < 3 ? plugin->device_info(wrong[i], &info, &room.why)
                                       : plugin->device_open(wrong[i - 3], &device, &room.why);
        if (status == TN_OK)
            conform_fail(run, "%s of device %u succeeded, but there are %u", what, wrong[i % 3], n);
        else
            conform_described(status, &room.why, what);
        for (int k = 0; k < BEHIND; k++)
            if (room.behind[k] != PATTERN) conform_fail(run, "%s wrote behind the end of the caller's tn_error", what);
        run->compared++;
    }
}

void conform_devices_reopen(conform_run *run)
{
    uint32_t n;
    conform_device first, second;
    const tn_plugin *plugin = count(run, &n);
    if (!plugin) return;
    if (run->options->device >= n) {
        conform_fail(run, "it has no device %u, but %u", run->options->device, n);
        return;
    }
    plugin->device_close(NULL);
    if (!conform_device_open(run, &first)) return;
    if (conform_device_open(run, &second)) {
        conform_device_close(&first);
        if (conform_device_open(run, &first)) run->compared++;
        conform_device_close(&second);
    }
    conform_device_close(&first);
}

/* ---- descriptions */

/* Does it take the simple operator i as a core of this age describes it, or as a newer one does? */
static bool takes(rig *r, rig_use *use, int i, bool newer)
{
    r->newer = newer;
    const bool taken = rig_plan(r, use, i, 3, 5, 1);
    rig_plan_close(use);
    return taken;
}

/* Executions are level 1's affair. */
void conform_plans_longer(conform_run *run)
{
    uint32_t n;
    rig r;
    if (!count(run, &n) || !rig_open(run, &r, false)) return;
    for (int i = 0; i < RIG_OPS && run->outcome == CONFORM_PASS; i++) {
        rig_use use;
        if (!takes(&r, &use, i, false)) continue;
        run->compared++;
        if (!takes(&r, &use, i, true))
            conform_fail(run, "%s is not taken where tn_op_desc and tn_tensor_desc have %d fields more", use.op,
                         PARTS_LATER);
    }
    rig_close(&r);
    if (!run->compared) conform_skip(run, "it takes none of the simple operators that this check knows");
}
