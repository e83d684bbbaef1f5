/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the loader share: a folder with copies of the plugins of bad_plugins/ (for what lies beside libtenon
 * may be trusted to load well), and children to look for backends in, since the core does that once per process. */
#ifndef TENON_PLUGINS_H
#define TENON_PLUGINS_H

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[PATH_MAX];       /* for files that the tests make */
static char nothing[PATH_MAX + 40]; /* an empty folder in it */
static char traces[PATH_MAX + 40];  /* where plugins tell that their code has run */

/* ---- running something in a child */

typedef void (*child_fn)(FILE *out, const char *argument);

/* All that can be read from a file. */
TN_UNUSED static const char *read_all(int file)
{
    static char text[16000];
    size_t used = 0;
    for (ssize_t n; (n = read(file, text + used, sizeof text - 1 - used)) != 0;) {
        if (n < 0 && errno != EINTR) break;
        if (n > 0) used += (size_t)n;
    }
    text[used] = 0;
    return text;
}

/* Runs body in a child and returns what it wrote to out. The child must end well. */
TN_UNUSED static const char *in_child(child_fn body, const char *argument)
{
    int ends[2], fate;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        FILE *out = fdopen(ends[1], "w");
        close(ends[0]);
        body(out, argument);
        fclose(out);
        _exit(0);
    }
    close(ends[1]);
    const char *text = read_all(ends[0]);
    close(ends[0]);
    assert_int_equal(waitpid(child, &fate, 0), child);
    if (!WIFEXITED(fate) || WEXITSTATUS(fate) != 0) fail_msg("the child came to a bad end (%d): %s", fate, text);
    return text;
}

TN_UNUSED static void assert_says(const char *text, const char *phrase)
{
    if (!strstr(text, phrase)) fail_msg("\"%s\" does not say \"%s\"", text, phrase);
}

TN_UNUSED static void assert_does_not_say(const char *text, const char *phrase)
{
    if (strstr(text, phrase)) fail_msg("\"%s\" says \"%s\"", text, phrase);
}

/* ---- plugins */

/* The path of (a copy of) a plugin built from bad_plugins/. */
TN_UNUSED static const char *built(const char *name)
{
    static char paths[4][PATH_MAX + 80];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/built/%s.so", folder, name);
    return path;
}

/* How often the code of a plugin has run since the last time. */
TN_UNUSED static int take_traces(const char *name)
{
    char path[2 * PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", traces, name);
    int n = stat(path, &status) == 0 ? (int)status.st_size : 0;
    unlink(path);
    return n;
}

TN_UNUSED static bool works(tn_context *tn)
{
    return tn_item(tn_sum(tn_ones(tn, TN_F32, TN_SHAPE(3)), TN_ALL, false)) == 3 && tn_check(tn) == TN_OK;
}

/* Tells why the file `path` was refused and by which rule, and whether the process can still compute. */
TN_UNUSED static void offer(FILE *out, const char *path)
{
    int n;
    setenv("TENON_PLUGIN_FILES", path, 1);
    setenv("TENON_PLUGIN_PATH", nothing, 1);
    const tn_backend_status *backends = tn_backends(&n);
    tn_context *tn = tn_open("reference");
    fprintf(out, "%s (%s): %s%s", backends[0].path, backends[0].rule ? backends[0].rule : "no rule",
            backends[0].refused ? backends[0].refused : "usable",
            works(tn) ? "" : ", and the reference backend is broken");
    tn_close(tn);
}

/* The file is refused by this rule, in a sentence with this phrase. */
TN_UNUSED static void assert_refusal(const char *path, const char *rule, const char *phrase)
{
    char expected[40];
    const char *text = in_child(offer, path);
    snprintf(expected, sizeof expected, "(%s): ", rule);
    assert_says(text, expected);
    assert_says(text, phrase);
    assert_does_not_say(text, "is broken");
}

TN_UNUSED static void assert_usable(const char *path)
{
    assert_refusal(path, "no rule", "usable");
}

/* ---- files */

TN_UNUSED static const char *made(const char *name, const void *content, size_t size)
{
    static char path[PATH_MAX + 40];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, size), size);
    close(file);
    return path;
}

/* A plugin as bytes, for the caller to free. */
TN_UNUSED static unsigned char *bytes_of(const char *name, size_t *size)
{
    FILE *file = fopen(built(name), "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* A copy of a plugin under another name, which may have folders in it that are there. */
TN_UNUSED static const char *copied(const char *plugin, const char *name)
{
    size_t size;
    unsigned char *bytes = bytes_of(plugin, &size);
    const char *path = made(name, bytes, size);
    free(bytes);
    return path;
}

TN_UNUSED static void make_subfolder(const char *name)
{
    char path[PATH_MAX + 40];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (mkdir(path, 0755) != 0) assert_int_equal(errno, EEXIST);
}

TN_UNUSED static int make_folder(void **state)
{
    (void)state;
    char command[6 * PATH_MAX];
    const char *base = getenv("TMPDIR"), *plugins = getenv("TENON_BAD_PLUGINS");
    static const char *const variables[] = {"TENON_BACKEND",      "TENON_FALLBACK", "TENON_CPU",
                                            "TENON_PLUGIN_FILES", "TENON_PROBE",    "TENON_TEST_SLOT"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    snprintf(folder, sizeof folder, "%s/tenon-plugins-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder) || !plugins) return -1;
    snprintf(nothing, sizeof nothing, "%s/nothing", folder);
    snprintf(traces, sizeof traces, "%s/traces", folder);
    setenv("TENON_TEST_TRACE", traces, 1);
    snprintf(command, sizeof command, "mkdir '%s' '%s' '%s/built' && cp '%s'/*.so '%s/built'", nothing, traces, folder,
             plugins, folder);
    return system(command);
}

TN_UNUSED static int remove_folder(void **state)
{
    (void)state;
    char command[PATH_MAX + 20];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#endif
