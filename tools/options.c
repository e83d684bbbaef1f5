/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of options: read in full, checked, and refused with a sentence that says what is possible. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

const char *const tool_models[] = {"simplenet", "convnet", NULL};
const char *const tool_datasets[] = {"mnist", "fashion-mnist", NULL};

int64_t tool_integer(const struct argp_state *state, const char *option, const char *text, int64_t min, int64_t max)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max)
        argp_error(state, "%s is a whole number from %lld to %lld, not \"%s\"", option, (long long)min, (long long)max,
                   text);
    return value;
}

double tool_number(const struct argp_state *state, const char *option, const char *text, double max, bool positive)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    bool in_range = value >= 0 && value <= max && !(positive && value == 0); /* also false for NaN */
    if (errno || end == text || *end || !in_range)
        argp_error(state, "%s is a number %s and at most %g, not \"%s\"", option, positive ? "above 0" : "not below 0",
                   max, text);
    return value;
}

const char *tool_choice(const struct argp_state *state, const char *option, const char *text,
                        const char *const *choices)
{
    char list[256] = "";
    for (int i = 0; choices[i]; i++) {
        if (!strcmp(text, choices[i])) return choices[i];
        const char *join = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", join, choices[i]);
    }
    argp_error(state, "%s is %s, not \"%s\"", option, list, text);
    return choices[0];
}
