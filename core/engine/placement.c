/* SPDX-License-Identifier: Apache-2.0
 *
 * The account of what ran where: a row for each operator on each device with each implementation. */
#include "engine/backend.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t tn__now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_of(const tn_placement *p, const tn_op *op, const tn_dev *dev, const char *implementation)
{
    return p->op == op->name && p->device == dev->name && strcmp(p->implementation, implementation) == 0;
}

/* The plan's own row, which it remembers: a guess, since a reset may have put another in its place. */
static tn_placement *row(tn_context *tn, tn_use *use, const tn_op *op, const tn_dev *dev, bool fell_back)
{
    const char *implementation = use->plan ? use->plan->implementation : "";
    if (use->placement >= 0 && use->placement < tn->n_placements &&
        is_of(&tn->placements[use->placement], op, dev, implementation))
        return &tn->placements[use->placement];
    for (int i = 0; i < tn->n_placements; i++) {
        if (!is_of(&tn->placements[i], op, dev, implementation)) continue;
        use->placement = i;
        return &tn->placements[i];
    }
    if (tn->n_placements == tn->placement_room) {
        int room = tn->placement_room ? 2 * tn->placement_room : 64;
        tn_placement *rows = realloc(tn->placements, (size_t)room * sizeof *rows);
        if (!rows) return NULL;
        tn->placements = rows;
        tn->placement_room = room;
    }
    char *kept = strdup(implementation); /* plans may go before the table does */
    if (!kept) return NULL;
    use->placement = tn->n_placements;
    tn->placements[tn->n_placements] =
        (tn_placement){.op = op->name, .device = dev->name, .implementation = kept, .fell_back = fell_back};
    return &tn->placements[tn->n_placements++];
}

void tn__placed_often(tn_context *tn, tn_use *use, const tn_op *op, const tn_dev *dev, bool fell_back, uint64_t calls,
                      uint64_t nanoseconds)
{
    tn_placement *p = row(tn, use, op, dev, fell_back);
    if (!p) return;
    p->calls += calls;
    p->fell_back |= fell_back;
    p->flops += calls * use->plan->flops;
    p->bytes += calls * use->plan->bytes_moved;
    p->nanoseconds += nanoseconds;
}

void tn__placed(tn_context *tn, tn_use *use, const tn_op *op, const tn_dev *dev, bool fell_back, uint64_t nanoseconds)
{
    tn__placed_often(tn, use, op, dev, fell_back, 1, nanoseconds);
}

void tn__planned(tn_context *tn, tn_use *use, const tn_op *op, const tn_dev *dev, uint64_t nanoseconds)
{
    tn_placement *p = row(tn, use, op, dev, false);
    if (!p) return;
    p->plans++;
    p->plan_nanoseconds += nanoseconds;
}

/* ---- those who add late */

void tn__account_add(tn_context *tn, tn_account *account)
{
    account->next = tn->accounts;
    tn->accounts = account;
}

void tn__account_remove(tn_context *tn, tn_account *account)
{
    for (tn_account **at = &tn->accounts; *at; at = &(*at)->next)
        if (*at == account) {
            *at = account->next;
            return;
        }
}

static void settle(tn_context *tn)
{
    for (tn_account *account = tn->accounts; account; account = account->next) account->settle(account);
}

/* ---- looking */

const tn_placement *tn_placements(tn_context *tn, int *n)
{
    settle(tn);
    *n = tn->n_placements;
    return tn->placements;
}

void tn_reset_placements(tn_context *tn)
{
    settle(tn);
    for (int i = 0; i < tn->n_placements; i++) free((char *)tn->placements[i].implementation);
    tn->n_placements = 0;
}

bool tn_fell_back(const tn_context *tn)
{
    settle((tn_context *)tn); /* the account is the same, only complete */
    for (int i = 0; i < tn->n_placements; i++)
        if (tn->placements[i].fell_back) return true;
    return false;
}
