/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to core/program: what a recorded function is. A trace lists steps (operators and views) over tensors, which
 * lie in values (pieces of memory). Recording writes it (record.c), passes rewrite it (pass_*.c), then each step gets a
 * plan, temporaries their places in one arena (place.c), and addresses are bound (build.c), so that replaying is a loop
 * over execute (program.c). */
#ifndef TENON_PROGRAM_H
#define TENON_PROGRAM_H

#include "engine/backend.h"
#include "engine/recorder.h"

typedef enum tn_value_kind {
    TN_VALUE_INPUT,    /* what the caller gives to each run */
    TN_VALUE_KEPT,     /* memory that lives on its own: parameters, results, constants */
    TN_VALUE_TEMPORARY /* made and used up by the steps */
} tn_value_kind;

/* Memory: what a storage is to tensors. */
typedef struct tn_value {
    tn_value_kind kind;
    tn_dev *dev;
    uint64_t bytes;
    tn_storage *storage; /* held, but for temporaries: NULL once it is freed */
    int input;           /* which, if it is one */
    bool fresh;          /* made while recording ... */
    bool constant;       /* ... from data of the host */
    uint64_t offset;     /* in the arena, if it is temporary; place.c */
    int64_t alias;       /* another value in whose place this one lies; -1: none. pass_in_place.c */
} tn_value;

/* A tensor as steps see it. */
typedef struct tn_traced {
    int value;
    uint64_t offset; /* of the first element, in bytes */
    tn_tensor_desc desc;
} tn_traced;

/* An operator, or a view. Operands are indices of traced tensors, -1 where an optional input is absent. */
typedef struct tn_trace_step {
    const tn_op *op; /* NULL: taken out by a pass */
    bool view;       /* out[0] shares the memory of in[0]; op is one of views.c, or NULL for none */
    bool fell_back;
    tn_dev *dev;
    void *attrs; /* owned */
    size_t attrs_size;
    int n_in, n_out;
    int *in; /* owned */
    int out[TN_MAX_OUT];
    uint64_t workspace_bytes; /* when it was recorded */
} tn_trace_step;

typedef struct tn_trace {
    tn_context *tn;
    tn_value *values;
    tn_traced *tensors;
    tn_trace_step *steps;
    int n_values, n_tensors, n_steps;
    int value_room, tensor_room, step_room;
} tn_trace;

/* ---- trace.c: looking at a trace, and changing it. Steps are named by their index, which a change of the list's length
 * shifts; -1 is none. */

/* A list of n elements with room for one more, maybe at another place; NULL, and the list as it was, if there is no
 * memory. */
void *tn__more(void *list, int n, int *room, size_t size);
void tn__trace_release(tn_trace *trace);
/* A deep copy with holds of its own; false if there is no memory. */
bool tn__trace_copy(tn_trace *to, const tn_trace *from);
int tn__trace_add_value(tn_trace *trace, const tn_value *value); /* -1 if there is no memory */
int tn__value_root(const tn_trace *trace, int value);            /* the one that it lies in the place of, at last */
int tn__trace_add_tensor(tn_trace *trace, int value, uint64_t offset, const tn_tensor_desc *desc);
/* A tensor of its own temporary memory, row-major unless desc's strides are dense in another order. */
int tn__trace_add_temporary(tn_trace *trace, tn_dev *dev, const tn_tensor_desc *desc);
/* A step at the end; attrs and in are copied. */
bool tn__trace_add_step(tn_trace *trace, const tn_trace_step *step);
/* The same before step `at`. */
bool tn__trace_insert(tn_trace *trace, int at, const tn_trace_step *step);
/* Puts another step in the place of step `at`; the old one is freed, the new one copied. */
bool tn__trace_replace(tn_trace *trace, int at, const tn_trace_step *step);
/* Takes a step out: it becomes one with op NULL. */
void tn__trace_drop(tn_trace *trace, int at);

/* Does the step write to the value: as an output, or in place? Does it read it (in place counts as well)? Views do
 * neither. */
bool tn__step_writes(const tn_trace *trace, const tn_trace_step *step, int value);
bool tn__step_reads(const tn_trace *trace, const tn_trace_step *step, int value);
bool tn__step_input_in_place(const tn_trace_step *step, int i);
/* Does any step write to the value, or to one that lies in its place? */
bool tn__trace_writes(const tn_trace *trace, int value);
/* Does an operator with these attributes and n_in inputs write to input i? */
bool tn__writes_input(const tn_op *op, const void *attrs, int n_in, int i);
/* The only step that writes to the value; -1 if there are more, or none. */
int tn__trace_writer(const tn_trace *trace, int value);
/* How many operands read the value; the last step that does is *last (-1: none). Kept values are read by the outside as
 * well: not counted. */
int tn__trace_readers(const tn_trace *trace, int value, int *last);
/* The first step behind `after` that reads the value; -1 if there is none. */
int tn__trace_next_reader(const tn_trace *trace, int value, int after);
/* Is the value written, or (touched) written or read, by a step in (after, before)? */
bool tn__trace_written_between(const tn_trace *trace, int value, int after, int before);
bool tn__trace_touched_between(const tn_trace *trace, int value, int after, int before);
/* May step `from`'s work be done at step `to` (a later one) instead: does nobody in between write what it reads? */
bool tn__trace_can_sink(const tn_trace *trace, int from, int to);
/* Does the tensor cover its value from its start, dense and in row-major or any other order? */
bool tn__traced_whole(const tn_trace *trace, int tensor);
/* Does the tensor lie in temporary memory? -1 does not. */
bool tn__traced_is_temporary(const tn_trace *trace, int tensor);
/* The step that made this very tensor in temporary memory, which nobody else writes to and (if `alone`) only step `by`
 * reads, once. -1 if there is none, or it is not an `op` (NULL: any). */
int tn__trace_maker(const tn_trace *trace, int tensor, const tn_op *op, int by, bool alone);
/* The step as a backend is told of it. in, out: room for the descriptors, which are the trace's. */
tn_op_desc tn__trace_describe(const tn_trace *trace, const tn_trace_step *step, const tn_tensor_desc **in,
                              const tn_tensor_desc **out);
/* Would the step's device run it: by a kernel, not by decomposition or fallback? Not if a result would lie in the memory
 * of an input. */
bool tn__trace_takes(const tn_trace *trace, const tn_trace_step *step);
/* The same for one that several are to be joined in. It goes where its result lies, whether or not its parts have fallen
 * back from there; else, if they have (step->fell_back), to where they ran. Sets dev and fell_back. */
bool tn__trace_takes_joined(const tn_trace *trace, tn_trace_step *step);
/* -1 after raising, for passes to return. */
int tn__trace_no_memory(const tn_trace *trace);

/* ---- passes: each in a file of its own. They run in the order of the table (passes.c), until none changes anything. */

typedef struct tn_pass {
    const char *name; /* "fuse_relu" */
    const char *what; /* for people, one line */
    /* How many changes it made; -1 after raising. NULL: it is not of this kind, and build.c asks for it by name. */
    int (*run)(tn_trace *trace);
} tn_pass;

extern const tn_pass tn__pass_dead, tn__pass_sink_relu, tn__pass_fuse_pool, tn__pass_fuse_relu, tn__pass_fuse_relu_sum,
    tn__pass_fuse_linear_grad, tn__pass_fuse_cross_entropy, tn__pass_fuse_gather, tn__pass_fuse_optimizer,
    tn__pass_copies;

/* Runs those that `chosen` (see tn_program_set_passes) names; false after raising. */
bool tn__passes_run(tn_trace *trace, const char *chosen);
bool tn__passes_have(const char *chosen, const char *name);
/* NULL if chosen is well written, else the word that is not. */
const char *tn__passes_refuse(const char *chosen, size_t *length);

/* ---- record.c */

/* What recording gives. */
typedef struct tn_recorded {
    tn_trace trace;
    int n_in, n_out;
    tn_storage **inputs; /* stand-ins for the inputs' memory, held; trace values of kind INPUT refer to them */
    int *in;             /* traced tensors */
    tn_tensor **out;     /* results, held and detached */
    int *out_traced;
    /* Leaves whose gradients the function has used or set. A run sets them to what they were at the end; it does the same
     * as the function only if what mattered is what it was before. All held; NULL: no gradient. */
    struct tn_touched_grad {
        tn_tensor *x, *before, *grad;
        bool matters;
    } * grads;
    int n_grads;
    tn_tensor *rng; /* held; NULL if nothing is random */
    int64_t rng_calls;
    uint64_t eager_bytes; /* most that temporaries and workspaces took at a time */
} tn_recorded;

/* Runs the function once and writes down what it did; false after raising, and *recorded is then empty. So it is if a
 * replay could not do what the function does: *given_up says why (the caller frees), else it is NULL, and the results
 * are held for the caller. */
bool tn__record_function(tn_context *tn, const char *name, tn_program_fn fn, void *arg, int n_in, tn_tensor *const *in,
                         int n_out, tn_tensor **out, tn_recorded *recorded, char **given_up);
void tn__recorded_release(tn_recorded *recorded);

/* ---- place.c */

/* Gives each temporary value that is in use (its alias counts for it) its offset, and each step's workspace its own in
 * workspace[step] (bytes[step] of them); the size of the arena, UINT64_MAX if there is no memory to think. */
uint64_t tn__place(tn_trace *trace, const uint64_t *bytes, uint64_t *workspace);

/* ---- pass_in_place.c */

/* Gives values aliases, and drops copies to where something already is; how many. plans: of all steps; no views. */
int tn__reuse_in_place(tn_trace *trace, tn_plan *const *plans);

#endif
