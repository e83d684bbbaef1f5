/* SPDX-License-Identifier: Apache-2.0
 *
 * Backends as the core sees them: candidates found by the loader, the kernels that each offers, the choice of one. */
#ifndef TENON_BACKEND_H
#define TENON_BACKEND_H

#include "ops/op.h"

enum {
    TN_N_OPS = 0
#define TN_OP(name, schema, bound, meaning) +1
#include "tenon_ops.h"
#undef TN_OP
};

/* What an ELF file says of itself. */
typedef struct tn_elf {
    tn_plugin_note note; /* fields that the file's note lacks are 0 */
    bool has_note;
    char **needed; /* libraries that it is linked to, ended by NULL; NULL if there are none */
} tn_elf;

struct tn_backend {
    char name[48];            /* from the table, the note or the file's name, whichever is known */
    char *path;               /* "" for one that is linked in; owned */
    char *real;               /* what path leads to: what is examined is what is loaded; owned; NULL if nowhere */
    const char *found_by;     /* as in tn_backend_status */
    tn_plugin_query_fn query; /* of one that is linked in, else NULL */
    tn_elf elf;               /* of a file that is not refused by where it lies */
    const tn_plugin *plugin;  /* NULL if it was not asked */
    char *refused;            /* why; owned; NULL if usable */
    const char *rule;         /* which refused it, as in tn_backend_status */
    const tn_kernel *kernels[TN_N_OPS]; /* by catalogue index; NULL where it has none */
    uint32_t n_devices;
    bool built_in;
    bool settled;              /* loaded, or known to be refused */
    uint64_t load_nanoseconds; /* 0 if linked in */
};

/* ---- loader.c: files */

/* Reads the file without running any of it; refuses what breaks a rule. */
void tn__read_plugin(tn_backend *backend);
/* Loads and asks one that was read. On failure backend->refused says why. */
void tn__load_plugin(tn_backend *backend);
void tn__refuse_plugin(tn_backend *backend, const char *rule, const char *format, ...) TN_PRINTF(3, 4);
/* The directory that holds libtenon itself, or NULL. */
const char *tn__library_dir(void);

/* ---- elf.c: what can be read of a file without loading it. NULL, and *found (which starts as zeros), if it is a shared
 * object for this machine; else why not (static or thread-local text), and the rule that it breaks. */
const char *tn__elf_read(const char *path, tn_elf *found, const char **rule);

/* ---- cpu.c: features as in tn_plugin_note.cpu */

/* NULL if the CPU and the operating system have all of them, else those missing (text in buffer). */
const char *tn__cpu_lacks(const char *features, char *buffer, size_t size);
/* How many features they come to, those within levels counted one by one. */
int tn__cpu_rank(const char *features);

/* ---- trust.c: NULL if the file may be loaded, else what is wrong (text in buffer) and the rule that it breaks. *real is
 * where path leads (the caller frees), NULL if nowhere. */
const char *tn__distrust(const char *path, char **real, const char **rule, char *buffer, size_t size);

/* ---- probe.c: NULL if query survives in a child process, else what happened (text in buffer) and the rule */
const char *tn__probe_refuse(const char *path, const char **rule, char *buffer, size_t size);

/* ---- search.c: where plugins are looked for */

/* Calls add for each candidate, in search order; those of one directory sorted by name. refused: a sentence if it is no
 * candidate after all, but should be told; else NULL. */
void tn__search(void (*add)(const char *path, const char *found_by, const char *refused));

/* ---- registry.c: all candidates, found once per process and loaded when they are wanted */

/* The usable backend and the device index that spec names; NULL after raising a list of all candidates. *named tells
 * that the spec was not "auto". */
const tn_backend *tn__choose(tn_context *tn, const char *spec, uint32_t *index, bool *named);

/* ---- reference.c */

extern const tn_plugin tn__host_device; /* reference_device.c: only the device, memory, stream and event slots */

/* ---- host.c */

extern const tn_host_api tn__host;

/* ---- device.c: devices that a context has open */

tn_dev *tn__device(tn_context *tn, const char *spec); /* opens it if need be; NULL after raising */
tn_dev *tn__reference_dev(tn_context *tn);            /* NULL after raising */
tn_status tn__sync(tn_dev *dev);                      /* raises on failure */

/* ---- plan.c: plans by use, so that each is made once */

typedef enum tn_route { TN_ROUTE_PLAN, TN_ROUTE_DECOMPOSE, TN_ROUTE_FALLBACK } tn_route;

typedef struct tn_use {
    tn_route route;
    tn_plan *plan; /* if route is PLAN */
    char *why;     /* if route is FALLBACK: what the backend said */
    int placement; /* index of its row in the context's table, -1 if there is none yet */
} tn_use;

/* How dev runs op with these descriptors; NULL after raising. Lives until the next call. */
tn_use *tn__plan(tn_dev *dev, const tn_op *op, const tn_op_desc *desc);
/* Makes a plan for the caller to destroy; *nanoseconds: how long that took. TN_UNSUPPORTED and why, if dev has none. */
tn_status tn__plan_create(tn_dev *dev, const tn_op *op, const tn_op_desc *desc, tn_plan **plan, uint64_t *nanoseconds,
                          tn_error *error);
tn_plan_cache *tn__plan_cache_open(void);
void tn__plan_cache_close(tn_plan_cache *cache);

/* ---- placement.c: what ran where */

void tn__placed(tn_context *tn, tn_use *use, const tn_op *op, const tn_dev *dev, bool fell_back, uint64_t nanoseconds);
/* The same for a number of calls. */
void tn__placed_often(tn_context *tn, tn_use *use, const tn_op *op, const tn_dev *dev, bool fell_back, uint64_t calls,
                      uint64_t nanoseconds);
/* Who adds calls late: `settle` is run before anybody looks at the account. */
typedef struct tn_account {
    void (*settle)(struct tn_account *account);
    struct tn_account *next;
} tn_account;
void tn__account_add(tn_context *tn, tn_account *account);
void tn__account_remove(tn_context *tn, tn_account *account);
void tn__planned(tn_context *tn, tn_use *use, const tn_op *op, const tn_dev *dev, uint64_t nanoseconds);
uint64_t tn__now(void); /* monotonic nanoseconds */

/* ---- modes.c: what is asked of every plan */

/* Raises if a setting is none that there is. */
void tn__modes_from_environment(tn_context *tn);

/* ---- timer.c: how long an operator works on a device. Between the two calls work is queued, and no other is timed. */

tn_status tn__timer_start(tn_dev *dev, uint64_t *start, tn_error *error);
/* *nanoseconds is 0 where only waiting could tell, and nobody has asked for that (tn_set_profiling). */
tn_status tn__timer_stop(tn_dev *dev, uint64_t start, uint64_t *nanoseconds, tn_error *error);
void tn__timer_release(tn_dev *dev); /* what they have made */

#endif
