/* SPDX-License-Identifier: Apache-2.0
 *
 * What plans say of themselves, and whether it is true. */
#include <stdlib.h>
#include <string.h>

#include "level2.h"
#include "use.h"

#define WHY ((tn_error){.struct_size = sizeof(tn_error)})

static void for_each(conform_run *run, void (*body)(use *u), const char *nothing)
{
    use u;
    if (use_open(&u, run)) {
        use_for_each(&u, body);
        if (run->compared == 0) conform_skip(run, "%s", nothing);
    }
    use_close(&u);
}

/* ---- op.plans */

static void look_at_costs(use *u, const tn_plan *plan)
{
    if (u->bytes && !plan->bytes_moved)
        conform_fail(u->run, "%s: the plan reports that it moves no bytes; the reference backend's moves %llu", u->what,
                     (unsigned long long)u->bytes);
    else if (u->flops > u->bytes && !plan->flops) /* what only moves bytes may count nothing */
        conform_fail(u->run, "%s: the plan reports no floating-point operations; the reference backend's, %llu",
                     u->what, (unsigned long long)u->flops);
}

static void look_at_refusal(use *u, const char *slot, tn_status status, const tn_error *why)
{
    if (status != TN_UNSUPPORTED)
        conform_fail(u->run, "%s: %s answers %s: \"%s\"; what a backend does not do is TN_UNSUPPORTED", u->what, slot,
                     tn_status_name(status), why->message);
    else if (!why->message[0])
        conform_fail(u->run, "%s: %s answers TN_UNSUPPORTED and gives no reason", u->what, slot);
}

static void agree(use *u)
{
    tn_error said = WHY, why = WHY;
    tn_plan *plan = NULL;
    u->desc.flags = 0;
    const tn_status check = u->kernel->check(u->kernel, u->device.handle, &u->desc, &said);
    const tn_status made = u->kernel->plan_create(u->kernel, u->device.handle, &u->desc, &plan, &why);
    u->run->compared++;
    if (check != TN_OK) look_at_refusal(u, "check", check, &said);
    if (made != TN_OK && check == TN_OK)
        conform_fail(u->run, "%s: check says yes, and plan_create no: %s", u->what, why.message);
    else if (made != TN_OK)
        look_at_refusal(u, "plan_create", made, &why);
    else if (check != TN_OK)
        conform_fail(u->run, "%s: check says no (%s), and plan_create yes", u->what, said.message);
    if (made != TN_OK || !conform_plan_usable(u->run, plan, u->what)) return;
    look_at_costs(u, plan);
    plan->destroy(plan);
}

void level2_plans(conform_run *run)
{
    for_each(run, agree, "the operator has no sample");
}

/* ---- op.repeats */

static void compare_bits(use *u, const unsigned char *first, const unsigned char *again, uint64_t size,
                         const char *what)
{
    for (uint64_t k = 0; k < size; k++)
        if (first[k] != again[k]) {
            conform_fail(u->run, "%s: %s; byte %llu of all outputs and inputs is 0x%02x, and was 0x%02x", u->what, what,
                         (unsigned long long)k, again[k], first[k]);
            return;
        }
    u->run->compared++;
}

static void repeat_plan(use *u, const tn_plan *plan, const char *what)
{
    enum { TIMES = 4 };
    uint64_t size = 0;
    unsigned char *first = use_execute(u, plan, -1, -1, &size);
    for (int i = 1; first && i < TIMES; i++) {
        unsigned char *again = use_execute(u, plan, -1, -1, &size);
        if (again) compare_bits(u, first, again, size, what);
        free(again);
    }
    free(first);
}

static void repeat(use *u)
{
    for (uint64_t flags = 0; flags <= TN_OP_DETERMINISTIC; flags++) {
        tn_plan *plan = use_plan(u, flags);
        if (!plan) continue;
        if (flags & TN_OP_DETERMINISTIC)
            repeat_plan(u, plan, "asked to be deterministic, the plan is not");
        else if (plan->flags & TN_PLAN_DETERMINISTIC)
            repeat_plan(u, plan, "the plan claims to be deterministic and is not");
        plan->destroy(plan);
    }
}

void level2_repeats(conform_run *run)
{
    for_each(run, repeat, "no plan of it is, or can be asked to be, deterministic");
}

/* ---- op.alias */

static bool equal_descs(const use_tensor *a, const use_tensor *b)
{
    return a->present && memcmp(&a->desc, &b->desc, sizeof a->desc) == 0;
}

static void alias_plan(use *u, const tn_plan *plan)
{
    uint64_t size = 0;
    uint64_t outputs = 0;
    for (int i = 0; i < u->n_out; i++) outputs += u->out[i].bytes;
    unsigned char *apart = use_execute(u, plan, -1, -1, &size);
    for (int o = 0; apart && o < u->n_out; o++)
        for (int i = 0; i < u->n_in; i++) {
            if (!equal_descs(&u->in[i], &u->out[o])) continue;
            unsigned char *together = use_execute(u, plan, o, i, &size);
            if (together)
                compare_bits(u, apart, together, outputs, "where an output has an input's address it gives other bits");
            free(together);
        }
    free(apart);
}

static void alias(use *u)
{
    tn_plan *plan = use_plan(u, 0);
    if (!plan) return;
    if (plan->flags & TN_PLAN_ALIAS) alias_plan(u, plan);
    plan->destroy(plan);
}

void level2_alias(conform_run *run)
{
    for_each(run, alias, "no plan of it claims TN_PLAN_ALIAS for an output like an input");
}
