/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and words for people, and lines of JSON for programs. */
#include <langinfo.h>
#include <math.h>
#include <string.h>

#include "tool.h"

enum { BUFFER = 32 }; /* bytes that callers give */

const char *tool_count(double n, char *buffer)
{
    char digits[BUFFER];
    int length = snprintf(digits, sizeof digits, "%.0f", n < 1e15 ? n : 1e15);
    char *to = buffer;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return buffer;
}

const char *tool_bytes(double n, char *buffer)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    for (; n >= 1024 && unit < 4; unit++) n /= 1024;
    snprintf(buffer, BUFFER, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
    return buffer;
}

const char *tool_time(double seconds, char *buffer)
{
    long whole = seconds < 1e6 ? (long)(seconds + 0.5) : 1000000;
    if (whole >= 3600)
        snprintf(buffer, BUFFER, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(buffer, BUFFER, "%ld:%02ld", whole / 60, whole % 60);
    return buffer;
}

const char *tool_kind_name(uint32_t kind)
{
    switch (kind) {
    case TN_DEVICE_CPU: return "CPU";
    case TN_DEVICE_INTEGRATED_GPU: return "integrated GPU";
    case TN_DEVICE_GPU: return "GPU";
    case TN_DEVICE_ACCELERATOR: return "accelerator";
    default: return "unknown kind";
    }
}

bool tool_utf8(void)
{
    return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

json_t *tool_json_text(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    return value ? value : json_null();
}

json_t *tool_json_number(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

bool tool_json_line(FILE *file, json_t *object)
{
    bool ok = object && json_dumpf(object, file, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0;
    ok = ok && fputc('\n', file) != EOF && fflush(file) == 0;
    if (!ok) error(0, errno, "cannot write the JSON line");
    json_decref(object);
    return ok;
}
