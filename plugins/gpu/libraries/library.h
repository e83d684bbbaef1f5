/* SPDX-License-Identifier: Apache-2.0
 *
 * A vendor's libraries. A plugin is linked to none: they are opened when the first plan asks for them, by when a device has
 * been found, and called through tables. Where one is missing, the shared kernels do its work. */
#ifndef GPU_LIBRARY_H
#define GPU_LIBRARY_H

#include "rows.h"

/* ---- what a plugin has */

typedef struct gpu_library {
    const char *name, *setting;           /* in messages, and as a value of the first setting */
    const char *file, *work;              /* what it is for: "products" */
    const char *const *functions;         /* ends by NULL */
    void *calls;                          /* the table of where they are, in that order */
    int (*suits)(char *why, size_t size); /* 0, and why: it is of another version. NULL: any does */
    void (*tell_version)(char *text, size_t size);
    /* What one device uses, which is the current one: views has room for GPU_MOST_DEVICES, each of view_bytes. */
    tn_status (*open)(void *view, tn_error *error);
    void (*close)(void *view);
    void *views;
    size_t view_bytes;
} gpu_library;

typedef enum gpu_library_kind { GPU_BLAS, GPU_DNN, GPU_LIBRARIES } gpu_library_kind;
enum { GPU_MOST_CALLS = 40 }; /* functions of a library */

/* An environment variable. standard: without it. */
typedef struct gpu_setting {
    const char *variable, *standard, *known[5], *complaint;
} gpu_setting;

/* The first setting says which libraries are used: off, on, or one by its setting. The last has no variable. */
typedef struct gpu_library_set {
    const char *plugin; /* in messages */
    const gpu_setting *settings;
    const gpu_library *libraries[GPU_LIBRARIES]; /* NULL: none */
} gpu_library_set;
extern const gpu_library_set gpu_libraries;

/* ---- library.c */

/* What the device uses of that library. NULL if it is not used here: missing, of another version, or
 * turned off. Why is logged once. */
const void *gpu_library_of(gpu_library_kind kind, tn_device *device);
/* For a library of which a handle has one user at a time. */
void gpu_library_lock(gpu_library_kind kind);
void gpu_library_unlock(gpu_library_kind kind);
int gpu_setting_is(const gpu_setting *setting, const char *value);
/* A line that begins with the plugin's name. */
TN_PRINTF(2, 3) void gpu_library_log(uint32_t level, const char *format, ...);

/* The shared kernels' plan; missing: the library that would have been asked, were it there, which the plan's name tells.
 * NULL: none is missing. */
tn_status gpu_shared_plan(const tn_kernel *shared, tn_device *device, const tn_op_desc *desc, const char *missing,
                          tn_plan **plan, tn_error *error);
/* After a library has made no plan. TN_OK: something else is tried, which is logged with the reason, as a warning unless
 * the library just does not do such things. instead: a sentence on what is tried. Else the device is lost. */
tn_status gpu_go_on(const tn_op_desc *desc, tn_status status, const tn_error *why, const char *instead,
                    tn_error *error);
extern const char gpu_own_kernels[]; /* such a sentence */

/* `error` says what `from` says. Returns status. */
TN_UNUSED static inline tn_status gpu_pass_on(tn_status status, const tn_error *from, tn_error *error)
{
    return tn_fail(error, status, from->native_code, "%.990s", from->message);
}

#endif
