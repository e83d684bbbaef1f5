/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin's kernels and plans in wrappings that watch. The first executions of each plan are watched, and some later
 * ones; the others pass through, so that long runs stay fast and work really is queued. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { FIRST = 4, EVERY = 64, CANARY = 256, PATTERN = 0xa7, POISON = 0xff };

typedef struct shim_plan {
    tn_plan head;
    tn_plan *real;
    shim_device *device;
    char name[64]; /* "relu" */
    watch_plan what;
    tn_tensor_desc *desc;
    bool *writes;
    int64_t executions;
    char *workspace; /* canary, workspace, canary; NULL until it is needed */
    int busy;        /* somebody is being watched */
} shim_plan;

/* ---- what everybody who fails must do */

void conform_described(tn_status status, const tn_error *error, const char *what)
{
    if (status == TN_OK || !error) return;
    if (!memchr(error->message, '\0', sizeof error->message))
        conform_fail(conform_current, "%s failed, and its message does not end", what);
    else if (!error->message[0])
        conform_fail(conform_current, "%s failed with %s, but left no message", what, tn_status_name(status));
    else if (error->status != status)
        conform_fail(conform_current, "%s returned %s, but its error says %s: %s", what, tn_status_name(status),
                     tn_status_name(error->status), error->message);
}

/* ---- execution */

static uint64_t front_of(const shim_plan *plan)
{
    return plan->device->info.alignment > CANARY ? plan->device->info.alignment : CANARY;
}

static bool fill_workspace(shim_plan *plan, uint64_t bytes)
{
    const uint64_t front = front_of(plan);
    unsigned char *content = malloc(front + bytes + CANARY);
    if (!content) return false;
    memset(content, PATTERN, front + bytes + CANARY);
    memset(content + front, POISON, bytes);
    bool ok = shim_write(plan->device, plan->workspace, content, front + bytes + CANARY);
    free(content);
    return ok;
}

/* A workspace of just the size that the plan asked for; false if there is no memory for it. */
static bool make_workspace(shim_plan *plan)
{
    const uint64_t bytes = plan->head.workspace_bytes;
    tn_error ignored = {.struct_size = sizeof ignored};
    void *memory;
    if (!bytes) return true;
    if (!plan->workspace) {
        if (plan->device->plugin->memory_alloc(plan->device->handle, TN_MEMORY_DEVICE, front_of(plan) + bytes + CANARY,
                                               &memory, &ignored) != TN_OK)
            return false;
        plan->workspace = memory;
    }
    return fill_workspace(plan, bytes);
}

static bool unwritten(shim_plan *plan, const char *at, uint64_t bytes)
{
    unsigned char *found = malloc(bytes);
    bool ok = found && shim_read(plan->device, found, at, bytes);
    for (uint64_t i = 0; ok && i < bytes; i++) ok = found[i] == PATTERN;
    free(found);
    return ok;
}

static void check_workspace(shim_plan *plan)
{
    const uint64_t bytes = plan->head.workspace_bytes, front = front_of(plan);
    if (!plan->workspace) return;
    if (!unwritten(plan, plan->workspace, front))
        conform_fail(conform_current, "%s: execute wrote in front of its workspace", plan->name);
    else if (!unwritten(plan, plan->workspace + front + bytes, CANARY))
        conform_fail(conform_current,
                     "%s: execute wrote behind the end of its workspace; the plan said that it needs %llu bytes",
                     plan->name, (unsigned long long)bytes);
}

static tn_status pass_on(const shim_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    conform_guard_executing(plan->name);
    const tn_status status = plan->real->execute(plan->real, stream, bindings, error);
    conform_guard_executing(NULL);
    if (status != TN_OK) conform_described(status, error, "execute");
    return status;
}

static tn_status settle(const shim_plan *plan, tn_stream *stream, tn_error *error)
{
    const tn_status status = plan->device->plugin->stream_sync(plan->device->handle, stream, error);
    conform_described(status, error, "stream_sync");
    return status;
}

static tn_status execute_watched(shim_plan *plan, tn_stream *stream, const tn_bindings *given, tn_error *error)
{
    tn_bindings bindings = *given;
    conform_state before;
    char text[300];
    tn_status status = settle(plan, stream, error);
    watch *w = status == TN_OK ? watch_open(&plan->what, plan->device, &bindings) : NULL;
    if (!w || !make_workspace(plan)) {
        if (w) watch_close(w);
        return status == TN_OK ? pass_on(plan, stream, given, error) : status;
    }
    if (plan->workspace) bindings.workspace = plan->workspace + front_of(plan);
    conform_state_take(&before);
    status = pass_on(plan, stream, &bindings, error);
    const char *changed = conform_state_changed(&before, text, sizeof text);
    if (changed) conform_fail(conform_current, "%s: execute changed %s", plan->name, changed);
    if (status == TN_OK) status = settle(plan, stream, error);
    watch_close(w);
    check_workspace(plan);
    return status;
}

static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    shim_plan *plan = (shim_plan *)(uintptr_t)head;
    const int64_t n = __atomic_fetch_add(&plan->executions, 1, __ATOMIC_RELAXED);
    if ((n >= FIRST && n % EVERY) || __atomic_exchange_n(&plan->busy, 1, __ATOMIC_ACQUIRE))
        return pass_on(plan, stream, bindings, error);
    const tn_status status = execute_watched(plan, stream, bindings, error);
    __atomic_store_n(&plan->busy, 0, __ATOMIC_RELEASE);
    return status;
}

/* ---- plans */

static void release(shim_plan *plan)
{
    if (plan->workspace) plan->device->plugin->memory_free(plan->device->handle, TN_MEMORY_DEVICE, plan->workspace);
    free(plan->desc);
    free(plan->writes);
    free(plan);
}

static void destroy(tn_plan *head)
{
    shim_plan *plan = (shim_plan *)head;
    plan->real->destroy(plan->real);
    __atomic_fetch_sub(&shim_live.plans, 1, __ATOMIC_RELAXED);
    release(plan);
}

/* One input of a schema, "x!:T[...]", from *text, which moves on to the next; false after the last. */
static bool next_input(const char **text, bool *in_place, bool *list)
{
    int depth = 0;
    *in_place = *list = false;
    const char *at = *text;
    if (*at == ')' || *at == ';') return false;
    for (; *at && (depth || !strchr(",;)", *at)); at++) {
        depth += *at == '[' ? 1 : *at == ']' ? -1 : 0;
        *in_place |= *at == '!';
        *list |= *at == '*';
    }
    *text = at + (*at == ',') + (*at == ',' && at[1] == ' ');
    return true;
}

/* Which of n_in flattened inputs are updated in place. */
static void find_in_place(const char *schema, int n_in, bool *writes)
{
    bool in_place, list;
    const char *open = strchr(schema, '('), *text;
    int lists = 0, plain = 0, i = 0;
    if (!open) return;
    for (text = open + 1; next_input(&text, &in_place, &list);) lists += list, plain += !list;
    const int length = lists ? (n_in - plain) / lists : 1;
    for (text = open + 1; next_input(&text, &in_place, &list);)
        for (int k = 0; k < (list ? length : 1) && i < n_in; k++) writes[i++] = in_place;
}

static shim_plan *plan_new(const tn_kernel *real, shim_device *device, const tn_op_desc *desc)
{
    const int n = (int)(desc->n_in + desc->n_out);
    shim_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    plan->device = device;
    plan->desc = calloc((size_t)n + 1, sizeof *plan->desc);
    plan->writes = calloc((size_t)n + 1, sizeof *plan->writes);
    if (!plan->desc || !plan->writes) {
        release(plan);
        return NULL;
    }
    snprintf(plan->name, sizeof plan->name, "%s", desc->name);
    find_in_place(real->schema, (int)desc->n_in, plan->writes);
    for (int i = 0; i < n; i++) {
        const bool is_in = i < (int)desc->n_in;
        const tn_tensor_desc *d = is_in ? desc->in[i] : desc->out[i - (int)desc->n_in];
        if (d)
            plan->desc[i] = *d;
        else
            plan->desc[i].rank = UINT32_MAX;
        if (!is_in) plan->writes[i] = true;
    }
    plan->what = (watch_plan){plan->name, (int)desc->n_in, n, plan->desc, plan->writes};
    return plan;
}

bool conform_plan_usable(conform_run *run, const tn_plan *plan, const char *what)
{
    if (!plan) return conform_fail(run, "%s: plan_create succeeded, but gave no plan", what);
    if (!TN_HAS_FIELD(plan, tn_plan, flags))
        return conform_fail(run, "%s: the plan claims a size of %llu bytes, fewer than ABI 1.0 has", what,
                            (unsigned long long)plan->struct_size);
    if (!plan->execute || !plan->destroy || !plan->implementation || !plan->implementation[0])
        return conform_fail(run, "%s: the plan has no %s", what,
                            !plan->execute   ? "execute"
                            : !plan->destroy ? "destroy"
                                             : "implementation");
    return plan->workspace_bytes < (uint64_t)1 << 48 ||
           conform_fail(run, "%s: the plan asks for a workspace of %llu bytes", what,
                        (unsigned long long)plan->workspace_bytes);
}

/* check and plan_create must agree. */
static tn_status create_real(const tn_kernel *real, shim_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    char what[100];
    tn_error said = {.struct_size = sizeof said};
    const tn_status promised = real->check(real, device->handle, desc, &said);
    const tn_status status = real->plan_create(real, device->handle, desc, plan, error);
    snprintf(what, sizeof what, "%s: plan_create", desc->name);
    conform_described(status, error, what);
    if (promised == TN_OK && status != TN_OK && status != TN_OUT_OF_MEMORY)
        conform_fail(conform_current, "%s: check said that plan_create would succeed, but it failed: %s", desc->name,
                     error->message);
    if (promised == TN_UNSUPPORTED && status == TN_OK)
        conform_fail(conform_current, "%s: plan_create succeeded, but check had said no: %s", desc->name, said.message);
    return status;
}

tn_status shim_plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                           tn_error *error)
{
    const tn_kernel *real = self->data;
    tn_plan *made = NULL;
    const tn_status status = create_real(real, (shim_device *)device, desc, &made, error);
    if (status != TN_OK) return status;
    if (!conform_plan_usable(conform_current, made, desc->name))
        return tn_fail(error, TN_INTERNAL, 0, "the plan is of no use");
    shim_plan *wrapping = plan_new(real, (shim_device *)device, desc);
    if (!wrapping) {
        made->destroy(made);
        return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory to watch a plan");
    }
    wrapping->real = made;
    wrapping->head = *made;
    wrapping->head.struct_size = sizeof wrapping->head;
    wrapping->head.execute = execute;
    wrapping->head.destroy = destroy;
    __atomic_fetch_add(&shim_live.plans, 1, __ATOMIC_RELAXED);
    *plan = &wrapping->head;
    return TN_OK;
}

tn_status shim_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const tn_kernel *real = self->data;
    char what[100];
    const tn_status status = real->check(real, ((shim_device *)device)->handle, desc, error);
    snprintf(what, sizeof what, "%s: check", desc->name);
    conform_described(status, error, what);
    return status;
}
