/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of every plan of a context: exact products or TF32, and the same bits each time. */
#include "engine/backend.h"

#include <stdlib.h>
#include <string.h>

static void set(tn_context *tn, uint64_t flag, bool on)
{
    tn->op_flags = on ? tn->op_flags | flag : tn->op_flags & ~flag;
}

void tn_set_math(tn_context *tn, tn_math math)
{
    set(tn, TN_OP_TF32, math == TN_MATH_TF32);
}

tn_math tn_get_math(const tn_context *tn)
{
    return tn->op_flags & TN_OP_TF32 ? TN_MATH_TF32 : TN_MATH_F32;
}

void tn_use_deterministic(tn_context *tn, bool on)
{
    set(tn, TN_OP_DETERMINISTIC, on);
}

bool tn_is_deterministic(const tn_context *tn)
{
    return tn->op_flags & TN_OP_DETERMINISTIC;
}

void tn__modes_from_environment(tn_context *tn)
{
    static const struct {
        const char *name, *off, *on;
        uint64_t flag;
    } rows[] = {{"TENON_MATH", "f32", "tf32", TN_OP_TF32}, {"TENON_DETERMINISTIC", "off", "on", TN_OP_DETERMINISTIC}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *wanted = secure_getenv(rows[i].name);
        if (!wanted || !*wanted || strcmp(wanted, rows[i].off) == 0) continue;
        if (strcmp(wanted, rows[i].on) == 0)
            set(tn, rows[i].flag, true);
        else
            tn_raise(tn, TN_INVALID, "%s is \"%s\"; it may be %s or %s", rows[i].name, wanted, rows[i].off, rows[i].on);
    }
}
