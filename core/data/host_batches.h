/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches of an epoch, gathered on the host ahead of their use. */
#ifndef TENON_DATA_HOST_BATCHES_H
#define TENON_DATA_HOST_BATCHES_H

#include "data/dataset.h"

typedef struct tn__host_batches tn__host_batches;

typedef struct tn__host_batch {
    int64_t n;
    uint8_t *images; /* n examples, one after another */
    int64_t *labels;
    int64_t failed; /* the example that the dataset's callback failed on, or -1 */
    int code;       /* what it returned */
} tn__host_batch;

/* Batches first ... end - 1 of `size` examples in the given order (fewer in the last one), `ahead` of them prepared by
 * a thread, or none if ahead < 0. data and order must stay as they are until it is closed. NULL if there is no
 * memory. */
tn__host_batches *tn__host_batches_open(const tn_dataset *data, const int64_t *order, int64_t size, int64_t first,
                                        int64_t end, int ahead);
/* The next one, valid until the next call. Call it once for each batch. */
const tn__host_batch *tn__host_batches_take(tn__host_batches *batches);
void tn__host_batches_close(tn__host_batches *batches); /* NULL is allowed */

#endif
