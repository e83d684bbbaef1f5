/* SPDX-License-Identifier: Apache-2.0
 *
 * What belongs to the whole process, or to the calling thread, and no plugin may change. */
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

extern char **environ;

uint64_t conform_hash_text(uint64_t hash, const char *text)
{
    do hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    while (*text++);
    return hash;
}

/* ---- one thing each */

/* Rounding, and what else of the modes is there; not the flags of exceptions that have happened. */
uint64_t conform_float_mode(void)
{
#if defined(__x86_64__)
    fenv_t now;
    fegetenv(&now);
    return (uint64_t)now.__control_word << 32 | (now.__mxcsr & ~0x3fu);
#else
    return (uint64_t)fegetround() << 32 | (uint64_t)(unsigned)fegetexcept();
#endif
}

/* Without what the suite itself sets. */
static uint64_t environment(void)
{
    uint64_t hash = CONFORM_HASH_START;
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, "TENON_", strlen("TENON_")) != 0) hash = conform_hash_text(hash, *entry);
    return hash;
}

static uint64_t working_directory(void)
{
    struct stat about;
    return stat(".", &about) == 0 ? (uint64_t)about.st_ino : 0;
}

/* Reading it means setting it: one thread at a time. */
static mode_t creation_mask(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    const mode_t mask = umask(0);
    umask(mask);
    pthread_mutex_unlock(&lock);
    return mask;
}

static int64_t printed(void)
{
    struct stat about;
    return fstat(STDOUT_FILENO, &about) == 0 ? (int64_t)about.st_size : -1;
}

/* ---- all */

void conform_state_take(conform_state *state)
{
    memset(state, 0, sizeof *state);
    state->float_mode = conform_float_mode();
    snprintf(state->locale, sizeof state->locale, "%s", setlocale(LC_ALL, NULL));
    state->thread_locale = uselocale((locale_t)0);
    for (int i = 1; i < CONFORM_SIGNALS; i++) sigaction(i, NULL, &state->actions[i]);
    pthread_sigmask(SIG_SETMASK, NULL, &state->blocked);
    sched_getaffinity(0, sizeof state->affinity, &state->affinity);
    state->environment = environment();
    state->directory = working_directory();
    state->mask = creation_mask();
    state->printed = printed();
}

/* SA_RESTORER is the C library's own mark on whatever it has installed. */
static bool same_action(const struct sigaction *a, const struct sigaction *b)
{
    const int restorer = 0x04000000;
    return a->sa_handler == b->sa_handler && (a->sa_flags | restorer) == (b->sa_flags | restorer);
}

static bool same_signals(const sigset_t *a, const sigset_t *b)
{
    for (int i = 1; i < CONFORM_SIGNALS; i++)
        if (sigismember(a, i) != sigismember(b, i)) return false;
    return true;
}

const char *conform_state_changed(const conform_state *before, char *text, size_t size)
{
    conform_state now;
    conform_state_take(&now);
    for (int i = 1; i < CONFORM_SIGNALS; i++)
        if (!same_action(&now.actions[i], &before->actions[i])) {
            snprintf(text, size, "the handler of signal %d (%s)", i, strsignal(i));
            return text;
        }
    if (now.float_mode != before->float_mode) {
        snprintf(text, size, "the floating-point mode (from %#llx to %#llx)", (unsigned long long)before->float_mode,
                 (unsigned long long)now.float_mode);
        return text;
    }
    if (now.printed != before->printed) {
        snprintf(text, size, "standard output, by writing %lld bytes to it",
                 (long long)(now.printed - before->printed));
        return text;
    }
    if (strcmp(now.locale, before->locale) != 0) {
        snprintf(text, size, "the locale (from \"%.80s\" to \"%.80s\")", before->locale, now.locale);
        return text;
    }
    return now.thread_locale != before->thread_locale      ? "the thread's locale"
           : !CPU_EQUAL(&now.affinity, &before->affinity)  ? "the CPUs that the thread may run on"
           : !same_signals(&now.blocked, &before->blocked) ? "the signals that the thread blocks"
           : now.environment != before->environment        ? "the environment's variables"
           : now.directory != before->directory            ? "the working directory"
           : now.mask != before->mask                      ? "the mask of new files' modes (umask)"
                                                           : NULL;
}
