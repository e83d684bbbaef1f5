/* SPDX-License-Identifier: Apache-2.0
 *
 * A child process that tells its parent lines of JSON. It may crash, hang, exit or print what it likes: its standard
 * output is kept apart, it has a process group that is killed as a whole, and only who has told the last line is done. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor.h"

#define LAST_LINE "end\n"

static volatile sig_atomic_t running; /* the child's process group; 0: none */

/* ---- in the child */

void doctor_tell(FILE *to, json_t *object)
{
    if (object && json_dumpf(object, to, JSON_COMPACT) == 0) fputc('\n', to);
    fflush(to);
    json_decref(object);
}

static void live(int report, int printed, void (*body)(FILE *to, const void *arg), const void *arg)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    FILE *to = fdopen(report, "w");
    tool_process_settle();
    if (!to || dup2(nowhere, STDIN_FILENO) < 0 || dup2(printed >= 0 ? printed : nowhere, STDOUT_FILENO) < 0) _exit(1);
    if (!getenv("TENON_LOG")) dup2(nowhere, STDERR_FILENO);
    body(to, arg);
    fflush(stdout);
    fputs(LAST_LINE, to);
    fflush(to);
    _exit(0);
}

/* ---- in the parent */

/* Ctrl-C does not reach the child's group by itself. */
static void end_child_too(int signal)
{
    if (running) kill(-running, SIGKILL);
    raise(signal); /* its default, since SA_RESETHAND */
}

static void guard_against_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = end_child_too, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) sigaction(signals[i], &action, NULL);
}

static bool is_done(const char *text, size_t used)
{
    size_t n = strlen(LAST_LINE);
    return used >= n && memcmp(text + used - n, LAST_LINE, n) == 0 && (used == n || text[used - n - 1] == '\n');
}

typedef struct heard {
    FILE *file; /* writes the other two */
    char *text;
    size_t size;
} heard;

/* Reads until all is told, the child ends or the time is over; false in the last case. Whoever else holds the pipe, such
 * as a child of the child, is not waited for. */
static bool listen_to(int from, pid_t pid, double seconds, heard *all)
{
    char buffer[4096];
    for (double until = tool_now() + seconds; tool_now() < until;) {
        struct pollfd wait_for = {.fd = from, .events = POLLIN};
        bool over = tool_process_has_ended(pid); /* asked before the last look into the pipe */
        if (poll(&wait_for, 1, over ? 0 : 20) <= 0) {
            if (over) return true;
            continue;
        }
        ssize_t n = read(from, buffer, sizeof buffer);
        if (n > 0) fwrite(buffer, 1, (size_t)n, all->file);
        fflush(all->file);
        if (n == 0 || is_done(all->text, all->size)) return true;
    }
    return false;
}

static json_t *parse_lines(char *text)
{
    json_t *lines = json_array();
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        json_t *object = json_loads(line, 0, NULL);
        if (object) json_array_append_new(lines, object);
    }
    return lines;
}

static void tell_end(doctor_child *child, bool done, bool in_time, int fate, double seconds)
{
    child->end = done ? "done" : in_time ? "crash" : "timeout";
    if (done) return;
    if (!in_time)
        snprintf(child->what, sizeof child->what, "it did not end within %.4g s and was killed", seconds);
    else if (WIFSIGNALED(fate))
        snprintf(child->what, sizeof child->what, "it was ended by signal %d (%s)", WTERMSIG(fate),
                 strsignal(WTERMSIG(fate)));
    else
        snprintf(child->what, sizeof child->what, "it ended too early, with exit code %d", WEXITSTATUS(fate));
}

static void read_printed(doctor_child *child, int printed)
{
    ssize_t n = printed >= 0 ? pread(printed, child->printed, sizeof child->printed - 1, 0) : 0;
    child->printed[n > 0 ? n : 0] = '\0';
    for (char *at = child->printed; *at; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~') *at = *at == '\n' && !at[1] ? '\0' : ' ';
    if (printed >= 0) close(printed);
}

static void attend(doctor_child *child, pid_t pid, int from, double seconds)
{
    heard all = {0};
    all.file = open_memstream(&all.text, &all.size);
    bool in_time = all.file && listen_to(from, pid, seconds, &all);
    if (all.file) fclose(all.file);
    tell_end(child, all.text && is_done(all.text, all.size), in_time, tool_process_end(pid), seconds);
    child->lines = parse_lines(all.text);
    free(all.text);
}

void doctor_child_run(doctor_child *child, void (*body)(FILE *to, const void *arg), const void *arg, double seconds)
{
    int ends[2], printed = memfd_create("printed", MFD_CLOEXEC);
    *child = (doctor_child){.end = "crash"};
    fflush(NULL);
    guard_against_signals();
    pid_t pid = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;
    if (pid == 0) live(ends[1], printed, body, arg);
    if (pid < 0) error(TOOL_FAILED, errno, "no process could be made to load plugins in");
    setpgid(pid, pid);
    running = pid;
    close(ends[1]);
    attend(child, pid, ends[0], seconds);
    running = 0;
    close(ends[0]);
    read_printed(child, printed);
}

void doctor_child_release(doctor_child *child)
{
    json_decref(child->lines);
}
