/* SPDX-License-Identifier: Apache-2.0
 *
 * What a check says: it failed, or has nothing to look at here. */
#include "parts.h"

conform_run *conform_current;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Of several threads that fail, the first is heard. */
bool conform_fail(conform_run *run, const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&lock);
    if (run->outcome != CONFORM_FAIL) {
        va_start(args, format);
        vsnprintf(run->why, sizeof run->why, format, args);
        va_end(args);
        run->outcome = CONFORM_FAIL;
    }
    pthread_mutex_unlock(&lock);
    return false;
}

void conform_skip(conform_run *run, const char *format, ...)
{
    if (run->outcome != CONFORM_PASS) return;
    va_list args;
    va_start(args, format);
    vsnprintf(run->why, sizeof run->why, format, args);
    va_end(args);
    run->outcome = CONFORM_SKIP;
}

void conform_note(conform_run *run, const char *format, ...)
{
    if (run->outcome != CONFORM_PASS || run->why[0]) return;
    va_list args;
    va_start(args, format);
    vsnprintf(run->why, sizeof run->why, format, args);
    va_end(args);
}

bool conform_check_context(conform_run *run, tn_context *tn, const char *doing)
{
    if (tn_check(tn) == TN_OK) return true;
    conform_fail(run, "%s failed: %s", doing, tn_message(tn));
    tn_clear(tn);
    return false;
}
