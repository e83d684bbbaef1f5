/* SPDX-License-Identifier: Apache-2.0
 *
 * A function at work in a forked child: whatever becomes of it is told in a clause, and nothing of it stays behind. What it
 * writes is caught in files without names. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parts.h"

enum { SLICE_MS = 50, KEPT = 3000 };

typedef struct channels {
    int alive[2]; /* a pipe that closes when the child ends */
    int out, errors;
} channels;

void *child_share(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) error(TOOL_FAILED, errno, "no memory to share with a child process");
    return memory;
}

void child_unshare(void *memory, size_t bytes)
{
    munmap(memory, bytes);
}

static void channels_open(channels *c)
{
    if (pipe2(c->alive, O_CLOEXEC) != 0) error(TOOL_FAILED, errno, "cannot make a pipe");
    c->out = memfd_create("stdout", MFD_CLOEXEC);
    c->errors = memfd_create("stderr", MFD_CLOEXEC);
    if (c->out < 0 || c->errors < 0) error(TOOL_FAILED, errno, "cannot catch what a child process writes");
}

/* ---- in the child */

static void settle_in(channels *c)
{
    const struct rlimit none = {0, 0};
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    tool_process_settle();
    setrlimit(RLIMIT_CORE, &none);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(c->out, STDOUT_FILENO) < 0 ||
        dup2(c->errors, STDERR_FILENO) < 0)
        _exit(TOOL_FAILED);
    setvbuf(stdout, NULL, _IONBF, 0); /* what a plugin prints is seen at once */
    close(c->alive[0]);
}

/* ---- in the parent */

/* Waits until it has ended; false if that took longer than `timeout`. */
static bool wait_for(pid_t child, int alive, double timeout)
{
    const double start = tool_now();
    struct pollfd news = {.fd = alive, .events = POLLIN};
    int slice = SLICE_MS;
    do {
        if (poll(&news, 1, slice) > 0) { /* closed: the end is near */
            news.fd = -1;
            slice = 1;
        }
        if (tool_process_has_ended(child)) return true;
    } while (tool_now() - start < timeout);
    return false;
}

static void describe_end(child_fate *fate, bool in_time, int end, double timeout)
{
    const char *when = fate->finished ? "after its work was done, " : "";
    if (!in_time)
        snprintf(fate->how, sizeof fate->how, "%sit did not end within %g s", when, timeout);
    else if (WIFSIGNALED(end))
        snprintf(fate->how, sizeof fate->how, "%sthe process was ended by signal %d (%s)%s", when, WTERMSIG(end),
                 strsignal(WTERMSIG(end)),
                 WTERMSIG(end) == SIGABRT ? ": it aborted, or an exception left the plugin" : "");
    else if (WEXITSTATUS(end) != 0 || !fate->finished)
        snprintf(fate->how, sizeof fate->how, "%sthe process exited by itself, with code %d", when, WEXITSTATUS(end));
}

/* The last KEPT bytes of a file, as text. */
static char *tail(int file)
{
    const off_t size = lseek(file, 0, SEEK_END), first = size > KEPT ? size - KEPT : 0;
    char *text = calloc(1, KEPT + 1);
    if (text && pread(file, text, KEPT, first) < 0) text[0] = '\0';
    return text;
}

void child_run(double timeout, void (*body)(void *arg), void *arg, child_fate *fate)
{
    channels c;
    channels_open(&c);
    bool *finished = child_share(sizeof *finished);
    const double start = tool_now();
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) error(TOOL_FAILED, errno, "cannot make a child process");
    if (child == 0) {
        settle_in(&c);
        body(arg);
        *finished = true;
        exit(0);
    }
    setpgid(child, child);
    close(c.alive[1]);
    bool in_time = wait_for(child, c.alive[0], timeout);
    int end = tool_process_end(child);
    *fate = (child_fate){.finished = *finished, .errors = tail(c.errors), .seconds = tool_now() - start};
    describe_end(fate, in_time, end, timeout);
    child_unshare(finished, sizeof *finished);
    close(c.alive[0]);
    close(c.out);
    close(c.errors);
}

void child_release(child_fate *fate)
{
    free(fate->errors);
}
