/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the plans that a library proposes is taken: the first of them, or with TENON_CUDA_TUNE=on the fastest, the shared
 * kernels' plan among them. What was found to be the fastest is remembered for as long as the process lasts. */
#ifndef TENON_CUDA_CHOICE_H
#define TENON_CUDA_CHOICE_H

#include "libraries.h"

/* A library's proposal, by its place in the order of the library's own liking. */
typedef struct cu_choice {
    int way; /* of using the library; CU_OWN_WAY: not at all */
    int position;
} cu_choice;
enum { CU_OWN_WAY = -1 };

typedef struct cu_question {
    tn_device *device;
    const tn_op_desc *desc;
    const tn_kernel *shared; /* can do it, too */
    const char *library;
    int keeps_nan;          /* as for cu_trial */
    const char *second_way; /* of using the library: a sentence on it; NULL: there is but one */
    const void *job;
    /* The plan of the first proposal from choice->position on, which becomes the one of the plan. TN_UNSUPPORTED: there
     * are no more. */
    tn_status (*make)(const void *job, cu_choice *choice, tn_plan **plan, tn_error *error);
} cu_question;

tn_status cu_choose(const cu_question *question, tn_plan **plan, tn_error *error);

#endif
