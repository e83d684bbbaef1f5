/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening libraries, and saying why one is not used. */
#include "library.h"

#include "runtime/runtime.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef enum state { UNTRIED, USED, NOT_USED } state;

/* As one device uses them. */
typedef struct device_states {
    const tn_device *device;
    state states[GPU_LIBRARIES];
} device_states;

static state process[GPU_LIBRARIES];
static device_states all[GPU_MOST_DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of process and all */
static pthread_mutex_t users[GPU_LIBRARIES] = {
    [GPU_BLAS] = PTHREAD_MUTEX_INITIALIZER, [GPU_DNN] = PTHREAD_MUTEX_INITIALIZER};

void gpu_library_lock(gpu_library_kind kind)
{
    pthread_mutex_lock(&users[kind]);
}

void gpu_library_unlock(gpu_library_kind kind)
{
    pthread_mutex_unlock(&users[kind]);
}

void gpu_library_log(uint32_t level, const char *format, ...)
{
    char text[1200];
    va_list args;
    int used = snprintf(text, sizeof text, "%s: ", gpu_libraries.plugin);
    va_start(args, format);
    vsnprintf(text + used, sizeof text - (size_t)used, format, args);
    va_end(args);
    gpu_host->log(level, text);
}

/* ---- settings */

static const char *value_of(const gpu_setting *setting)
{
    const char *value = getenv(setting->variable);
    return value && *value ? value : setting->standard;
}

int gpu_setting_is(const gpu_setting *setting, const char *value)
{
    return strcmp(value_of(setting), value) == 0;
}

tn_status gpu_libraries_check(tn_error *error)
{
    for (const gpu_setting *s = gpu_libraries.settings; s->variable; s++) {
        const char *const *known = s->known;
        while (*known && !gpu_setting_is(s, *known)) known++;
        if (!*known) return tn_fail(error, TN_INVALID, 0, "%s=%.40s is %s", s->variable, value_of(s), s->complaint);
    }
    return TN_OK;
}

/* ---- opening */

static state give_up(const gpu_library *l, const char *why)
{
    gpu_library_log(TN_LOG_WARN, "%s is not used (%.400s): the plugin's own kernels do its %s", l->name, why, l->work);
    return NOT_USED;
}

static int is_turned_off(const gpu_library *l)
{
    const gpu_setting *which = gpu_libraries.settings;
    if (gpu_setting_is(which, "on") || gpu_setting_is(which, l->setting)) return 0;
    gpu_library_log(TN_LOG_INFO, "%s is turned off by %s: the plugin's own kernels do its %s", l->name, which->variable,
                    l->work);
    return 1;
}

/* What dlerror says, kept: its text lasts until the next call of dlopen, dlsym or dlclose. */
static int keep_reason(char *reason, size_t size)
{
    const char *text = dlerror();
    snprintf(reason, size, "%s", text ? text : "the dynamic loader does not say why");
    return 0;
}

/* Finds all functions; 0 if there is no such library or it lacks one, and why in reason. */
static int find(const gpu_library *l, char *reason, size_t size)
{
    void *found[GPU_MOST_CALLS], *file = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
    int n = 0;
    if (!file) return keep_reason(reason, size);
    for (; l->functions[n]; n++) {
        found[n] = dlsym(file, l->functions[n]);
        if (found[n]) continue;
        keep_reason(reason, size);
        dlclose(file);
        return 0;
    }
    memcpy(l->calls, found, (size_t)n * sizeof *found);
    return 1;
}

/* Opens a library for as long as the process lasts. */
static state open_library(const gpu_library *l)
{
    char why[400];
    if (is_turned_off(l)) return NOT_USED;
    if (!find(l, why, sizeof why) || (l->suits && !l->suits(why, sizeof why))) return give_up(l, why);
    return USED;
}

/* ---- devices */

static void *view_of(const gpu_library *l, const device_states *of)
{
    return (char *)l->views + (size_t)(of - all) * l->view_bytes;
}

/* A place for the device; NULL if all are taken. */
static device_states *states_of(const tn_device *device)
{
    for (int i = 0; i < GPU_MOST_DEVICES; i++) {
        if (all[i].device && all[i].device != device) continue;
        all[i].device = device;
        return &all[i];
    }
    return NULL;
}

static state open_for(const gpu_library *l, state *in_process, tn_device *device, void *view)
{
    char version[80] = "unknown";
    tn_error why = {.struct_size = sizeof why};
    if (*in_process == UNTRIED) *in_process = open_library(l);
    if (*in_process == NOT_USED) return NOT_USED;
    memset(view, 0, l->view_bytes);
    if (gpu_use(device, &why) != TN_OK || l->open(view, &why) != TN_OK) return give_up(l, why.message);
    l->tell_version(version, sizeof version);
    gpu_library_log(TN_LOG_DEBUG, "%s, version %s, for %s", l->name, version, l->work);
    return USED;
}

const void *gpu_library_of(gpu_library_kind kind, tn_device *device)
{
    const gpu_library *l = gpu_libraries.libraries[kind];
    const void *view = NULL;
    pthread_mutex_lock(&lock);
    device_states *it = states_of(device);
    state *here = it ? &it->states[kind] : NULL;
    if (here && *here == UNTRIED) *here = open_for(l, &process[kind], device, view_of(l, it));
    if (here && *here == USED) view = view_of(l, it);
    pthread_mutex_unlock(&lock);
    return view;
}

void gpu_libraries_close(tn_device *device)
{
    tn_error ignored = {.struct_size = sizeof ignored};
    pthread_mutex_lock(&lock);
    device_states *it = states_of(device);
    if (it && gpu_use(device, &ignored) == TN_OK)
        for (int i = 0; i < GPU_LIBRARIES; i++) {
            const gpu_library *l = gpu_libraries.libraries[i];
            if (it->states[i] == USED) l->close(view_of(l, it));
        }
    if (it) *it = (device_states){.device = device};
    pthread_mutex_unlock(&lock);
}

/* ---- operators */

const char gpu_own_kernels[] = "the plugin's own kernels do it";

tn_status gpu_go_on(const tn_op_desc *desc, tn_status status, const tn_error *why, const char *instead, tn_error *error)
{
    if (status == TN_DEVICE_LOST) return gpu_pass_on(status, why, error);
    gpu_library_log(status == TN_UNSUPPORTED ? TN_LOG_DEBUG : TN_LOG_WARN, "%s: %s; %s", desc->name, why->message,
                    instead);
    return TN_OK;
}

tn_status gpu_shared_plan(const tn_kernel *shared, tn_device *device, const tn_op_desc *desc, const char *missing,
                          tn_plan **plan, tn_error *error)
{
    char remark[40];
    GPU_TRY(shared->plan_create(shared, device, desc, plan, error));
    if (!missing) return TN_OK;
    snprintf(remark, sizeof remark, ", without %s", missing);
    gpu_plan_remark(*plan, remark);
    return TN_OK;
}
