/* SPDX-License-Identifier: Apache-2.0
 *
 * A first try in a child process: a plugin from elsewhere that crashes, throws or hangs while it is loaded must not
 * take the program with it. */
#include "engine/backend.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

/* In the child. The parent will do the same again and read the errors itself: only surviving matters. */
static void try_plugin(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    tn_plugin_query_fn query;
    *(void **)&query = dlsym(handle, TN_PLUGIN_QUERY_SYMBOL);
    const tn_plugin *plugin = NULL;
    tn_error error = TN_ERROR_INIT;
    if (!query || query(&tn__host, &plugin, &error) != TN_OK || !plugin) return;
    uint32_t count = 0;
    if (TN_HAS_FIELD(plugin, tn_plugin, device_count) && plugin->device_count) plugin->device_count(&count, &error);
}

static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTERM, SIGPIPE};

static pid_t fork_child(const char *path, int *alive)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        /* The fate is told by the parent; what a crash handler or the C++ runtime would print is noise. */
        for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], SIG_DFL);
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (dup2(nowhere, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0) _exit(1);
        try_plugin(path);
        if (write(ends[1], "", 1) != 1) _exit(1);
        _exit(0);
    }
    close(ends[1]);
    *alive = ends[0];
    if (child < 0) close(ends[0]);
    return child;
}

const char *tn__probe_refuse(const char *path, const char **rule, char *buffer, size_t size)
{
    int alive, fate = 0;
    char byte;
    *rule = "crash";
    pid_t child = fork_child(path, &alive);
    if (child < 0) {
        snprintf(buffer, size, "no process could be made to try it in: %s", strerror(errno));
        return buffer;
    }
    struct pollfd wait_for = {.fd = alive, .events = POLLIN};
    int answered;
    while ((answered = poll(&wait_for, 1, PATIENCE_MS)) < 0 && errno == EINTR) continue;
    bool survived = answered > 0 && read(alive, &byte, 1) == 1;
    if (answered <= 0) kill(child, SIGKILL);
    close(alive);
    while (waitpid(child, &fate, 0) < 0 && errno == EINTR) continue;
    if (survived) return NULL;
    if (answered <= 0) {
        *rule = "timeout";
        snprintf(buffer, size, "it did not answer within %d s when it was tried in a child process",
                 PATIENCE_MS / 1000);
    } else if (WIFSIGNALED(fate))
        snprintf(buffer, size, "loading it ended a child process with signal %d (%s)%s", WTERMSIG(fate),
                 strsignal(WTERMSIG(fate)), WTERMSIG(fate) == SIGABRT ? ": it aborted, or an exception left it" : "");
    else
        snprintf(buffer, size, "loading it ended a child process with exit code %d", WEXITSTATUS(fate));
    return buffer;
}
