/* SPDX-License-Identifier: Apache-2.0
 *
 * What the suite's own machinery shares; checks use conform.h, and the few things here that their level is about. */
#ifndef TENON_CONFORM_PARTS_H
#define TENON_CONFORM_PARTS_H

#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <sys/types.h>

#include "conform.h"

/* ---- child.c: a function at work in a process of its own */

typedef struct child_fate {
    bool finished; /* the function returned */
    char how
        [200]; /* how the process ended otherwise, in a clause: "was ended by signal 11 (...)"; "" if it ended well */
    char *errors; /* the end of what it wrote to stderr; owned; "" if nothing */
    double seconds;
} child_fate;

/* Zeros that a child shares with its parent. Ends the process if there is no memory. */
void *child_share(size_t bytes);
void child_unshare(void *memory, size_t bytes);
/* body(arg) runs in a forked child; its whole process group is killed after `timeout` seconds, and when it is done. */
void child_run(double timeout, void (*body)(void *arg), void *arg, child_fate *fate);
void child_release(child_fate *fate);

/* ---- candidate.c: what is tested, as told by a child that has loaded it */

enum { CONFORM_OPS = 512 }; /* at least as many as the catalogue has */

typedef struct conform_candidate {
    bool loaded;
    char why[CONFORM_WHY]; /* if it could not be loaded, or has no device: the reason */
    char name[64], version[64], vendor[128], library[128];
    char device[128], architecture[64];
    uint32_t devices;
    bool has[CONFORM_OPS]; /* by index in the catalogue */
} conform_candidate;

void conform_meet(const conform_options *options, conform_candidate *candidate);

/* ---- suite.c: all checks, run one after the other */

typedef struct conform_result {
    const conform_check *check;
    const char *op; /* NULL if it is not per operator */
    int level;
    conform_outcome outcome;
    char *why, *errors; /* owned; errors: what was written to stderr, kept of failures alone */
    int64_t compared;
    double seconds;
} conform_result;

typedef struct conform_results {
    conform_candidate candidate;
    conform_result *items;
    int n;
    int levels; /* how many levels were run */
    uint64_t hash;
} conform_results;

extern const char *const conform_level_names[CONFORM_LEVELS];
extern const conform_check *const conform_levels[CONFORM_LEVELS];

/* The hash of CONFORM_SUITE, the names and promises of all checks, and the catalogue: schemas, bounds, samples
 * and shapes. Two reports with one hash tell of the same questions, given the same options. */
uint64_t conform_hash(void);
/* The name of the check at work goes to stderr if that is a terminal. False after a message: options->ops matches no
 * operator of the candidate, so that nothing was run. */
bool conform_suite_run(const conform_options *options, conform_results *results);
void conform_results_release(conform_results *results);
/* The highest level without a failure, and none below it; -1 if level 0 has one. */
int conform_reached(const conform_results *results);
bool conform_passed(const conform_results *results);

/* ---- report.c, junit.c */

void conform_print(const conform_options *options, const conform_results *results);
bool conform_print_json(const conform_options *options, const conform_results *results);
bool conform_write_junit(const char *path, const conform_results *results);

/* ---- load.c */

/* The entry function; NULL after conform_fail. */
tn_plugin_query_fn conform_find_query(conform_run *run);
/* Has the table all that ABI 1.0 asks for, and can be used? False after conform_fail. */
bool conform_table_complete(conform_run *run, const tn_plugin *plugin);
/* conform_device_open on a table that is there; false after conform_fail, or if it is NULL. */
bool conform_device_open_on(conform_run *run, conform_device *device, const tn_plugin *plugin);

/* ---- elf.c: the plugin's file */

typedef struct elf_file elf_file;
elf_file *elf_open(conform_run *run); /* NULL after conform_fail */
void elf_close(elf_file *file);
/* Dynamic symbol i: "" for one that is neither exported nor wanted; NULL after the last. */
const char *elf_symbol(const elf_file *file, uint64_t i, bool *defined);
const char *elf_needed(const elf_file *file,
                       uint64_t i); /* the i-th library that it is linked to; NULL after the last */
bool elf_note(const elf_file *file, tn_plugin_note *note); /* fields that it lacks are 0 */

/* ---- table.c: checks of level 0 */

void conform_kernels(conform_run *run);
void conform_devices_described(conform_run *run);
void conform_devices_shorter(conform_run *run);
void conform_devices_longer(conform_run *run);
void conform_devices_out_of_range(conform_run *run);
void conform_devices_reopen(conform_run *run);
void conform_plans_longer(conform_run *run);

/* ---- state.c: what no plugin may change */

/* FNV-1a (Fowler, Noll, Vo), 64 bits, of what was hashed before and the text with its NUL. */
#define CONFORM_HASH_START 0xcbf29ce484222325u
uint64_t conform_hash_text(uint64_t hash, const char *text);

enum { CONFORM_SIGNALS = 32 };

typedef struct conform_state {
    uint64_t float_mode;
    char locale[300];
    locale_t thread_locale;
    struct sigaction actions[CONFORM_SIGNALS];
    sigset_t blocked;
    cpu_set_t affinity;
    uint64_t environment, directory; /* a hash; a number of the file system */
    mode_t mask;
    int64_t printed; /* bytes on standard output */
} conform_state;

void conform_state_take(conform_state *state);
uint64_t conform_float_mode(void); /* of this thread: rounding, flushing to zero, traps */
/* What is not as before, in a few words (text, or static); NULL if all is. */
const char *conform_state_changed(const conform_state *before, char *text, size_t size);

/* ---- run.c */

extern conform_run *conform_current; /* the check at work in this process */

/* ---- guard.c: the host as the plugin sees it */

extern const tn_host_api conform_host;

typedef struct conform_guard {
    int64_t live, calls; /* blocks of host->alloc that are in use; calls of it so far */
    int64_t fail_at;     /* how many more calls succeed before one that fails; below 0: all do */
} conform_guard;
extern conform_guard conform_guarded; /* its numbers change atomically */

/* From now on, this thread is in execute of an operator (NULL: no more), and may not allocate. */
void conform_guard_executing(const char *op);

/* ---- memory.c: device memory between canaries */

typedef struct shim_device {
    const tn_plugin *plugin; /* the real one, as the handle */
    tn_device *handle;
    tn_stream *looking; /* for looking at memory that the host cannot reach */
    pthread_mutex_t lock;
    tn_device_info info;
} shim_device;

tn_status shim_memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error);
void shim_memory_free(tn_device *device, uint32_t kind, void *memory);
/* From now on, the plugin seems to have no memory after so many more calls, once; below 0: it always has. */
void shim_memory_fail_after(int64_t calls);
/* The block of device memory that the address lies in, or false. */
bool shim_memory_find(const void *address, char **start, uint64_t *bytes);
/* Looks at all canaries; false after conform_fail. */
bool shim_memory_intact(void);
/* Device memory from and to the host, at once; no stream may be working on it. */
bool shim_read(shim_device *device, void *to, const void *from, uint64_t bytes);
bool shim_write(shim_device *device, void *to, const void *from, uint64_t bytes);

/* ---- watch.c: one execution, looked at from all sides */

/* What it is given, in the order of the schema: inputs, then outputs. */
typedef struct watch_plan {
    const char *op;
    int n_in, n;
    const tn_tensor_desc *desc; /* n of them; rank UINT32_MAX where absent */
    const bool *writes;         /* n: an output, or updated in place */
} watch_plan;

typedef struct watch watch;
/* Keeps what is there, and poisons outputs. NULL if there is no memory for it, or the device fails. */
watch *watch_open(const watch_plan *what, shim_device *device, const tn_bindings *bindings);
/* Compares what is there with what should be, and releases the watch. */
void watch_close(watch *w);

/* ---- plan.c: kernels and plans that watch */

tn_status shim_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error);
tn_status shim_plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                           tn_error *error);

/* Did who failed say so as the ABI wants it? what: "plan_create of relu". */
void conform_described(tn_status status, const tn_error *error, const char *what);

/* ---- rig.c: a device at work by hand, without a core. What fails becomes the run's failure. */

enum { RIG_BLOCKS = 256, RIG_TENSORS = 4 };
enum { PARTS_LATER = 4 }; /* fields that a newer core's structs have behind those of this header */

typedef struct rig {
    conform_run *run;
    conform_device d;
    bool newer; /* descriptions and bindings have PARTS_LATER more fields than this header's; set by the caller */
    struct {
        void *memory;
        uint32_t kind;
    } blocks[RIG_BLOCKS]; /* released by rig_close */
    int n_blocks;
} rig;

/* watched: through the shim. */
bool rig_open(conform_run *run, rig *r, bool watched);
void rig_close(rig *r);
bool rig_ok(rig *r, tn_status status, const tn_error *why, const char *what);
void *rig_alloc(rig *r, uint32_t kind, uint64_t bytes); /* NULL after conform_fail */
bool rig_copy(rig *r, tn_stream *stream, void *to, const void *from, uint64_t bytes, uint32_t direction);
bool rig_fill(rig *r, tn_stream *stream, void *to, uint32_t byte, uint64_t bytes);
bool rig_sync(rig *r, tn_stream *stream);
/* Between host and device at once, on the rig's own stream. */
bool rig_put(rig *r, void *to, const void *from, uint64_t bytes);
bool rig_get(rig *r, void *to, const void *from, uint64_t bytes);
/* Is every byte there this one? If not, `what` is told. */
bool rig_all(rig *r, const void *from, uint32_t byte, uint64_t bytes, const char *what);
tn_stream *rig_stream(rig *r); /* one more; the caller destroys it; NULL after conform_fail */

/* One use of a simple operator on f32. */
typedef struct rig_use {
    const char *op;
    const void *attrs;
    int n_in, n_out;
    tn_tensor_desc desc[RIG_TENSORS]; /* inputs, then outputs */
    tn_plan *plan;
    void *data[RIG_TENSORS], *workspace; /* device memory: rig_bind's */
} rig_use;

enum { RIG_OPS = 8 };
/* The i-th simple operator, on tensors of rows x columns; stretch: strides are so many times what they need be. False if
 * the plugin does not take it, which is no failure. Plans are destroyed by rig_plan_close. */
bool rig_plan(rig *r, rig_use *use, int i, int64_t rows, int64_t columns, int64_t stretch);
void rig_plan_close(rig_use *use);
bool rig_execute(rig *r, const rig_use *use, tn_stream *stream);
/* Device memory of its own for all operands and the workspace. */
bool rig_bind(rig *r, rig_use *use);
/* For stretch 1: small whole numbers in the inputs; is the result what it should be? */
bool rig_draw(rig *r, const rig_use *use, unsigned seed);
bool rig_right(rig *r, const rig_use *use, unsigned seed);
uint64_t rig_bytes(const tn_tensor_desc *desc); /* from the first element to the end of the last */

/* ---- level1_memory.c, level1_streams.c, level1_execute.c */

void conform_memory_kinds(conform_run *run);
void conform_memory_apart(conform_run *run);
void conform_memory_copies(conform_run *run);
void conform_memory_fills(conform_run *run);
void conform_memory_exhausted(conform_run *run);
void conform_memory_info(conform_run *run);
void conform_stream_order(conform_run *run);
void conform_stream_sync(conform_run *run);
void conform_stream_destroy(conform_run *run);
void conform_stream_many(conform_run *run);
void conform_event_query(conform_run *run);
void conform_event_wait(conform_run *run);
void conform_event_elapsed(conform_run *run);
void conform_execute_samples(conform_run *run);
void conform_execute_gaps(conform_run *run);
void conform_execute_newer(conform_run *run);
void conform_execute_order(conform_run *run);

/* ---- level4_threads.c, level4_memory.c */

void conform_threads_contexts(conform_run *run);
void conform_threads_plans(conform_run *run);
void conform_threads_one_plan(conform_run *run);
void conform_allocation_fails(conform_run *run);
void conform_allocation_plans(conform_run *run);
void conform_allocation_device(conform_run *run);
void conform_growth_plans(conform_run *run);
void conform_growth_objects(conform_run *run);
void conform_growth_operators(conform_run *run);
void conform_growth_steps(conform_run *run);
void conform_growth_contexts(conform_run *run);

/* ---- shim.c */

/* What is alive behind the shim; its numbers change atomically. */
typedef struct shim_count {
    int64_t devices, memory, streams, events, plans;
} shim_count;
extern shim_count shim_live;
const tn_plugin *shim_table(conform_run *run); /* that watches and passes on; NULL after conform_fail */

#endif
