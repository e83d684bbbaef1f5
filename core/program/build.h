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

typedef struct tn_built {
    tn_context *tn;
    tn_recorded recorded; /* as recorded; its trace is kept for looking and saving */
    tn_trace trace;       /* after the passes, views taken out */
    tn_exec *execs;
    int n_execs;
    void **addresses; /* of all operands */
    tn_patch *patches;
    int n_patches;
    tn_storage **written; /* kept memory that a run changes; held by recorded */
    int n_written;
    tn_tensor *arena; /* held; NULL if nothing is temporary */
    uint64_t arena_bytes;
    int reused; /* results that lie where an input was */
} tn_built;

/* Takes over *recorded, also when it fails: false then, after raising. */
bool tn__build(tn_context *tn, const char *name, const char *passes, tn_recorded *recorded, tn_built *built);
void tn__built_release(tn_built *built);
/* Runs all steps; in: tensors that fit. */
tn_status tn__built_run(tn_built *built, tn_tensor *const *in);
/* Adds `runs` of them to the account of what ran where. */
void tn__built_account(tn_built *built, uint64_t runs);

/* ---- dump.c: for people, as recorded (before) or as it runs */
void tn__dump(const tn_built *built, FILE *out, bool before);

#endif
