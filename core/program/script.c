/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripts: holding them, and what can be known of their memory without running them. */
#include "program/script.h"

#include <stdlib.h>
#include <string.h>

const char *const tn__line_names[TN_LINE_KINDS] = {
    [TN_LINE_RESHAPE] = "reshape", [TN_LINE_EXPAND] = "expand",         [TN_LINE_PERMUTE] = "permute",
    [TN_LINE_SLICE] = "slice",     [TN_LINE_CONTIGUOUS] = "contiguous", [TN_LINE_COPY] = "copy",
    [TN_LINE_EMPTY] = "empty"};

/* ---- holding */

static void forget_study(tn_script *script)
{
    free(script->root);
    free(script->last);
    free(script->made);
    free(script->written);
    free(script->given);
    script->root = script->last = NULL;
    script->made = script->written = script->given = NULL;
}

void tn__script_release(tn_script *script)
{
    forget_study(script);
    for (int i = 0; i < script->n_lines; i++) {
        free(script->lines[i].attrs);
        free(script->lines[i].in);
    }
    for (int i = 0; i < script->n_weights; i++) {
        free(script->weights[i].name);
        tn_release(script->weights[i].tensor);
    }
    free(script->name);
    free(script->in);
    free(script->weights);
    free(script->lines);
    free(script->out);
    *script = (tn_script){0};
}

bool tn__script_add_line(tn_script *script, tn_line *line)
{
    tn_line *lines = tn__more(script->lines, script->n_lines, &script->line_room, sizeof *lines);
    if (lines) script->lines = lines;
    if (!lines || !line->in) {
        free(line->attrs);
        free(line->in);
        return false;
    }
    line->first_out = script->n_tensors;
    script->n_tensors += line->n_out;
    lines[script->n_lines++] = *line;
    return true;
}

bool tn__script_add_weight(tn_script *script, char *name, tn_tensor *tensor)
{
    tn_weight *weights = tn__more(script->weights, script->n_weights, &script->weight_room, sizeof *weights);
    if (weights) script->weights = weights;
    if (!weights || !name) {
        free(name);
        return false;
    }
    weights[script->n_weights++] = (tn_weight){name, tn_retain(tensor)};
    script->n_tensors++;
    return true;
}

/* ---- studying */

bool tn__line_writes(const tn_line *line, int i)
{
    if (line->kind == TN_LINE_COPY) return i == 1;
    return line->kind == TN_LINE_OP && line->in[i] >= 0 && tn__writes_input(line->op, line->attrs, line->n_in, i);
}

static bool is_view(const tn_line *line)
{
    return line->kind == TN_LINE_RESHAPE || line->kind == TN_LINE_EXPAND || line->kind == TN_LINE_PERMUTE ||
           line->kind == TN_LINE_SLICE;
}

static bool study_line(tn_script *script, int l)
{
    const tn_line *line = &script->lines[l];
    for (int i = 0; i < line->n_in; i++) {
        if (line->in[i] < 0) continue;
        script->last[line->in[i]] = l;
        if (!tn__line_writes(line, i)) continue;
        int root = script->root[line->in[i]];
        if (!script->made[root]) return false;
        script->written[root] = true;
    }
    for (int y = line->first_out; y < line->first_out + line->n_out; y++) {
        script->root[y] = is_view(line) ? script->root[line->in[0]] : y;
        script->made[y] = true;
        script->last[y] = l;
    }
    return true;
}

/* What contiguous is given may be what it gives. */
static void study_results(tn_script *script)
{
    for (int i = 0; i < script->n_out; i++) {
        script->last[script->out[i]] = script->n_lines;
        script->given[script->root[script->out[i]]] = true;
    }
    for (int l = script->n_lines; l-- > 0;) {
        const tn_line *line = &script->lines[l];
        if (line->kind == TN_LINE_CONTIGUOUS && script->given[line->first_out])
            script->given[script->root[line->in[0]]] = true;
    }
}

bool tn__script_study(tn_script *script, int *line)
{
    size_t n = (size_t)script->n_tensors + 1;
    *line = -1;
    script->root = calloc(n, sizeof *script->root);
    script->last = calloc(n, sizeof *script->last);
    script->made = calloc(n, sizeof *script->made);
    script->written = calloc(n, sizeof *script->written);
    script->given = calloc(n, sizeof *script->given);
    if (!script->root || !script->last || !script->made || !script->written || !script->given) return false;
    for (int i = 0; i < script->n_in + script->n_weights; i++) script->root[i] = i;
    for (int l = 0; l < script->n_lines; l++)
        if (!study_line(script, l)) {
            *line = l;
            return false;
        }
    study_results(script);
    return true;
}
