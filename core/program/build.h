/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording made ready to run. */
#ifndef TENON_PROGRAM_BUILD_H
#define TENON_PROGRAM_BUILD_H

#include "program/program.h"

/* One operator with all that its execution needs. */
typedef struct tn_exec {
    const tn_plan *plan;
    tn_stream *stream;
    tn_bindings bindings;
    const tn_trace_step *step; /* of trace */
    tn_use use;                /* for the account of what ran where */
} tn_exec;

/* An address that lies in an input: set anew when the caller gives another tensor. */
typedef struct tn_patch {
    void **at;
    int input;
    uint64_t offset;
} tn_patch;

typedef struct tn_graph_run tn_graph_run; /* graph.c */

typedef struct tn_built {
    tn_context *tn;
    tn_recorded recorded; /* as recorded; its trace is kept for looking and saving */
    tn_trace trace;       /* after the passes, views taken out */
    tn_exec *execs;
    int n_execs;
    void **addresses; /* of all operands */
    tn_patch *patches;
    int n_patches;
    struct tn_written {
        tn_storage *storage; /* held by recorded */
        bool fresh;          /* made while recording: results, gradients */
    } * written;             /* kept memory that a run changes */
    int n_written;
    bool *writes_input; /* which inputs a run changes */
    tn_tensor *arena;   /* held; NULL if nothing is temporary */
    uint64_t arena_bytes;
    int reused;          /* results that lie where an input was */
    tn_graph_run *graph; /* NULL until the first replay */
} tn_built;

/* Takes over *recorded, also when it fails: false then, after raising. */
bool tn__build(tn_context *tn, const char *name, const char *passes, tn_recorded *recorded, tn_built *built);
void tn__built_release(tn_built *built);
/* Where input i lies makes a difference to a function which a recording, to which all inputs are memory of their own,
 * does not make: it is also reached in another way, and one of them writes. TN_MEETS_RESULT: it lies in what a run makes
 * anew, so that a copy will do. */
typedef enum tn_meeting { TN_MEETS_NOTHING, TN_MEETS_RESULT, TN_MEETS_OTHERS } tn_meeting;
tn_meeting tn__built_meets(const tn_built *built, tn_tensor *const *in, int i);
/* Runs all steps; in: tensors that fit. */
tn_status tn__built_run(tn_built *built, tn_tensor *const *in);
/* Puts the addresses of the run's inputs where the steps take them from. */
void tn__built_bind_inputs(const tn_built *built);
/* Tells backward of the inputs that a run has written to. */
void tn__built_count_writes(const tn_built *built, tn_tensor *const *in);
/* Adds `runs` of them to the account of what ran where. */
void tn__built_account(tn_built *built, uint64_t runs);

/* ---- graph.c: replays as one launch */

/* Replays it so, if that can be: true, and *status tells how it went. False: the steps are still to be run, with the
 * inputs bound as they are given. */
bool tn__graph_run(tn_built *built, tn_tensor *const *in, tn_status *status, tn_error *error);
void tn__graph_release(tn_built *built);
const char *tn__graph_why_not(const tn_built *built); /* NULL if replays are launches of a graph */

/* ---- dump.c: for people, as recorded (before) or as it runs */
void tn__dump(const tn_built *built, FILE *out, bool before);

#endif
