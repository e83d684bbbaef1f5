/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes what the fuzzer of programs starts from: program_seeds FOLDER makes FOLDER/program, with a program for each
 * operator by its first samples, and some that views make up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ops/sample.h"
#include "program/script.h"

enum { SAMPLES = 2 }; /* of each operator */

static void save(const char *folder, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/program/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fputs(text, file) < 0 || fclose(file)) {
        perror(path);
        exit(1);
    }
}

/* What is updated in place is memory that an empty line makes, all else are inputs. */
static bool make_operand(tn_script *script, const tn_sample *s, int i, int *number)
{
    const tn_sample_input *in = &s->in[i];
    tn_line empty = {.kind = TN_LINE_EMPTY, .dtype = tn__sample_dtype(s, i, TN_F32), .rank = in->rank, .n_out = 1};
    memcpy(empty.dims, in->dims, sizeof empty.dims);
    *number = in->present ? script->n_tensors : -1;
    if (!in->present) return true;
    if (in->arg->in_place) {
        empty.in = calloc(1, sizeof *empty.in);
        return tn__script_add_line(script, &empty);
    }
    tn_tensor_desc *desc = &script->in[script->n_in++];
    *desc = (tn_tensor_desc){.struct_size = sizeof *desc, .dtype = empty.dtype, .rank = (uint32_t)in->rank};
    memcpy(desc->dims, in->dims, sizeof desc->dims);
    script->n_tensors++;
    return true;
}

static void write_sample(const char *folder, const tn_op *op, int which)
{
    char why[TN_SAMPLE_WHY], name[64];
    static tn_sample s;
    if (!tn__sample_parse(op, op->samples[which], 1, &s, why)) exit(1);
    tn_script script = {.name = strdup(op->name), .in = calloc(TN_SAMPLE_INPUTS, sizeof *script.in)};
    tn_line line = {.op = op, .n_in = s.n_in, .n_out = s.schema->n_out, .attrs = malloc(TN_SAMPLE_ATTRS)};
    line.in = calloc((size_t)s.n_in + 1, sizeof *line.in);
    script.out = calloc(TN_MAX_OUT, sizeof *script.out);
    if (!script.name || !script.in || !script.out || !line.attrs || !line.in) exit(1);
    memcpy(line.attrs, s.attrs, TN_SAMPLE_ATTRS);
    for (int pass = 0; pass < 2; pass++) /* inputs have the first numbers */
        for (int i = 0; i < s.n_in; i++)
            if (s.in[i].arg->in_place == pass && !make_operand(&script, &s, i, &line.in[i])) exit(1);
    if (!tn__script_add_line(&script, &line)) exit(1);
    script.n_out = line.n_out ? line.n_out : 1;
    for (int i = 0; i < script.n_out; i++) script.out[i] = script.n_tensors - script.n_out + i;
    char *text = tn__script_write(&script);
    if (!text) exit(1);
    snprintf(name, sizeof name, "%s.%d", op->name, which);
    save(folder, name, text);
    free(text);
    tn__script_release(&script);
}

#define BEGIN \
    "{\"name\":\"p\",\"inputs\":[{\"dtype\":\"f32\",\"dims\":[2,3]}],\"weights\":[\"w\",\"b\",\"index\"],\"steps\":["
#define END(outputs) "],\"outputs\":[" outputs "]}"

/* clang-format off */
static const struct { const char *name, *text; } views[] = {
    {"nothing", BEGIN END("")},
    {"as_is",   BEGIN END("0,1")},
    {"views",   BEGIN "{\"op\":\"reshape\",\"dims\":[null,1,3],\"in\":[0],\"out\":[4]},"
                      "{\"op\":\"permute\",\"order\":[2,0,1],\"in\":[4],\"out\":[5]},"
                      "{\"op\":\"slice\",\"dim\":0,\"start\":0,\"length\":2,\"step\":2,\"in\":[5],\"out\":[6]},"
                      "{\"op\":\"expand\",\"dims\":[null,2,4],\"in\":[6],\"out\":[7]},"
                      "{\"op\":\"contiguous\",\"in\":[7],\"out\":[8]}" END("8")},
    {"writes",  BEGIN "{\"op\":\"empty\",\"dtype\":\"f32\",\"dims\":[2,6],\"in\":[],\"out\":[4]},"
                      "{\"op\":\"fill/1(y!:A[...]; value:f64) -> ()\",\"attrs\":{\"value\":\"-inf\"},\"in\":[4],\"out\":[]},"
                      "{\"op\":\"slice\",\"dim\":1,\"start\":0,\"length\":3,\"step\":2,\"in\":[4],\"out\":[5]},"
                      "{\"op\":\"copy\",\"in\":[1,5],\"out\":[]},"
                      "{\"op\":\"contiguous\",\"in\":[4],\"out\":[6]},"
                      "{\"op\":\"copy\",\"in\":[5,6],\"out\":[]}" END("4,6")},
};
/* clang-format on */

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 2) return 2;
    snprintf(path, sizeof path, "%s/program", argv[1]);
    if ((mkdir(argv[1], 0777) != 0 && errno != EEXIST) || (mkdir(path, 0777) != 0 && errno != EEXIST)) return 2;
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) save(argv[1], views[i].name, views[i].text);
    for (int i = 0; tn__catalogue[i]; i++)
        for (int k = 0; k < SAMPLES && tn__catalogue[i]->samples && tn__catalogue[i]->samples[k]; k++)
            write_sample(argv[1], tn__catalogue[i], k);
    return 0;
}
