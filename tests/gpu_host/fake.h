/* SPDX-License-Identifier: Apache-2.0
 *
 * What the libraries that compute on the CPU share: variables say how they shall behave, and a file what they have done. */
#ifndef TENON_TEST_GPU_FAKE_H
#define TENON_TEST_GPU_FAKE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int fake_is(const char *variable, const char *value)
{
    const char *set = getenv(variable);
    return set && strcmp(set, value) == 0;
}

/* Appends a line to the file that TENON_FAKE_TRACE names. */
static inline void fake_trace(const char *what, int number)
{
    FILE *file = getenv("TENON_FAKE_TRACE") ? fopen(getenv("TENON_FAKE_TRACE"), "a") : NULL;
    if (!file) return;
    fprintf(file, "%s %d\n", what, number);
    fclose(file);
}

/* Work takes ten minutes more by the clock of events if TENON_FAKE_SLOW is "all" or, as "algorithm 1", what it is done by.
 * stream: what the host hands to the libraries as their stream, a number of nanoseconds to which that is added. */
static inline void fake_take_time(void *stream, const char *what, int number)
{
    char name[40];
    snprintf(name, sizeof name, "%s %d", what, number);
    fake_trace(what, number);
    if (fake_is("TENON_FAKE_SLOW", name) || fake_is("TENON_FAKE_SLOW", "all"))
        *(uint64_t *)stream += UINT64_C(600000000000);
}

/* x cut to the ten bits that TF32 keeps of a fraction. */
static inline double fake_tf32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= ~((UINT32_C(1) << 13) - 1);
    memcpy(&x, &bits, sizeof bits);
    return (double)x;
}

#endif
