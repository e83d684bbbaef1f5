/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as text. */
#include <string.h>

#include "doctor.h"

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* "LABEL  text", and nothing if the text is empty. */
static void print_row(const char *label, const char *text)
{
    if (*text) printf("    %-10s%s\n", label, text);
}

static void print_machine(const json_t *report)
{
    const json_t *core = json_object_get(report, "tenon"), *machine = json_object_get(report, "machine");
    const char *cpu = doctor_text(machine, "cpu"), *level = doctor_text(machine, "level");
    printf("tenon %s, backend ABI %s, %s\n", doctor_text(core, "version"), doctor_text(core, "abi"),
           doctor_text(core, "library"));
    printf("%s, %s, %.0f CPUs, %s; %s, Linux %s\n", *cpu ? cpu : "unknown CPU",
           *level ? level : doctor_text(machine, "architecture"), number(machine, "cpus"),
           TOOL_BYTES(number(machine, "memory_bytes")), doctor_text(machine, "system"), doctor_text(machine, "kernel"));
}

static void print_environment(const json_t *list)
{
    size_t i;
    json_t *row;
    if (json_array_size(list)) puts("\nEnvironment");
    json_array_foreach(list, i, row)
    {
        const char *remark = doctor_text(row, "remark");
        printf("  %s=%s%s%s%s\n", doctor_text(row, "name"), doctor_text(row, "value"), *remark ? " (" : "", remark,
               *remark ? ")" : "");
    }
}

static void print_search(const json_t *list)
{
    size_t i;
    json_t *row;
    if (list) puts("\nSearched, in this order");
    json_array_foreach(list, i, row)
    {
        const char *state = doctor_text(row, "state");
        printf("  %s (%s): ", doctor_text(row, "place"), doctor_text(row, "from"));
        if (!strcmp(state, "missing"))
            puts("not there, or not to be read");
        else if (!strcmp(state, "ignored"))
            puts("not used, since it is not absolute");
        else if (!strcmp(state, "file"))
            puts("a file");
        else
            printf("%.0f candidate%s\n", number(row, "candidates"), number(row, "candidates") == 1 ? "" : "s");
    }
}

static void print_note(const json_t *plugin)
{
    const json_t *note = json_object_get(plugin, "note");
    const char *cpu = doctor_text(note, "cpu"), *sanitizer = doctor_text(note, "sanitizer");
    if (!json_is_object(note)) return;
    printf("    %-10sABI %s, %s %s by %s, for %s%s%s%s\n", "note", doctor_text(note, "abi"), doctor_text(note, "name"),
           doctor_text(note, "version"), doctor_text(note, "vendor"), *cpu ? "CPUs with " : "any CPU", cpu,
           *sanitizer ? ", built with -fsanitize=" : "", sanitizer);
}

static void print_libraries(const json_t *list)
{
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row)
    {
        const char *state = doctor_text(row, "state"), *name = doctor_text(row, "name");
        const char *remedy = doctor_text(row, "remedy");
        printf("    %-10s%s: ", i ? "" : "libraries", name);
        if (!strcmp(state, "found"))
            printf("%s\n", doctor_text(row, "path"));
        else
            printf("%s: %s%s%s\n", state, doctor_text(row, "why"), *remedy ? "; " : "", remedy);
    }
}

static void print_devices(const json_t *list)
{
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row)
    {
        const char *architecture = doctor_text(row, "architecture");
        double bytes = number(row, "memory_bytes");
        printf("    %-10s%s: %s, %s%s%s%s%s\n", i ? "" : "devices", doctor_text(row, "name"), doctor_text(row, "kind"),
               doctor_text(row, "description"), *architecture ? ", " : "", architecture, bytes > 0 ? ", " : "",
               bytes > 0 ? TOOL_BYTES(bytes) : "");
    }
}

static void print_plugin(const json_t *plugin)
{
    const char *path = doctor_text(plugin, "path"), *rule = doctor_text(plugin, "rule");
    printf("%c %s %s", doctor_true(plugin, "chosen") ? '*' : ' ', doctor_text(plugin, "name"),
           doctor_text(plugin, "version"));
    if (*doctor_text(plugin, "version")) putchar(' ');
    if (doctor_true(plugin, "usable"))
        puts("- usable");
    else
        printf("- refused, rule \"%s\"\n", rule);
    print_row("refused", doctor_text(plugin, "refused"));
    print_row("help", doctor_text(plugin, "remedy"));
    if (*path) printf("    %-10s%s (%s)\n", "file", path, doctor_text(plugin, "found_by"));
    print_row("vendor", doctor_text(plugin, "vendor"));
    print_row("library", doctor_text(plugin, "library"));
    print_note(plugin);
    print_libraries(json_object_get(plugin, "libraries"));
    print_devices(json_object_get(plugin, "devices"));
}

static void print_end(const json_t *report)
{
    const json_t *loading = json_object_get(report, "loading"), *choice = json_object_get(report, "auto");
    const char *what = doctor_text(loading, "what"), *printed = doctor_text(loading, "printed");
    putchar('\n');
    if (*printed) printf("A plugin printed to standard output, which is not its own: \"%s\"\n", printed);
    if (*what) printf("The process that loaded the plugins came to a bad end: %s. So each was loaded alone.\n", what);
    if (json_is_object(choice))
        printf("* `auto` takes %s: %s.\n", doctor_text(choice, "device"), doctor_text(choice, "why"));
    printf("%s: %s.\n", doctor_true(report, "ok") ? "Well" : "Not well", doctor_text(report, "verdict"));
}

void doctor_print(const json_t *report)
{
    size_t i;
    json_t *plugin, *plugins = json_object_get(report, "plugins");
    print_machine(report);
    print_environment(json_object_get(report, "environment"));
    print_search(json_object_get(report, "search"));
    puts(*doctor_text(report, "plugin") ? "\nThe file" : "\nCandidates, in this order");
    print_row("remark", doctor_text(report, "remark"));
    json_array_foreach(plugins, i, plugin) print_plugin(plugin);
    print_end(report);
}
