/* SPDX-License-Identifier: Apache-2.0
 *
 * What would make a refused candidate work, by the rule that refused it. */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"

static const struct package {
    const char *library, *who; /* the beginning of a library's name, and a phrase for who has it */
} packages[] = {
    /* clang-format off */
    {"libdnnl.so.2",    "oneDNN 2 (Debian: libdnnl2)"},
    {"libdnnl.so.3",    "oneDNN 3 (Debian: libdnnl3)"},
    {"libdnnl.so",      "oneDNN"},
    {"libgomp.so.1",    "GCC's OpenMP (Debian: libgomp1)"},
    {"libomp.so",       "LLVM's OpenMP (Debian: libomp-dev)"},
    {"libtbb.so",       "oneTBB (Debian: libtbb12)"},
    {"libstdc++.so.6",  "the C++ library (Debian: libstdc++6)"},
    {"libOpenCL.so.1",  "an OpenCL loader (Debian: ocl-icd-libopencl1)"},
    {"libcuda.so.1",    "NVIDIA's driver"},
    {"libcudart.so",    "NVIDIA's CUDA toolkit, of that version"},
    {"libcublas",       "NVIDIA's CUDA toolkit, of that version"},
    {"libnvrtc.so",     "NVIDIA's CUDA toolkit, of that version"},
    {"libcudnn",        "NVIDIA's cuDNN, of that version"},
    {"libnccl.so",      "NVIDIA's NCCL, of that version"},
    {"libamdhip64.so.5", "HIP 5 (Debian: libamdhip64-5)"},
    {"libamdhip64.so",  "AMD's ROCm (hip-runtime-amd), of that version"},
    {"librocblas.so",   "AMD's ROCm (rocblas), of that version"},
    {"libhipblas",      "AMD's ROCm (hipblas), of that version"},
    {"libMIOpen.so",    "AMD's ROCm (miopen-hip), of that version"},
    {"libasan.so",      "GCC's AddressSanitizer; or build the plugin without -fsanitize"},
    {"libtsan.so",      "GCC's ThreadSanitizer; or build the plugin without -fsanitize"},
    /* clang-format on */
};

const char *doctor_package(const char *library)
{
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++)
        if (!strncmp(library, packages[i].library, strlen(packages[i].library))) return packages[i].who;
    return NULL;
}

/* ---- rules that depend on what is there */

static json_t *remedy_path(const json_t *plugin)
{
    const char *path = doctor_text(plugin, "path"), *by = doctor_text(plugin, "found_by");
    char real[PATH_MAX];
    if (strncmp(by, "TENON_", 6) != 0) return json_string("correct the path");
    if (*path == '/') return json_sprintf("correct the path in %s, or unset it", by);
    if (!realpath(path, real)) return json_sprintf("give an absolute path in %s", by);
    return json_sprintf("write %s in %s", real, by);
}

/* The nearest of the file and the folders above it that everyone may write to. */
static json_t *remedy_writable(const json_t *plugin)
{
    char at[PATH_MAX];
    struct stat status;
    if (!realpath(doctor_text(plugin, "path"), at)) return json_null();
    for (int depth = 0;; depth++) {
        bool sticky_helps = depth > 1;
        if (stat(at, &status) == 0 && status.st_mode & S_IWOTH && !(sticky_helps && status.st_mode & S_ISVTX))
            return json_sprintf("chmod o-w %s", at);
        char *slash = strrchr(at, '/');
        if (!strcmp(at, "/") || !slash) return json_null();
        slash[slash == at] = '\0';
    }
}

static json_t *remedy_owner(const json_t *plugin)
{
    return json_sprintf("if you trust it, chown %s %s", geteuid() ? "$USER" : "root", doctor_text(plugin, "path"));
}

static json_t *remedy_cpu(const json_t *plugin)
{
    if (getenv("TENON_CPU"))
        return json_sprintf("unset TENON_CPU, or install the build of %s for this CPU", doctor_text(plugin, "name"));
    return json_sprintf("install the build of %s for this CPU", doctor_text(plugin, "name"));
}

static json_t *remedy_library(const json_t *plugin)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(plugin, "libraries"), i, row)
    {
        const char *name = doctor_text(row, "name"), *who = doctor_package(name);
        if (!strcmp(doctor_text(row, "state"), "found") || !strstr(doctor_text(plugin, "refused"), name)) continue;
        if (who) return json_sprintf("install %s", who);
        return json_sprintf("install what has %s, or add its folder to LD_LIBRARY_PATH", name);
    }
    return json_null();
}

static json_t *remedy_symbol(const json_t *plugin)
{
    if (strstr(doctor_text(plugin, "refused"), TN_PLUGIN_QUERY_SYMBOL)) /* it has none */
        return json_string("take it out of the search path, unless its maker can tell of a build that is a plugin");
    return json_string("install it and its native libraries in versions that belong together");
}

static json_t *remedy_device(const json_t *plugin)
{
    static const char *const hiding[] = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"};
    (void)plugin;
    for (size_t i = 0; i < sizeof hiding / sizeof hiding[0]; i++)
        if (getenv(hiding[i])) return json_sprintf("if it is for such devices, unset %s, which hides some", hiding[i]);
    return json_null();
}

static const struct rule {
    const char *name;
    json_t *(*remedy)(const json_t *plugin);
    const char *sentence; /* if there is no function */
} rules[] = {
    /* clang-format off */
    {"path",      remedy_path,     NULL},
    {"owner",     remedy_owner,    NULL},
    {"writable",  remedy_writable, NULL},
    {"elf",       NULL,            "install it anew, built for this kind of machine"},
    {"note",      NULL,            "install it anew; if that does not help, its maker has to correct it"},
    {"cpu",       remedy_cpu,      NULL},
    {"sanitizer", NULL,            "build it as the program is built, with the same -fsanitize or without"},
    {"variant",   NULL,            "nothing need be done"},
    {"name",      NULL,            "if you want this one, name it in TENON_PLUGIN_FILES, which is searched first"},
    {"crash",     NULL,            "ask its maker; meanwhile take it out of the search path"},
    {"timeout",   NULL,            "ask its maker; meanwhile take it out of the search path"},
    {"library",   remedy_library,  NULL},
    {"symbol",    remedy_symbol,   NULL},
    {"abi",       NULL,            "install a build of it for this version of Tenon"},
    {"table",     NULL,            "its maker has to correct it; `tenon conform` tells all that is wrong"},
    {"device",    remedy_device,   NULL},
    /* clang-format on */
};

json_t *doctor_remedy(const json_t *plugin)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (!strcmp(doctor_text(plugin, "rule"), rules[i].name))
            return rules[i].remedy ? rules[i].remedy(plugin) : json_string(rules[i].sentence);
    return json_null();
}
