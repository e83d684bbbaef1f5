/* SPDX-License-Identifier: Apache-2.0
 *
 * Datasets: made from tensors or from a callback, and moved to where the loader wants them. */
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void drop_tensors(tn_dataset *data)
{
    if (data->images) tn_release(data->images);
    if (data->labels) tn_release(data->labels);
    data->images = data->labels = NULL;
}

static void drop_host(tn_dataset *data)
{
    free(data->host_images);
    free(data->host_labels);
    data->host_images = NULL;
    data->host_labels = NULL;
}

static void release(void *object)
{
    drop_tensors(object);
    drop_host(object);
    free(object);
}

static tn_dataset *new_dataset(tn_context *tn, int64_t count, int rank, const int64_t *dims)
{
    tn_dataset *data = calloc(1, sizeof *data);
    if (!data) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "dataset: no memory");
        return NULL;
    }
    *data = (tn_dataset){.tn = tn, .count = count, .rank = rank, .example_bytes = 1, .scale = 1.0 / 255};
    for (int i = 0; i < rank; i++) {
        data->dims[i] = dims[i];
        data->example_bytes *= dims[i];
    }
    tn_on_close(tn, release, data);
    return data;
}

/* Holds the tensors from now on, which may be temporaries of a scope. */
static void hold(tn_dataset *data, tn_tensor *images, tn_tensor *labels)
{
    tn_retain(images);
    tn_retain(labels);
    drop_tensors(data);
    data->images = images;
    data->labels = labels;
}

tn_dataset *tn_dataset_from(tn_context *tn, tn_tensor *images, tn_tensor *labels)
{
    char shape[176];
    if (tn_is_nil(images) || tn_is_nil(labels)) return NULL;
    if (tn_dtype_of(images) != TN_U8 || tn_rank(images) < 2) {
        tn_raise(tn, TN_INVALID, "dataset: images must be u8[R,C,H,W], they are %s%s",
                 tn_dtype_name(tn_dtype_of(images)), tn_format_shape(images, shape));
        return NULL;
    }
    int64_t count = tn_dim(images, 0);
    if (tn_dtype_of(labels) != TN_I64 || tn_rank(labels) != 1 || tn_dim(labels, 0) != count) {
        tn_raise(tn, TN_INVALID, "dataset: labels must be i64[%lld], one for each image; they are %s%s",
                 (long long)count, tn_dtype_name(tn_dtype_of(labels)), tn_format_shape(labels, shape));
        return NULL;
    }
    tn_dataset *data = new_dataset(tn, count, tn_rank(images) - 1, tn_dims(images) + 1);
    if (data) hold(data, images, labels);
    return data;
}

static bool check_custom(tn_context *tn, int64_t count, int rank, const int64_t *dims, tn_item_fn item)
{
    int64_t bytes = 1;
    bool sane = rank >= 0 && rank < TN_MAX_RANK && (rank == 0 || dims);
    if (!item || count < 0 || !sane) {
        tn_raise(tn, TN_INVALID,
                 "dataset: a custom dataset needs a callback, a count of 0 or more (it is %lld) and examples of rank "
                 "0 to %d (it is %d)",
                 (long long)count, TN_MAX_RANK - 1, rank);
        return false;
    }
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || __builtin_mul_overflow(bytes, dims[i], &bytes)) {
            tn_raise(tn, TN_INVALID, "dataset: dim %d of an example is %lld: negative, or too large with the others", i,
                     (long long)dims[i]);
            return false;
        }
    return true;
}

tn_dataset *tn_dataset_custom(tn_context *tn, int64_t count, int rank, const int64_t *dims, tn_item_fn item, void *arg)
{
    if (!check_custom(tn, count, rank, dims, item)) return NULL;
    tn_dataset *data = new_dataset(tn, count, rank, dims);
    if (!data) return NULL;
    data->item = item;
    data->arg = arg;
    return data;
}

int64_t tn_dataset_count(const tn_dataset *data)
{
    return data ? data->count : 0;
}

void tn_dataset_normalize(tn_dataset *data, double mean, double std)
{
    if (!data) return;
    if (!isfinite(mean) || !isfinite(std) || std <= 0) {
        tn_raise(data->tn, TN_INVALID, "normalize: mean is %g and std %g; both must be finite and std greater than 0",
                 mean, std);
        return;
    }
    data->scale = 1 / (255 * std);
    data->shift = -mean / std;
}

bool tn__dataset_fits(const tn_dataset *data)
{
    const char *device = tn_default_device(data->tn);
    if (data->item) return false;
    if (data->images && strcmp(tn_device_of(data->images), device) == 0) return true;
    tn_memory memory = tn_memory_stats(data->tn, device);
    uint64_t unused = memory.total > memory.reserved ? memory.total - memory.reserved : 0;
    uint64_t bytes = (uint64_t)data->count * ((uint64_t)data->example_bytes + sizeof(int64_t));
    return memory.total == 0 || bytes <= unused / 2; /* the other half is for the model */
}

static tn_tensor *images_from_host(const tn_dataset *data)
{
    int64_t dims[TN_MAX_RANK] = {data->count};
    memcpy(dims + 1, data->dims, sizeof *dims * (size_t)data->rank);
    return tn_from(data->tn, data->host_images, TN_U8, data->rank + 1, dims);
}

bool tn__dataset_to_device(tn_dataset *data)
{
    tn_context *tn = data->tn;
    const char *device = tn_default_device(tn);
    tn_mark mark = tn_begin(tn);
    tn_tensor *images = data->images ? tn_to(data->images, device) : images_from_host(data);
    tn_tensor *labels = data->labels ? tn_to(data->labels, device)
                                     : tn_from(tn, data->host_labels, TN_I64, 1, (const int64_t[]){data->count});
    images = tn_contiguous(images);
    labels = tn_contiguous(labels);
    bool good = !tn_is_nil(images) && !tn_is_nil(labels);
    if (good) hold(data, images, labels);
    tn_end(tn, mark, NULL);
    return good;
}

bool tn__dataset_to_host(tn_dataset *data)
{
    if (data->item || data->host_images) return true;
    size_t image_bytes = (size_t)data->count * (size_t)data->example_bytes;
    size_t label_bytes = (size_t)data->count * sizeof(int64_t);
    data->host_images = malloc(image_bytes + 1); /* never NULL for being empty */
    data->host_labels = malloc(label_bytes + 1);
    if (!data->host_images || !data->host_labels)
        tn_raise(data->tn, TN_OUT_OF_MEMORY, "dataset: no memory for %zu bytes on the host", image_bytes + label_bytes);
    else if (tn_read(data->images, data->host_images, image_bytes) == TN_OK &&
             tn_read(data->labels, data->host_labels, label_bytes) == TN_OK) {
        drop_tensors(data);
        return true;
    }
    drop_host(data);
    return false;
}

int tn__dataset_item(const tn_dataset *data, int64_t i, uint8_t *image, int64_t *label)
{
    if (data->item) return data->item(data->arg, i, image, label);
    if (data->example_bytes > 0)
        memcpy(image, data->host_images + i * data->example_bytes, (size_t)data->example_bytes);
    *label = data->host_labels[i];
    return 0;
}
