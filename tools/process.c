/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes for risky work: one leads a group of its own, which goes with it. */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

void tool_process_settle(void)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

bool tool_process_has_ended(pid_t process)
{
    siginfo_t end = {.si_pid = 0};
    return waitid(P_PID, (id_t)process, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid == process;
}

int tool_process_end(pid_t process)
{
    int fate = 0;
    kill(-process, SIGKILL);
    while (waitpid(process, &fate, 0) < 0 && errno == EINTR) continue;
    return fate;
}
