/* SPDX-License-Identifier: Apache-2.0
 *
 * Which passes there are, and which of them run. */
#include "program/program.h"

#include <string.h>

static const tn_pass in_place = {"in_place", "lets results take the place of inputs that are used up, or of copies",
                                 NULL}; /* build.c */

/* Dead code first, since a reader that is none hides that a result has one use only. Then from large patterns to small
 * ones, which would take the large ones' parts: relu sinks behind pooling, where conv2d, max_pool2d and relu can be one;
 * what that leaves of conv2d and relu joins in pairs. The gradient of a linear layer's bias is a sum that joins relu's
 * gradient where there is one, and else the product for the weight: as few operators either way, but the libraries of
 * vendors are fastest at products that are nothing else. Copies go late: then it is settled who reads them. What a pass
 * leaves behind, dead results or new neighbours, the next turn finds. */
static const tn_pass *const passes[] = {
    &tn__pass_dead,
    &tn__pass_sink_relu,
    &tn__pass_fuse_pool,
    &tn__pass_fuse_relu,
    &tn__pass_fuse_relu_sum,
    &tn__pass_fuse_linear_grad,
    &tn__pass_fuse_cross_entropy,
    &tn__pass_fuse_gather,
    &tn__pass_fuse_optimizer,
    &tn__pass_copies,
    &in_place,
};
enum { COUNT = sizeof passes / sizeof *passes, MOST_TURNS = 8 };

/* ---- choosing: "all", "none", or names; a - in front leaves one out: "all,-dead" */

static bool is_word(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && strncmp(word, name, length) == 0;
}

/* Walks the words: what they say of the pass, or (pass NULL) the first word that says nothing. */
static bool chosen_by(const char *words, const tn_pass *pass, const char **strange, size_t *strange_length)
{
    bool on = *words == '-'; /* only exceptions are given: from all */
    for (const char *word = words; *word;) {
        size_t length = strcspn(word, ",");
        bool minus = *word == '-';
        const char *name = word + minus;
        size_t n = length - minus;
        bool everything = is_word(name, n, "all"), known = everything || is_word(name, n, "none");
        for (int i = 0; i < COUNT; i++) known |= is_word(name, n, passes[i]->name);
        if (!known && strange) {
            *strange = word;
            *strange_length = length;
            return false;
        }
        if (everything || (pass && is_word(name, n, pass->name))) on = !minus;
        if (is_word(name, n, "none")) on = minus;
        word += length + (word[length] == ',');
    }
    return on;
}

const char *tn__passes_refuse(const char *chosen, size_t *length)
{
    const char *strange = NULL;
    chosen_by(chosen, NULL, &strange, length);
    return strange;
}

/* ---- running */

/* Takes out what passes have dropped. */
static void compact(tn_trace *trace)
{
    int n = 0;
    for (int i = 0; i < trace->n_steps; i++)
        if (trace->steps[i].op || trace->steps[i].view) trace->steps[n++] = trace->steps[i];
    trace->n_steps = n;
}

bool tn__passes_run(tn_trace *trace, const char *chosen)
{
    int changes = 1;
    for (int turn = 0; changes && turn < MOST_TURNS; turn++) {
        changes = 0;
        for (int i = 0; i < COUNT; i++) {
            if (!passes[i]->run || !chosen_by(chosen, passes[i], NULL, NULL)) continue;
            int made = passes[i]->run(trace);
            if (made < 0) return false;
            compact(trace);
            changes += made;
        }
    }
    return true;
}

bool tn__passes_have(const char *chosen, const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(passes[i]->name, name) == 0) return chosen_by(chosen, passes[i], NULL, NULL);
    return false;
}

const char *tn_program_pass(int i, const char **what)
{
    if (i < 0 || i >= COUNT) return NULL;
    if (what) *what = passes[i]->what;
    return passes[i]->name;
}
