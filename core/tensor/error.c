/* SPDX-License-Identifier: Apache-2.0
 *
 * Sticky errors, and the log. */
#include "tensor/tensor.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
    [TN_OK] = "TN_OK",
    [TN_INVALID] = "TN_INVALID",
    [TN_UNSUPPORTED] = "TN_UNSUPPORTED",
    [TN_OUT_OF_MEMORY] = "TN_OUT_OF_MEMORY",
    [TN_DEVICE_LOST] = "TN_DEVICE_LOST",
    [TN_INTERNAL] = "TN_INTERNAL",
    [TN_NOT_FOUND] = "TN_NOT_FOUND",
    [TN_IO] = "TN_IO",
    [TN_CORRUPT] = "TN_CORRUPT",
};

const char *tn_status_name(tn_status status)
{
    size_t n = sizeof status_names / sizeof *status_names;
    return status >= 0 && (size_t)status < n ? status_names[status] : "unknown status";
}

tn_status tn_check(const tn_context *tn)
{
    return tn->error.status;
}

const char *tn_message(const tn_context *tn)
{
    return tn->error.message;
}

void tn_clear(tn_context *tn)
{
    tn->error = TN_ERROR_INIT;
}

tn_tensor *tn_raise(tn_context *tn, tn_status status, const char *format, ...)
{
    if (tn->error.status == TN_OK) {
        va_list args;
        va_start(args, format);
        vsnprintf(tn->error.message, sizeof tn->error.message, format, args);
        va_end(args);
        tn->error.status = status;
        tn_log_line(TN_LOG_DEBUG, "error: %s", tn->error.message);
    }
    return &tn->nil;
}

tn_tensor *tn__raise_error(tn_context *tn, const char *what, const tn_error *error)
{
    if (error->native_code)
        return tn_raise(tn, error->status, "%s: %s (code %lld)", what, error->message, (long long)error->native_code);
    return tn_raise(tn, error->status, "%s: %s", what, error->message);
}

/* ---- log */

static const char *const level_names[] = {"none", "error", "warn", "info", "debug"};

static uint32_t log_level(void)
{
    const char *wanted = secure_getenv("TENON_LOG");
    for (uint32_t i = 0; wanted && i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(wanted, level_names[i]) == 0) return i;
    return TN_LOG_WARN;
}

void tn_log_line(uint32_t level, const char *format, ...)
{
    if (level < TN_LOG_ERROR || level > log_level()) return;
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "tenon: %s: %s\n", level_names[level < TN_LOG_DEBUG ? level : TN_LOG_DEBUG], line);
}
