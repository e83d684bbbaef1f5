/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the plans that a library proposes is taken: the first of them, or the fastest, the shared kernels' plan among
 * them. What was found to be the fastest is remembered for as long as the process lasts. */
#ifndef GPU_CHOICE_H
#define GPU_CHOICE_H

#include "library.h"

/* A library's proposal, by its place in the order of the library's own liking. */
typedef struct gpu_choice {
    int way; /* of using the library; GPU_OWN_WAY: not at all */
    int position;
} gpu_choice;
enum { GPU_OWN_WAY = -1 };

typedef struct gpu_question {
    tn_device *device;
    const tn_op_desc *desc;
    const tn_kernel *shared; /* can do it, too */
    const char *library;
    int tuned;              /* the fastest is taken */
    int keeps_nan;          /* as for gpu_trial */
    const char *second_way; /* of using the library: a sentence on it; NULL: there is but one */
    const void *job;
    /* The plan of the first proposal from choice->position on, which becomes the one of the plan. TN_UNSUPPORTED: there
     * are no more. */
    tn_status (*make)(const void *job, gpu_choice *choice, tn_plan **plan, tn_error *error);
} gpu_question;

tn_status gpu_choose(const gpu_question *question, tn_plan **plan, tn_error *error);

#endif
