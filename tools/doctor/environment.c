/* SPDX-License-Identifier: Apache-2.0
 *
 * Environment variables that change what is found and chosen, and names that look like a slip of the pen. */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

extern char **environ;

static const struct variable {
    const char *name, *meaning;
    const char *values; /* NULL: any */
} known[] = {
    /* clang-format off */
    {"TENON_BACKEND",         "which backend, if the program does not say",                        NULL},
    {"TENON_FALLBACK",        "what becomes of operators that a backend lacks",                    "error warn allow"},
    {"TENON_PLUGIN_FILES",    "plugin files, searched first",                                      NULL},
    {"TENON_PLUGIN_PATH",     "folders of plugins, instead of the usual ones",                     NULL},
    {"TENON_PROBE",           "which plugins are tried in a child process first",                  "foreign all none"},
    {"TENON_CPU",             "what the CPU is taken for at most",                                 "x86-64 x86-64-v2 x86-64-v3 x86-64-v4"},
    {"TENON_NUM_THREADS",     "CPU threads",                                                       NULL},
    {"TENON_PASSES",          "what is done to programs",                                          NULL},
    {"TENON_GRAPH",           "off: a program's operators are launched one by one",                "on off"},
    {"TENON_LOG",             "what is logged",                                                    "error warn info debug"},
    {"TENON_DATA_DIR",        "where data sets lie",                                               NULL},
    {"TENON_MIRROR",          "where data sets are fetched from",                                  NULL},
    {"TENON_ONEDNN_ISA",      "at most which instructions the onednn plugin's own kernels use",    NULL},
    {"TENON_ONEDNN_WINOGRAD", "how the onednn plugin computes convolutions",                       NULL},
    {"TENON_CUDA_LIBS",       "what the cuda plugin asks before its own kernels",                  "on cublas cudnn off"},
    {"TENON_HIP_LIBS",        "what the hip plugin asks before its own kernels",                   "on rocblas miopen off"},
    {"TENON_MATH",            "how products in f32 may be rounded",                                "f32 tf32"},
    {"TENON_CUDA_TUNE",       "on: the cuda plugin chooses by timing",                             "off on"},
    {"TENON_DETERMINISTIC",   "on: every operator gives the same bits each time",                  "off on"},
    {"CUDA_VISIBLE_DEVICES",  "which NVIDIA GPUs programs see",                                    NULL},
    {"HIP_VISIBLE_DEVICES",   "which AMD GPUs programs see",                                       NULL},
    {"ROCR_VISIBLE_DEVICES",  "which AMD GPUs programs see",                                       NULL},
    {"LD_LIBRARY_PATH",       "where shared libraries are looked for first",                       NULL},
    {"LD_PRELOAD",            "shared libraries that are loaded into every program",               NULL},
    /* clang-format on */
};
enum { KNOWN = sizeof known / sizeof known[0] };

/* Others of these are shown as well. */
static const char *const families[] = {"TENON_", "OMP_", "GOMP_"};

/* How many letters must be changed, added, taken away or swapped with the next to make b of a; 99 if one is too long. */
static int distance(const char *a, const char *b)
{
    enum { MOST = 40 };
    int rows[3][MOST + 1], n = (int)strlen(a), m = (int)strlen(b);
    if (n > MOST || m > MOST) return 99;
    for (int k = 0; k <= m; k++) rows[0][k] = k;
    for (int i = 1; i <= n; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (int k = 1; k <= m; k++) {
            int best = above[k - 1] + (a[i - 1] != b[k - 1]);
            if (above[k] + 1 < best) best = above[k] + 1;
            if (row[k - 1] + 1 < best) best = row[k - 1] + 1;
            bool swapped = i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1];
            if (swapped && two_above[k - 2] + 1 < best) best = two_above[k - 2] + 1;
            row[k] = best;
        }
    }
    return rows[n % 3][m];
}

static json_t *remark_on_unknown(const char *name)
{
    const char *nearest = NULL;
    int least = 4; /* more than three letters are no slip */
    for (int i = 0; i < KNOWN; i++) {
        int far = strncmp(known[i].name, "TENON_", 6) == 0 ? distance(name, known[i].name) : 99;
        if (far >= least) continue;
        least = far;
        nearest = known[i].name;
    }
    return nearest ? json_sprintf("nothing here reads this; did you mean %s?", nearest)
                   : json_string("nothing here reads this, unless it belongs to a plugin");
}

static bool of_family(const char *entry)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (!strncmp(entry, families[i], strlen(families[i]))) return true;
    return false;
}

static bool in_list(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at++)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return n > 0;
    return false;
}

static json_t *remark(const char *name, const char *value, const struct variable *variable)
{
    if (!variable) return strncmp(name, "TENON_", 6) ? json_null() : remark_on_unknown(name);
    if (variable->values && *value && !in_list(variable->values, value))
        return json_sprintf("not one of: %s", variable->values);
    if (!strcmp(name, "TENON_PLUGIN_PATH")) return json_string("what lies beside libtenon is not searched");
    return json_null();
}

static json_t *variable_json(const char *name, const char *value, const struct variable *variable)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "name", name, "value", tool_json_text(value), "meaning",
                     tool_json_text(variable ? variable->meaning : NULL), "remark", remark(name, value, variable));
}

json_t *doctor_environment(void)
{
    json_t *list = json_array();
    for (int i = 0; i < KNOWN; i++) {
        const char *value = getenv(known[i].name);
        if (value) json_array_append_new(list, variable_json(known[i].name, value, &known[i]));
    }
    for (char **entry = environ; *entry; entry++) {
        char name[80];
        size_t length = strcspn(*entry, "=");
        bool listed = !of_family(*entry) || length >= sizeof name || !(*entry)[length];
        if (!listed) snprintf(name, sizeof name, "%.*s", (int)length, *entry);
        for (int i = 0; i < KNOWN && !listed; i++) listed = !strcmp(name, known[i].name);
        json_t *row = listed ? NULL : variable_json(name, *entry + length + 1, NULL);
        if (row) json_array_append_new(list, row);
    }
    return list;
}
