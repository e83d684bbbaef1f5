/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills the slots of a prefetch ring with examples. The thread uses the dataset and the order, never the context. */
#include "data/host_batches.h"

#include <stdlib.h>

#include "data/prefetch.h"

struct tn__host_batches {
    const tn_dataset *data;
    const int64_t *order;
    int64_t size; /* of a whole batch */
    tn__prefetch *ring;
    int slots;
    tn__host_batch slot[];
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void fill(void *arg, int64_t job, int slot)
{
    tn__host_batches *b = arg;
    tn__host_batch *batch = &b->slot[slot];
    const int64_t *order = b->order + job * b->size;
    batch->n = least(b->size, b->data->count - job * b->size);
    batch->failed = -1;
    for (int64_t i = 0; i < batch->n; i++) {
        batch->code =
            tn__dataset_item(b->data, order[i], batch->images + i * b->data->example_bytes, batch->labels + i);
        if (batch->code == 0) continue;
        batch->failed = order[i];
        return;
    }
}

static bool alloc_slots(tn__host_batches *b)
{
    size_t rows = (size_t)least(b->size, b->data->count), bytes;
    if (__builtin_mul_overflow(rows, (size_t)b->data->example_bytes, &bytes) || bytes >= SIZE_MAX) return false;
    for (int i = 0; i < b->slots; i++) {
        b->slot[i].images = malloc(bytes + 1); /* never NULL for being empty */
        b->slot[i].labels = calloc(rows + 1, sizeof(int64_t));
        if (!b->slot[i].images || !b->slot[i].labels) return false;
    }
    return true;
}

tn__host_batches *tn__host_batches_open(const tn_dataset *data, const int64_t *order, int64_t size, int64_t first,
                                        int64_t end, int ahead)
{
    int slots = ahead < 0 ? 1 : (int)least(ahead, end - first) + 1;
    tn__host_batches *b = calloc(1, sizeof *b + (size_t)slots * sizeof *b->slot);
    if (!b) return NULL;
    b->data = data;
    b->order = order;
    b->size = size;
    b->slots = slots;
    if (alloc_slots(b)) b->ring = tn__prefetch_open(slots, ahead >= 0, first, end, fill, b);
    if (b->ring) return b;
    tn__host_batches_close(b);
    return NULL;
}

const tn__host_batch *tn__host_batches_take(tn__host_batches *b)
{
    return &b->slot[tn__prefetch_take(b->ring)];
}

void tn__host_batches_close(tn__host_batches *b)
{
    if (!b) return;
    tn__prefetch_close(b->ring);
    for (int i = 0; i < b->slots; i++) {
        free(b->slot[i].images);
        free(b->slot[i].labels);
    }
    free(b);
}
