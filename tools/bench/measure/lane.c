/* SPDX-License-Identifier: Apache-2.0
 *
 * The benchmark's side of the protocol. A worker that crashes, hangs or talks nonsense costs its own row alone. */
#include "bench/measure/lane.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const double patience = 300; /* seconds for an answer of a worker that is ready */

volatile sig_atomic_t bench_stopped;

/* ---- ending */

static void close_pipes(bench_lane *lane)
{
    if (lane->to >= 0) close(lane->to);
    if (lane->from >= 0) close(lane->from);
    lane->to = lane->from = -1;
}

/* The worker's exit status; it is killed unless it ends by itself in time. */
static int reap(bench_lane *lane, double seconds)
{
    int status = 0;
    for (double until = tool_now() + seconds; tool_now() < until && !bench_stopped; usleep(1000)) {
        if (waitpid(lane->pid, &status, WNOHANG) != lane->pid) continue;
        lane->pid = 0;
        return status;
    }
    kill(lane->pid, SIGKILL);
    waitpid(lane->pid, &status, 0);
    lane->pid = 0;
    return status;
}

/* What the worker wrote to stderr is shown where somebody asked for a log. */
static void close_log(bench_lane *lane)
{
    char buffer[4096];
    ssize_t n;
    if (lane->log < 0) return;
    if (getenv("TENON_LOG") && lseek(lane->log, 0, SEEK_SET) == 0)
        while ((n = read(lane->log, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, (size_t)n, stderr);
    close(lane->log);
    lane->log = -1;
}

void bench_lane_close(bench_lane *lane)
{
    close_pipes(lane);
    if (lane->pid) reap(lane, 10);
    close_log(lane);
    free(lane->line);
    free(lane->config);
    lane->line = lane->config = NULL;
    lane->open = false;
}

/* Gives the row its error, unless it has one, and closes the lane. */
TN_PRINTF(2, 3) static void fail(bench_lane *lane, const char *format, ...)
{
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!json_is_string(json_object_get(lane->row, "error")))
        json_object_set_new(lane->row, "error", tool_json_text(text));
    bench_lane_close(lane);
}

/* The last line that it wrote to stderr; "" if there is none. */
static const char *last_words(const bench_lane *lane, char *buffer, size_t size)
{
    off_t length = lane->log < 0 ? 0 : lseek(lane->log, 0, SEEK_END);
    off_t from = length > (off_t)size - 1 ? length - (off_t)size + 1 : 0;
    ssize_t n = length > 0 ? pread(lane->log, buffer, (size_t)(length - from), from) : 0;
    while (n > 0 && buffer[n - 1] == '\n') n--;
    buffer[n > 0 ? n : 0] = '\0';
    char *line = strrchr(buffer, '\n');
    return line ? line + 1 : buffer;
}

static void fail_dead(bench_lane *lane)
{
    char buffer[600];
    close_pipes(lane);
    int status = reap(lane, 2);
    const char *said = last_words(lane, buffer, sizeof buffer), *comma = *said ? "; it said: " : "";
    if (WIFSIGNALED(status))
        fail(lane, "its process was ended by signal %d (%s)%s%s", WTERMSIG(status), strsignal(WTERMSIG(status)), comma,
             said);
    else
        fail(lane, "its process ended with exit code %d%s%s", WEXITSTATUS(status), comma, said);
}

/* What hangs, or compiles, would not notice that nobody listens any more. */
static void fail_late(bench_lane *lane, double seconds)
{
    kill(lane->pid, SIGKILL);
    fail(lane, "%s within %.3g s", lane->ready ? "no answer" : "not ready", seconds);
}

/* ---- starting */

static void become_worker(const bench_lane *lane, int in, int out)
{
    const char *tenon[] = {"tenon", "bench", "--worker", lane->config, NULL};
    const char *peer[] = {lane->command, "--worker", lane->config, NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the parent's to handle */
    signal(SIGPIPE, SIG_DFL);
    setenv("TENON_MATH", strcmp(lane->math, "tf32") ? "f32" : "tf32", 1);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    if (lane->log >= 0) dup2(lane->log, STDERR_FILENO);
    if (lane->command)
        execvp(lane->command, (char **)peer);
    else
        execv("/proc/self/exe", (char **)tenon);
    dprintf(STDERR_FILENO, "cannot start %s: %s\n", lane->command ? lane->command : "tenon", strerror(errno));
    _exit(127);
}

static bool start(bench_lane *lane)
{
    int in[2], out[2] = {-1, -1};
    lane->to = lane->from = -1;
    lane->log = memfd_create("log", MFD_CLOEXEC);
    if (pipe2(in, O_CLOEXEC)) return false;
    if (pipe2(out, O_CLOEXEC)) {
        close(in[0]);
        close(in[1]);
        return false;
    }
    lane->to = in[1];
    lane->from = out[0];
    lane->started = tool_now();
    lane->pid = fork();
    if (lane->pid == 0) become_worker(lane, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    if (lane->pid < 0) lane->pid = 0;
    return lane->pid > 0;
}

/* ---- answers */

/* Moves one line out of the buffer; NULL if there is none yet. */
static json_t *take_line(bench_lane *lane, bool *nonsense)
{
    char *end = lane->length ? memchr(lane->line, '\n', lane->length) : NULL;
    if (!end) return NULL;
    size_t n = (size_t)(end - lane->line);
    json_t *answer = json_loadb(lane->line, n, 0, NULL);
    *nonsense = !json_is_object(answer);
    memmove(lane->line, end + 1, lane->length -= n + 1);
    return answer;
}

/* More of the worker's output; false at its end. */
static bool read_more(bench_lane *lane)
{
    if (lane->room - lane->length < 4096) {
        char *grown = realloc(lane->line, lane->room += 1 << 16);
        if (!grown) return false;
        lane->line = grown;
    }
    ssize_t n = read(lane->from, lane->line + lane->length, lane->room - lane->length);
    if (n > 0) lane->length += (size_t)n;
    return n > 0 || (n < 0 && errno == EINTR);
}

static json_t *await(bench_lane *lane, double seconds)
{
    bool nonsense = false;
    for (double until = tool_now() + seconds; !bench_stopped;) {
        json_t *answer = take_line(lane, &nonsense);
        if (answer && !nonsense) return answer;
        json_decref(answer);
        if (nonsense) {
            fail(lane, "it answered with something else than a line of JSON");
            return NULL;
        }
        double left = until - tool_now();
        struct pollfd wait = {.fd = lane->from, .events = POLLIN};
        if (left <= 0) {
            fail_late(lane, seconds);
            return NULL;
        }
        if (poll(&wait, 1, (int)(left * 1000) + 1) > 0 && !read_more(lane)) {
            fail_dead(lane);
            return NULL;
        }
    }
    bench_lane_close(lane);
    return NULL;
}

/* An answer that is no error; NULL after the row has got its error. */
static json_t *await_good(bench_lane *lane, double seconds)
{
    json_t *answer = await(lane, seconds);
    const char *why = json_string_value(json_object_get(answer, "error"));
    if (!why) return answer;
    fail(lane, "%s", why);
    json_decref(answer);
    return NULL;
}

json_t *bench_lane_ask(bench_lane *lane, json_t *request)
{
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    bool sent = lane->open && text && dprintf(lane->to, "%s\n", text) > 0;
    free(text);
    if (lane->open && !sent) fail_dead(lane);
    return sent ? await_good(lane, patience) : NULL;
}

/* What does not round, for want of an instruction or of products, is not compared with what does. */
bool bench_lane_check_math(bench_lane *lane, const json_t *answer)
{
    const char *math = json_string_value(json_object_get(answer, "math"));
    const char *dtype = json_string_value(json_object_get(lane->row, "dtype"));
    if (!strcmp(math ? math : dtype, lane->math)) return true;
    fail(lane, "asked for %s, it computes in %s", lane->math, math ? math : dtype);
    return false;
}

/* ---- opening */

static void copy_text(bench_lane *lane, const json_t *answer, const char *key)
{
    const json_t *value = json_object_get(answer, key);
    if (json_is_string(value)) json_object_set(lane->row, key, (json_t *)value);
}

double bench_number(const json_t *answer, const char *key)
{
    return json_number_value(json_object_get(answer, key));
}

/* Start-up is all the time until now that was not spent on data and model. */
static void take_ready(bench_lane *lane, const json_t *ready)
{
    static const char *const texts[] = {"device", "description", "library"};
    static const char *const times[] = {"plugin_load", "open", "data", "model"};
    double elapsed = tool_now() - lane->started;
    const json_t *given = json_object_get(ready, "setup");
    json_t *setup = json_pack("{s:s, s:f}", "unit", "s", "start_up",
                              elapsed - bench_number(given, "data") - bench_number(given, "model"));
    for (int i = 0; i < 3; i++) copy_text(lane, ready, texts[i]);
    for (int i = 0; i < 4; i++) {
        const json_t *time = json_object_get(given, times[i]);
        if (json_is_number(time)) json_object_set(setup, times[i], (json_t *)time);
    }
    json_object_set_new(lane->row, "setup", setup);
    const char *kind = json_string_value(json_object_get(ready, "kind"));
    lane->on_cpu = kind && !strcmp(kind, "CPU");
    lane->steps_per_epoch = json_integer_value(json_object_get(ready, "steps_per_epoch"));
}

void bench_lane_open(bench_lane *lane, double seconds)
{
    if (!start(lane)) {
        fail(lane, "its process cannot be started: %s", strerror(errno));
        return;
    }
    lane->open = true;
    json_t *ready = await_good(lane, seconds);
    lane->ready = ready != NULL;
    if (ready) take_ready(lane, ready);
    json_decref(ready);
}
