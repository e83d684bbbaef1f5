/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of a plugin's table for the operators that a library is asked for. */
#include "rows.h"

#include <signal.h>
#include <string.h>

static tn_status shared_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const tn_kernel *shared = self->data;
    return shared->check(shared, device, desc, error);
}

/* A library may compile kernels when it plans, by a compiler that installs handlers of signals for itself, as cuDNN does.
 * They are the program's, and are put back. */
static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
                                  SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS};
    enum { SIGNALS = sizeof signals / sizeof *signals };
    const tn_kernel *shared = self->data;
    struct sigaction before[SIGNALS];
    const gpu_library_row *row = gpu_library_rows;
    while (strcmp(row->schema, shared->schema) != 0) row++;
    for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], NULL, &before[i]);
    tn_status status = row->plan_create(self, device, desc, plan, error);
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 &&
            (now.sa_handler != before[i].sa_handler || now.sa_flags != before[i].sa_flags))
            sigaction(signals[i], &before[i], NULL);
    }
    return status;
}

tn_kernel gpu_library_row_of(const tn_kernel *shared)
{
    for (const gpu_library_row *row = gpu_library_rows; row->schema; row++)
        if (strcmp(row->schema, shared->schema) == 0)
            return (tn_kernel){shared->schema, shared_check, plan_create, shared};
    return *shared;
}
