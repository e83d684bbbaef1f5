/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 4: many threads, little memory, long runs. */
#include "parts.h"

const conform_check conform_level4[] = {
    {"threads.contexts", "contexts on several threads get the same numbers as one alone", conform_threads_contexts,
     false},
    {"threads.plans", "plans can be made on one device by several threads at once", conform_threads_plans, false},
    {"threads.one_plan", "one plan can be executed by several threads at once, with a workspace each",
     conform_threads_one_plan, false},
    {"allocation.objects", "if the host has no memory, opening and making things fails with a message, and works later",
     conform_allocation_fails, false},
    {"allocation.plans", "if the host has no memory, plan_create fails with a message, and works later",
     conform_allocation_plans, false},
    {"allocation.device", "if the device's memory runs short, later work is right", conform_allocation_device, false},
    {"growth.plans",
     "plans of thousands of shapes leave nothing behind: of 2000, no block of host->alloc, at most 2 MiB of heap, and "
     "32 MiB of a device's own memory",
     conform_growth_plans, false},
    {"growth.objects",
     "devices, streams, events and memory leave nothing behind: of 300, at most 64 KiB of heap, and 32 MiB of a "
     "device's own memory",
     conform_growth_objects, false},
    {"growth.operators",
     "no operator needs more memory with each run: in 300, at most 16 KiB of heap, and 32 MiB of a device's own memory",
     conform_growth_operators, false},
    {"growth.steps",
     "10,000 steps do not need more memory than 1000: at most 64 KiB of heap, and 32 MiB of a device's own memory",
     conform_growth_steps, false},
    {"growth.contexts",
     "a context that is closed leaves nothing behind: of 30, at most 32 KiB of heap, and 32 MiB of a device's own "
     "memory; and shutdown releases the rest",
     conform_growth_contexts, false},
    {0},
};
