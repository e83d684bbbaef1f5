/* SPDX-License-Identifier: Apache-2.0
 *
 * What a dataset is: examples of bytes with labels, held as tensors on one device, or as arrays of the host, or made
 * one by one by a callback. Shared by dataset.c and the loader. */
#ifndef TENON_DATA_DATASET_H
#define TENON_DATA_DATASET_H

#include "tenon.h"

struct tn_dataset {
    tn_context *tn;
    int64_t count;
    int rank; /* of one example */
    int64_t dims[TN_MAX_RANK];
    int64_t example_bytes;
    double scale, shift; /* of a byte, on its way to f32 */
    /* At least one of the three has the examples. */
    tn_tensor *images, *labels; /* retained */
    uint8_t *host_images;
    int64_t *host_labels;
    tn_item_fn item;
    void *arg;
};

/* Can it lie whole on the default device, or does it already? Never so for a callback. */
bool tn__dataset_fits(const tn_dataset *data);
/* Moves the examples to the default device, or to the host; false after raising. */
bool tn__dataset_to_device(tn_dataset *data);
bool tn__dataset_to_host(tn_dataset *data);
/* Writes example i; what the callback returned. The examples must be on the host. Uses no context. */
int tn__dataset_item(const tn_dataset *data, int64_t i, uint8_t *image, int64_t *label);

#endif
