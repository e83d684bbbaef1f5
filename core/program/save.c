/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs as files: safetensors with the weights by name and, in the metadata, the script as JSON and the version of
 * this format. */
#include "program/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_VERSION "tenon.program"
#define KEY_SCRIPT "program"
#define VERSION "1"

/* ---- saving */

static bool no_memory(tn_context *tn, const char *path)
{
    tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no host memory for a program", path);
    return false;
}

/* Names for memory: those of the module's state or, where there is none, those that the program was loaded with. */
static bool find_names(tn_context *tn, const char *path, const tn_script *own, tn_module *module, tn_names *names)
{
    int n = module ? tn_nn_state_count(module) : own ? own->n_weights : 0;
    names->names = calloc((size_t)n + 1, sizeof *names->names);
    names->tensors = calloc((size_t)n + 1, sizeof(tn_tensor *));
    if (!names->names || !names->tensors) return no_memory(tn, path);
    for (names->n = 0; names->n < n; names->n++) {
        int i = names->n;
        if (module) {
            names->tensors[i] = tn_nn_state(module, i, &names->names[i], NULL);
        } else {
            names->tensors[i] = own->weights[i].tensor;
            names->names[i] = own->weights[i].name;
        }
    }
    return tn_check(tn) == TN_OK;
}

static void save_script(tn_context *tn, const char *path, const tn_script *script)
{
    size_t n = (size_t)script->n_weights + 1;
    const char **names = calloc(n, sizeof *names);
    tn_tensor **tensors = calloc(n, sizeof(tn_tensor *));
    char *text = tn__script_write(script);
    for (int i = 0; names && tensors && i < script->n_weights; i++) {
        names[i] = script->weights[i].name;
        tensors[i] = script->weights[i].tensor;
    }
    if (!names || !tensors)
        no_memory(tn, path);
    else if (!text)
        tn_raise(tn, TN_INVALID, "%s: the program cannot be written: a name is not valid UTF-8, or memory is short",
                 path);
    else
        tn_safetensors_save(tn, path, script->n_weights, names, tensors,
                            (const char *const[]){KEY_VERSION, VERSION, KEY_SCRIPT, text, NULL});
    free(names);
    free(tensors);
    free(text);
}

tn_status tn_program_save(tn_program *program, const char *path, tn_module *module)
{
    tn_context *tn;
    if (!program) return TN_INVALID;
    const char *name = tn__program_name(program, &tn);
    const tn_recorded *recorded = tn__program_recorded(program);
    if (tn_check(tn) != TN_OK) return tn_check(tn);
    if (tn->recorder) {
        tn_raise(tn, TN_UNSUPPORTED,
                 "program %s: it is saved while a function is recorded; save it before, or after the run", name);
        return tn_check(tn);
    }
    if (!recorded) {
        const char *why = tn_program_look(program).not_recorded;
        tn_raise(tn, TN_INVALID, "program %s: %s%s, so nothing is recorded that could be saved%s", name,
                 why ? "it cannot be replayed, since " : "it has never run", why ? why : "",
                 why ? "" : "; run it once");
        return tn_check(tn);
    }
    tn_script script = {0};
    tn_names names = {0};
    tn_mark mark = tn_begin(tn);
    if (find_names(tn, path, tn__program_script(program), module, &names) &&
        tn__script_record(&script, name, recorded, &names))
        save_script(tn, path, &script);
    tn__script_release(&script);
    free(names.names);
    free(names.tensors);
    tn_end(tn, mark, NULL);
    return tn_check(tn);
}

/* ---- loading */

static bool check_version(tn_context *tn, const char *path, const tn_safetensors *file)
{
    const char *version = tn_safetensors_metadata(file, KEY_VERSION);
    if (!version) {
        tn_raise(tn, TN_INVALID, "%s holds no program: it has no metadata \"" KEY_VERSION "\"%s", path,
                 tn_safetensors_count(file) ? " (weights alone are loaded by tn_load)" : "");
        return false;
    }
    if (strcmp(version, VERSION) == 0) return true;
    char *end;
    errno = 0;
    long number = strtol(version, &end, 10);
    if (*version < '1' || *version > '9' || *end || errno)
        tn_raise(tn, TN_CORRUPT, "%s is damaged: its metadata \"" KEY_VERSION "\" is no version", path);
    else
        tn_raise(tn, TN_UNSUPPORTED, "%s is a program of version %ld; this Tenon reads version %s", path, number,
                 VERSION);
    return false;
}

static bool read_script(tn_context *tn, const char *path, const tn_safetensors *file, tn_script *script)
{
    tn_error error = TN_ERROR_INIT;
    const char *text = tn_safetensors_metadata(file, KEY_SCRIPT);
    if (!text) {
        tn_raise(tn, TN_CORRUPT, "%s is damaged: its metadata \"" KEY_SCRIPT "\" is missing", path);
        return false;
    }
    if (tn__script_read(text, script, &error) == TN_OK) return true;
    tn_raise(tn, error.status, "%s: %s", path, error.message);
    return false;
}

static bool read_weights(tn_context *tn, const char *path, tn_safetensors *file, tn_script *script)
{
    for (int i = 0; i < script->n_weights; i++) {
        tn_weight *weight = &script->weights[i];
        if (!tn_safetensors_has(file, weight->name)) {
            char shown[100];
            snprintf(shown, sizeof shown, "%s", weight->name);
            for (char *c = shown; *c; c++) /* what comes from a file shall not steer a terminal */
                if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
            tn_raise(tn, TN_CORRUPT, "%s is damaged: its program needs the weight \"%s\", which is missing", path,
                     shown);
            return false;
        }
        weight->tensor = tn_retain(tn_safetensors_get(file, weight->name));
        if (tn_check(tn) != TN_OK) return false;
    }
    script->dev = tn->default_dev;
    return true;
}

tn_program *tn_program_load(tn_context *tn, const char *path)
{
    if (tn_check(tn) != TN_OK) return NULL;
    if (tn->recorder) {
        tn_raise(tn, TN_UNSUPPORTED, "%s: a program is loaded while a function is recorded; load it before", path);
        return NULL;
    }
    tn_safetensors *file = tn_safetensors_open(tn, path);
    if (!file) return NULL;
    tn_script script = {0};
    tn_mark mark = tn_begin(tn);
    bool ok =
        check_version(tn, path, file) && read_script(tn, path, file, &script) && read_weights(tn, path, file, &script);
    tn_end(tn, mark, NULL);
    tn_safetensors_close(file);
    if (ok) return tn__program_of_script(tn, &script);
    tn__script_release(&script);
    return NULL;
}
