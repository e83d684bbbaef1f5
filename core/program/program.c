/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs: a function and its recordings, one for each set of inputs that looked different. */
#include "program/build.h"
#include "program/script.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RECORDINGS = 16 };

typedef struct recording {
    tn_tensor_desc *in; /* what the inputs looked like */
    tn_dev **devs;
    bool grad_enabled;
    uint64_t op_flags;
    char *given_up; /* why the function runs for itself each time; NULL: built is replayed */
    tn_built built;
    uint64_t runs, unaccounted;
} recording;

struct tn_program {
    tn_account account;
    tn_context *tn;
    char *name;
    char *passes;
    tn_program_fn fn;
    void *arg;
    tn_script *script; /* owned; NULL if fn is somebody's C */
    int n_in, n_out;
    recording *recordings[MOST_RECORDINGS];
    int n_recordings;
    const recording *last;
    tn_tensor **own;     /* inputs of this run */
    tn_tensor **held;    /* those of the last run, which results may lie in */
    tn_tensor **results; /* held, if the last run was no replay */
    bool told;           /* that there are too many recordings */
};

/* ---- recordings */

static void recording_release(recording *r)
{
    if (!r) return;
    tn__built_release(&r->built);
    free(r->given_up);
    free(r->in);
    free(r->devs);
    free(r);
}

static recording *recording_new(const tn_program *program, tn_tensor *const *in)
{
    recording *r = calloc(1, sizeof *r);
    size_t n = (size_t)program->n_in + 1;
    if (r) r->in = calloc(n, sizeof *r->in);
    if (r) r->devs = calloc(n, sizeof *r->devs);
    if (!r || !r->in || !r->devs) {
        recording_release(r);
        tn_raise(program->tn, TN_OUT_OF_MEMORY, "program %s: no host memory for a recording", program->name);
        return NULL;
    }
    r->grad_enabled = program->tn->grad_enabled;
    r->op_flags = program->tn->op_flags;
    for (int i = 0; i < program->n_in; i++) {
        r->in[i] = in[i]->desc;
        r->devs[i] = tn__dev_of(in[i]);
    }
    return r;
}

static bool looks_like(const tn_tensor *x, const tn_tensor_desc *desc, const tn_dev *dev)
{
    return tn__dev_of(x) == dev && x->desc.dtype == desc->dtype && x->desc.rank == desc->rank &&
           memcmp(x->desc.dims, desc->dims, sizeof desc->dims) == 0 &&
           memcmp(x->desc.strides, desc->strides, sizeof desc->strides) == 0 && x->desc.alignment >= desc->alignment;
}

/* Are the gradients that the function used what they were? */
static bool gradients_fit(const tn_recorded *recorded)
{
    for (int i = 0; i < recorded->n_grads; i++)
        if (recorded->grads[i].matters && recorded->grads[i].x->grad != recorded->grads[i].before) return false;
    return true;
}

static recording *find(const tn_program *program, tn_tensor *const *in)
{
    for (int k = 0; k < program->n_recordings; k++) {
        recording *r = program->recordings[k];
        bool fits = r->grad_enabled == program->tn->grad_enabled && r->op_flags == program->tn->op_flags;
        for (int i = 0; fits && i < program->n_in; i++) fits = looks_like(in[i], &r->in[i], r->devs[i]);
        if (fits && gradients_fit(&r->built.recorded)) return r;
    }
    return NULL;
}

/* ---- making */

static void settle(tn_account *account)
{
    tn_program *program = (tn_program *)account;
    for (int i = 0; i < program->n_recordings; i++) {
        recording *r = program->recordings[i];
        if (r->unaccounted) tn__built_account(&r->built, r->unaccounted);
        r->unaccounted = 0;
    }
}

static void release_held(tn_program *program)
{
    for (int i = 0; program->held && i < program->n_in; i++) {
        tn_release(program->held[i]);
        program->held[i] = NULL;
    }
}

static void release_results(tn_program *program)
{
    for (int i = 0; program->results && i < program->n_out; i++) {
        tn_release(program->results[i]);
        program->results[i] = NULL;
    }
}

void tn_program_reset(tn_program *program)
{
    if (!program) return;
    settle(&program->account);
    release_held(program);
    release_results(program);
    for (int i = 0; i < program->n_recordings; i++) recording_release(program->recordings[i]);
    program->n_recordings = 0;
    program->last = NULL;
}

static void release(void *object)
{
    tn_program *program = object;
    tn_program_reset(program);
    tn__account_remove(program->tn, &program->account);
    free(program->own);
    if (program->script) tn__script_release(program->script);
    free(program->script);
    free(program->held);
    free(program->results);
    free(program->name);
    free(program->passes);
    free(program);
}

tn_program *tn_program_open(tn_context *tn, const char *name, tn_program_fn fn, void *arg, int n_in, int n_out)
{
    const char *passes = secure_getenv("TENON_PASSES");
    if (tn_check(tn) != TN_OK) return NULL;
    if (!fn || n_in < 0 || n_out < 0) {
        tn_raise(tn, TN_INVALID, "program %s: it needs a function, and 0 or more inputs (%d) and results (%d)", name,
                 n_in, n_out);
        return NULL;
    }
    tn_program *program = calloc(1, sizeof *program);
    if (program)
        *program = (tn_program){.account.settle = settle,
                                .tn = tn,
                                .name = strdup(name),
                                .passes = strdup("all"),
                                .fn = fn,
                                .arg = arg,
                                .n_in = n_in,
                                .n_out = n_out,
                                .own = calloc((size_t)n_in + 1, sizeof(tn_tensor *)),
                                .held = calloc((size_t)n_in + 1, sizeof(tn_tensor *)),
                                .results = calloc((size_t)n_out + 1, sizeof(tn_tensor *))};
    if (!program || !program->name || !program->passes || !program->own || !program->held || !program->results) {
        if (program) release(program);
        tn_raise(tn, TN_OUT_OF_MEMORY, "program %s: no host memory for it", name);
        return NULL;
    }
    tn__account_add(tn, &program->account);
    tn_on_close(tn, release, program);
    if (passes) tn_program_set_passes(program, passes);
    return tn_check(tn) == TN_OK ? program : NULL;
}

tn_program *tn__program_of_script(tn_context *tn, tn_script *script)
{
    tn_script *own = malloc(sizeof *own);
    tn_program *program =
        own ? tn_program_open(tn, script->name, tn__script_run, own, script->n_in, script->n_out) : NULL;
    if (!program) {
        if (!own) tn_raise(tn, TN_OUT_OF_MEMORY, "program %s: no host memory for it", script->name);
        tn__script_release(script);
        free(own);
        return NULL;
    }
    *own = *script;
    program->script = own;
    return program;
}

void tn_program_set_passes(tn_program *program, const char *passes)
{
    size_t length;
    if (!program) return;
    const char *strange = tn__passes_refuse(passes, &length);
    if (strange) {
        char known[400] = "";
        const char *name;
        for (int i = 0; (name = tn_program_pass(i, NULL)); i++)
            snprintf(known + strlen(known), sizeof known - strlen(known), ", %s", name);
        tn_raise(program->tn, TN_INVALID,
                 "program %s: there is no pass \"%.*s\"; there are: all, none%s; a - in front leaves one out",
                 program->name, (int)length, strange, known);
        return;
    }
    char *own = strdup(passes);
    if (!own) {
        tn_raise(program->tn, TN_OUT_OF_MEMORY, "program %s: no host memory", program->name);
        return;
    }
    tn_program_reset(program);
    free(program->passes);
    program->passes = own;
}

/* ---- running */

static tn_status call(tn_program *program, tn_tensor *const *in, tn_tensor **out)
{
    tn_context *tn = program->tn;
    for (int i = 0; i < program->n_out; i++) out[i] = NULL;
    program->fn(program->arg, in, out);
    for (int i = 0; i < program->n_out; i++)
        if (!out[i])
            out[i] = tn_raise(tn, TN_INVALID, "program %s: the function has set no result %d of %d", program->name, i,
                              program->n_out);
    return tn_check(tn);
}

/* Results are the program's, and have no graph, as those of replays. */
static tn_status run_eagerly(tn_program *program, tn_tensor *const *in, tn_tensor **out)
{
    release_results(program);
    tn_status status = call(program, in, out);
    for (int i = 0; i < program->n_out; i++)
        if (!tn_is_nil(out[i])) out[i] = program->results[i] = tn_retain(tn_detach(out[i]));
    return status;
}

/* Runs the function and keeps what it did. */
static tn_status record(tn_program *program, tn_tensor *const *in, tn_tensor **out)
{
    tn_context *tn = program->tn;
    tn_recorded recorded;
    recording *r = recording_new(program, in);
    if (!r) return tn_check(tn);
    bool ok = tn__record_function(tn, program->name, program->fn, program->arg, program->n_in, in, program->n_out, out,
                                  &recorded, &r->given_up);
    if (ok && r->given_up) {
        tn_log_line(TN_LOG_WARN, "program %s runs operator by operator: %s, which cannot be replayed", program->name,
                    r->given_up);
        for (int i = 0; i < program->n_out; i++) program->results[i] = out[i];
    } else
        ok = ok && tn__build(tn, program->name, program->passes, &recorded, &r->built);
    if (!ok) {
        recording_release(r);
        for (int i = 0; i < program->n_out; i++) out[i] = tn__nil(tn);
        return tn_check(tn);
    }
    tn__built_count_writes(&r->built, in);
    r->runs = 1;
    program->recordings[program->n_recordings++] = r;
    program->last = r;
    return TN_OK;
}

static tn_status replay(tn_program *program, recording *r, tn_tensor *const *in, tn_tensor **out)
{
    r->runs++;
    program->last = r;
    if (!program->tn->profiling) r->unaccounted++;
    tn_status status = tn__built_run(&r->built, in);
    for (int i = 0; i < program->n_out; i++) out[i] = status == TN_OK ? r->built.recorded.out[i] : tn__nil(program->tn);
    return status;
}

static bool inputs_are_sound(const tn_program *program, tn_tensor *const *in)
{
    for (int i = 0; i < program->n_in; i++) {
        if (tn_is_nil(in[i])) return false;
        if (in[i]->ctx == program->tn) continue;
        tn_raise(program->tn, TN_INVALID, "program %s: input %d belongs to another context", program->name, i);
        return false;
    }
    return tn_check(program->tn) == TN_OK;
}

/* A graph ends at a program, which would go unnoticed. */
static bool inputs_have_no_graph(const tn_program *program, tn_tensor *const *in)
{
    for (int i = 0; i < program->n_in && program->tn->grad_enabled; i++) {
        if (!in[i]->requires_grad) continue;
        tn_raise(
            program->tn, TN_INVALID,
            "program %s: input %d requires a gradient, which would end at the program; give tn_detach of it, or run "
            "with gradients disabled",
            program->name, i);
        return false;
    }
    return true;
}

/* Results may lie in the inputs, whose memory must stay until the next run. */
static void hold_inputs(tn_program *program, tn_tensor *const *in)
{
    for (int i = 0; i < program->n_in; i++) tn_retain(in[i]);
    release_held(program);
    for (int i = 0; i < program->n_in; i++) program->held[i] = in[i];
}

/* Inputs for a replay in program->own, where those that it would overwrite are copies. False if no copy helps. */
static bool keep_apart(tn_program *program, const recording *r, tn_tensor *const *in)
{
    for (int i = 0; i < program->n_in; i++) program->own[i] = in[i];
    for (int i = 0; i < program->n_in; i++) {
        tn_meeting meeting = tn__built_meets(&r->built, in, i);
        if (meeting == TN_MEETS_OTHERS) return false;
        if (meeting == TN_MEETS_RESULT) program->own[i] = tn_clone(in[i]);
        if (tn_is_nil(program->own[i]) || !looks_like(program->own[i], &r->in[i], r->devs[i])) return false;
    }
    return true;
}

/* Is there an input that lies in an input of an earlier run? It would be gone with that one. */
static bool lies_in_input(const tn_program *program, tn_tensor *const *in)
{
    for (int i = 0; i < program->n_in; i++)
        if (in[i]->storage->borrowed) return true;
    return false;
}

static bool is_full(tn_program *program)
{
    if (program->n_recordings < MOST_RECORDINGS) return false;
    if (!program->told)
        tn_log_line(TN_LOG_WARN,
                    "program %s has seen %d kinds of inputs, or of gradients that it adds to; others run without a "
                    "recording",
                    program->name, MOST_RECORDINGS);
    program->told = true;
    return true;
}

tn_status tn_program_run(tn_program *program, tn_tensor *const *in, tn_tensor **out)
{
    if (!program) return TN_INVALID;
    tn_context *tn = program->tn;
    if (!inputs_are_sound(program, in) || (!tn->recorder && !inputs_have_no_graph(program, in))) {
        for (int i = 0; i < program->n_out; i++) out[i] = tn__nil(tn);
        return tn_check(tn);
    }
    if (tn->recorder) return call(program, in, out); /* it becomes part of the other one */
    recording *r = find(program, in);
    if (r && r->given_up) {
        r->runs++;
        program->last = r;
        return run_eagerly(program, in, out);
    }
    if (r ? !keep_apart(program, r, in) : lies_in_input(program, in) || is_full(program))
        return run_eagerly(program, in, out);
    hold_inputs(program, r ? program->own : in);
    release_results(program);
    return r ? replay(program, r, program->own, out) : record(program, in, out);
}

/* ---- looking */

const tn_script *tn__program_script(const tn_program *program)
{
    return program->script;
}

const tn_recorded *tn__program_recorded(const tn_program *program)
{
    return program->last && !program->last->given_up ? &program->last->built.recorded : NULL;
}

const char *tn__program_name(const tn_program *program, tn_context **tn)
{
    *tn = program->tn;
    return program->name;
}

bool tn_program_input(const tn_program *program, int i, tn_dtype *dtype, int *rank, int64_t *dims)
{
    if (!program || i < 0 || i >= program->n_in) return false;
    const tn_tensor_desc *desc = program->last     ? &program->last->in[i]
                                 : program->script ? &program->script->in[i]
                                                   : NULL;
    if (!desc) return false;
    *dtype = desc->dtype;
    *rank = (int)desc->rank;
    memcpy(dims, desc->dims, sizeof desc->dims);
    return true;
}

static int count_ops(const tn_trace *trace)
{
    int n = 0;
    for (int i = 0; i < trace->n_steps; i++) n += !trace->steps[i].view;
    return n;
}

tn_program_stats tn_program_look(const tn_program *program)
{
    tn_program_stats stats = {0};
    if (!program) return stats;
    stats.inputs = program->n_in;
    stats.results = program->n_out;
    for (int i = 0; i < program->n_recordings; i++) {
        stats.recordings += !program->recordings[i]->given_up;
        stats.runs += program->recordings[i]->runs;
    }
    if (!program->last) return stats;
    stats.not_recorded = program->last->given_up;
    if (stats.not_recorded) return stats;
    const tn_built *built = &program->last->built;
    stats.not_a_graph = tn__graph_why_not(built);
    stats.recorded_ops = count_ops(&built->recorded.trace);
    stats.ops = built->n_execs;
    stats.reused_in_place = built->reused;
    stats.arena_bytes = built->arena_bytes;
    stats.eager_bytes = built->recorded.eager_bytes;
    return stats;
}

void tn_program_dump(const tn_program *program, FILE *out, bool before)
{
    if (!program) return;
    fprintf(out, "program %s: %d recording%s, %s\n", program->name, program->n_recordings,
            program->n_recordings == 1 ? "" : "s", before ? "as recorded" : "as replayed");
    for (int i = 0; i < program->n_recordings; i++) {
        const recording *r = program->recordings[i];
        fprintf(out, "\nrecording %d: gradients %s, %llu run%s\n", i, r->grad_enabled ? "enabled" : "disabled",
                (unsigned long long)r->runs, r->runs == 1 ? "" : "s");
        if (r->given_up) {
            fprintf(out, "  runs operator by operator: %s, which cannot be replayed\n", r->given_up);
            continue;
        }
        tn__dump(&r->built, out, before);
    }
}
