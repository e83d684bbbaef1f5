/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the kernel's list of GPUs: a folder for each, with a file "properties" of names and numbers. */
#include "topology.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* gfx_target_version: 90010 is gfx90a. 0: a CPU, or a kernel that does not tell. */
static unsigned version_of(const char *nodes, const char *node)
{
    char path[600], line[200];
    unsigned version = 0;
    snprintf(path, sizeof path, "%s/%s/properties", nodes, node);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "gfx_target_version %u", &version) == 1) break;
    if (file) fclose(file);
    return version;
}

/* Is `name` in a list like "gfx90a:xnack-,gfx1030"? What follows a colon are features, which do not matter here. */
static int is_in(const char *list, const char *name)
{
    const size_t length = strlen(name);
    while (*list) {
        if (strncmp(list, name, length) == 0 && strchr(":,", list[length])) return 1; /* or the list ends there */
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return 0;
}

int hip_uncovered(const char *nodes, const char *architectures, char *text, size_t size)
{
    DIR *folder = opendir(nodes);
    int found = 0;
    if (!folder) return 0;
    for (struct dirent *node; !found && (node = readdir(folder));) {
        const unsigned version = node->d_name[0] == '.' ? 0 : version_of(nodes, node->d_name);
        if (!version) continue;
        snprintf(text, size, "gfx%u%x%x", version / 10000, version / 100 % 100, version % 100);
        found = !is_in(architectures, text);
    }
    closedir(folder);
    return found;
}
