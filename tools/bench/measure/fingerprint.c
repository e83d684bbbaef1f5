/* SPDX-License-Identifier: Apache-2.0
 *
 * What a figure depends on beside the code: machine, libraries as they were loaded, compiler, threads. */
#include <gnu/libc-version.h>
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench/measure/session.h"
#include "commit.h" /* made by the build: BENCH_COMMIT, "" where it is unknown */

extern char **environ;

/* ---- files of the system */

/* The rest of the first line that begins with key, without what separates them; NULL if there is none. */
static json_t *line_of(const char *path, const char *key)
{
    char line[8192];
    FILE *file = fopen(path, "re");
    json_t *found = NULL;
    size_t length = strlen(key);
    while (file && !found && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) != 0) continue;
        char *value = line + length + strspn(line + length, " \t:=\"");
        value[strcspn(value, "\"\n")] = '\0';
        found = json_string(value);
    }
    if (file) fclose(file);
    return found;
}

static json_t *or_null(json_t *value)
{
    return value ? value : json_null();
}

static json_t *or_text(json_t *value, const char *otherwise)
{
    return value ? value : json_string(otherwise);
}

/* ---- machine */

static json_t *isa(void)
{
    static const char *const wanted[] = {
        "sse4_2",   "avx",      "avx2",     "fma",      "avx512f", "avx512_bf16", "avx512_vnni", "avx512_fp16",
        "avx_vnni", "amx_tile", "amx_bf16", "amx_int8", "asimd",   "sve",         "sve2",        "bf16"};
    json_t *line = line_of("/proc/cpuinfo", "flags"), *list = json_array();
    if (!line) line = line_of("/proc/cpuinfo", "Features");
    char *text = strdup(line ? json_string_value(line) : ""), *rest = text;
    for (char *word; text && (word = strsep(&rest, " "));)
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
            if (!strcmp(word, wanted[i])) json_array_append_new(list, json_string(word));
    free(text);
    json_decref(line);
    return list;
}

static json_t *memory_bytes(void)
{
    json_t *line = line_of("/proc/meminfo", "MemTotal");
    json_t *bytes = line ? json_integer(1024 * atoll(json_string_value(line))) : json_null();
    json_decref(line);
    return bytes;
}

static json_t *load(void)
{
    double loads[3];
    json_t *list = json_array();
    for (int i = 0, n = getloadavg(loads, 3); i < n; i++) json_array_append_new(list, json_real(loads[i]));
    return list;
}

static json_t *driver(uint32_t kind)
{
    static const char *const modules[] = {"/sys/module/nvidia/version", "/sys/module/amdgpu/version"};
    json_t *version = NULL;
    for (int i = 0; kind != TN_DEVICE_CPU && !version && i < 2; i++) version = line_of(modules[i], "");
    return or_null(version);
}

static json_t *devices(void)
{
    json_t *list = json_array();
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < backends[i].n_devices; k++) {
            const tn_device_status *d = &backends[i].devices[k];
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "name", d->name, "description",
                                                  d->description, "kind", tool_kind_name(d->kind), "architecture",
                                                  d->architecture, "memory_bytes", (json_int_t)d->memory_bytes,
                                                  "driver", driver(d->kind)));
        }
    return list;
}

static int cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

json_t *bench_fingerprint_machine(void)
{
    struct utsname name;
    char kernel[160] = "unknown";
    if (uname(&name) == 0) snprintf(kernel, sizeof kernel, "%.60s %.90s", name.sysname, name.release);
    return json_pack("{s:o, s:s, s:i, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "cpu",
                     or_text(line_of("/proc/cpuinfo", "model name"), "unknown CPU"), "architecture", name.machine,
                     "cores", cores(), "isa", isa(), "memory_bytes", memory_bytes(), "kernel", kernel, "system",
                     or_text(line_of("/etc/os-release", "PRETTY_NAME"), "unknown"), "load", load(), "governor",
                     or_null(line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "")), "devices",
                     devices());
}

/* ---- software */

static int add_library(struct dl_phdr_info *info, size_t size, void *arg)
{
    static const char *const wanted[] = {"libgomp",  "libomp",    "libdnnl",    "libcudart", "libcublas",
                                         "libcudnn", "libamdhip", "librocblas", "libMIOpen"};
    char real[PATH_MAX];
    (void)size;
    const char *path = info->dlpi_name && *info->dlpi_name ? realpath(info->dlpi_name, real) : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL, *base = slash ? slash + 1 : "";
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!strncmp(base, wanted[i], strlen(wanted[i])))
            json_array_append_new(arg, json_pack("{s:s, s:s}", "name", wanted[i], "version", base));
    return 0;
}

static json_t *libraries(void)
{
    json_t *list = json_array();
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", backends[i].name, "version",
                                              backends[i].library, "path", backends[i].path, "refused",
                                              tool_json_text(backends[i].refused)));
    dl_iterate_phdr(add_library, list);
    json_array_append_new(list, json_pack("{s:s, s:s}", "name", "glibc", "version", gnu_get_libc_version()));
    return list;
}

static json_t *environment(void)
{
    static const char *const wanted[] = {"OMP_",    "GOMP_",        "KMP_",         "DNNL_",
                                         "ONEDNN_", "OPENBLAS_",    "MKL_",         "CUDA_VISIBLE_DEVICES=",
                                         "HIP_",    "TENON_NUM_TH", "TENON_FALLBA", "TENON_BACKEND="};
    json_t *object = json_object();
    for (char **entry = environ; *entry; entry++)
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            size_t name = strcspn(*entry, "=");
            char key[128];
            if (strncmp(*entry, wanted[i], strlen(wanted[i])) != 0 || name >= sizeof key || !(*entry)[name]) continue;
            snprintf(key, sizeof key, "%.*s", (int)name, *entry);
            json_object_set_new(object, key, or_text(json_string(*entry + name + 1), ""));
        }
    return object;
}

json_t *bench_fingerprint_software(void)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o}", "name", "tenon", "version", tn_version(), "commit",
                     tool_json_text(*BENCH_COMMIT ? BENCH_COMMIT : NULL), "compiler", BENCH_COMPILER, "flags",
                     BENCH_FLAGS, "libraries", libraries(), "environment", environment());
}
