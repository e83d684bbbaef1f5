/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer on saved programs. The input is the program's JSON; it is put into a file with three weights and loaded.
 * What can be loaded and is small is run, twice, and what has run must be savable again. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ops/schema.h"
#include "program/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { MOST_ELEMENTS = 1024, MOST_NUMBER = 16, MOST_LINES = 12 };

/* ---- the file: w f32[2,3], b f32[2], index i64[2], all zeros */

static char *header_of(const uint8_t *bytes, size_t size)
{
    char *text = NULL;
    json_t *script = json_stringn((const char *)bytes, size);
    json_t *root =
        script
            ? json_pack("{s:{s:s, s:o}, s:{s:s, s:[i,i], s:[i,i]}, s:{s:s, s:[i], s:[i,i]}, s:{s:s, s:[i], s:[i,i]}}",
                        "__metadata__", "tenon.program", "1", "program", script, "w", "dtype", "F32", "shape", 2, 3,
                        "data_offsets", 16, 40, "b", "dtype", "F32", "shape", 2, "data_offsets", 40, 48, "index",
                        "dtype", "I64", "shape", 2, "data_offsets", 0, 16)
            : NULL;
    if (root) text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

static int file_of(const char *header)
{
    const uint8_t data[48] = {0};
    uint8_t length[8];
    int fd = memfd_create("program", MFD_CLOEXEC);
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(n >> 8 * i);
    if (fd < 0 || write(fd, length, sizeof length) != (ssize_t)sizeof length || write(fd, header, n) != (ssize_t)n ||
        write(fd, data, sizeof data) != (ssize_t)sizeof data)
        abort();
    return fd;
}

/* ---- what runs within a second */

static bool is_small_shape(int rank, const int64_t *dims)
{
    int64_t elements = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] > MOST_ELEMENTS) return false;
        elements *= dims[i] < 1 ? 1 : dims[i];
        if (elements > MOST_ELEMENTS) return false;
    }
    return true;
}

static bool has_small_attrs(const tn_line *line)
{
    const tn_schema *schema = line->op ? tn__op_schema(line->op) : NULL;
    for (int i = 0; schema && i < schema->n_attrs; i++)
        for (int k = 0; !schema->attrs[i].is_float && k < schema->attrs[i].count; k++) {
            int64_t value = ((const int64_t *)((const char *)line->attrs + schema->attrs[i].offset))[k];
            bool extreme = value < -MOST_NUMBER || value > INT32_MAX; /* to be refused */
            if (value > MOST_NUMBER && !extreme) return false;
        }
    return true;
}

static bool is_small(const tn_script *script)
{
    bool small = script->n_lines <= MOST_LINES;
    for (int i = 0; small && i < script->n_in; i++) small = is_small_shape((int)script->in[i].rank, script->in[i].dims);
    for (int i = 0; small && i < script->n_lines; i++)
        small = is_small_shape(script->lines[i].rank, script->lines[i].dims) && has_small_attrs(&script->lines[i]);
    return small;
}

/* ---- running, and saving again */

static void save_again(tn_context *tn, const tn_program *program)
{
    tn_script again = {0}, read = {0};
    tn_error error = TN_ERROR_INIT;
    tn_mark mark = tn_begin(tn);
    if (!tn__script_record(&again, "again", tn__program_recorded(program), NULL)) {
        fprintf(stderr, "cannot be saved: %s\n", tn_message(tn));
        abort();
    }
    char *text = tn__script_write(&again);
    if (!text || tn__script_read(text, &read, &error) != TN_OK) {
        fprintf(stderr, "cannot be read again: %s\n%s\n", error.message, text);
        abort();
    }
    free(text);
    tn__script_release(&read);
    tn__script_release(&again);
    tn_end(tn, mark, NULL);
}

static void run(tn_context *tn, tn_program *program)
{
    const tn_script *script = tn__program_script(program);
    tn_tensor **in = calloc((size_t)script->n_in + 1, sizeof *in),
              **out = calloc((size_t)script->n_out + 1, sizeof *out);
    if (!in || !out) abort();
    for (int i = 0; i < script->n_in; i++)
        in[i] = tn_ones(tn, script->in[i].dtype, (int)script->in[i].rank, script->in[i].dims);
    for (int turn = 0; turn < 2 && tn_check(tn) == TN_OK; turn++) {
        tn_program_run(program, in, out);
        for (int i = 0; i < script->n_out; i++)
            if (tn_is_nil(out[i]) != (tn_check(tn) != TN_OK)) abort();
    }
    if (tn_check(tn) == TN_OK) save_again(tn, program);
    free(in);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[32];
    char *header = header_of(bytes, size);
    if (!header) return 0;
    int fd = file_of(header);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    tn_context *tn = tn_open("reference");
    tn_program *program = tn_program_load(tn, path);
    if (!program == (tn_check(tn) == TN_OK)) abort();
    if (!program && !strstr(tn_message(tn), path)) abort();
    if (program && is_small(tn__program_script(program))) run(tn, program);
    tn_clear(tn);
    tn_close(tn);
    close(fd);
    free(header);
    return 0;
}
