/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine, and the core. */
#include <dlfcn.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"

/* The rest of the first line of a file that begins with key, without what separates them; null if there is none. */
static json_t *line_of(const char *path, const char *key)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    json_t *found = NULL;
    while (file && !found && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        char *value = line + strlen(key) + strspn(line + strlen(key), " \t:=\"");
        value[strcspn(value, "\"\n")] = '\0';
        found = json_string(value);
    }
    if (file) fclose(file);
    return found ? found : json_null();
}

static json_t *level(void)
{
    int n = tn_cpu_level();
    if (n == 0) return json_null();
    return n == 1 ? json_string("x86-64") : json_sprintf("x86-64-v%d", n);
}

json_t *doctor_machine(void)
{
    struct utsname name;
    cpu_set_t set;
    if (uname(&name) != 0) memset(&name, 0, sizeof name);
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    json_int_t bytes = (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    return json_pack("{s:o, s:s, s:o, s:i, s:I, s:o, s:s}", "cpu", line_of("/proc/cpuinfo", "model name"),
                     "architecture", name.machine, "level", level(), "cpus", cpus, "memory_bytes", bytes, "system",
                     line_of("/etc/os-release", "PRETTY_NAME"), "kernel", name.release);
}

json_t *doctor_core(void)
{
    char abi[32], real[PATH_MAX];
    void *inside = dlsym(RTLD_DEFAULT, "tn_version");
    Dl_info info;
    bool found = inside && dladdr(inside, &info) && info.dli_fname && realpath(info.dli_fname, real);
    snprintf(abi, sizeof abi, "%d.%d", TN_ABI_MAJOR, TN_ABI_MINOR);
    return json_pack("{s:s, s:s, s:o}", "version", tn_version(), "abi", abi, "library",
                     tool_json_text(found ? real : NULL));
}
