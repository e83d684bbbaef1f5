/* SPDX-License-Identifier: Apache-2.0
 *
 * The loader: an order for each epoch, and batches along it. A dataset that lies on the device is gathered there, by
 * a slice of the order; of any other the bytes of each batch go over. Both go through gather_scale, so that the same
 * numbers come out. */
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/host_batches.h"
#include "data/shuffle.h"

struct tn_loader {
    tn_context *tn;
    tn_dataset *data;
    tn_loader_options options;
    int64_t batches, epoch, position;
    int64_t *order;             /* of the present epoch */
    tn_tensor *images, *labels; /* retained if the dataset lies on the device, else NULL */
    tn_tensor *index;        /* retained: the order on the device, or 0 ... batch_size - 1; NULL until it is needed */
    tn__host_batches *ahead; /* NULL until it is needed */
};

static void drop(tn_tensor **x)
{
    if (*x) tn_release(*x);
    *x = NULL;
}

static void stop_ahead(tn_loader *loader)
{
    tn__host_batches_close(loader->ahead);
    loader->ahead = NULL;
}

static void release(void *object)
{
    tn_loader *loader = object;
    stop_ahead(loader);
    drop(&loader->images);
    drop(&loader->labels);
    drop(&loader->index);
    free(loader->order);
    free(loader);
}

static void go_to(tn_loader *loader, int64_t epoch, int64_t position)
{
    stop_ahead(loader);
    if (epoch != loader->epoch && loader->options.shuffle) {
        tn__shuffle(loader->order, loader->data->count, loader->options.seed, (uint64_t)epoch);
        if (loader->images) drop(&loader->index);
    }
    loader->epoch = epoch;
    loader->position = position;
}

/* ---- opening */

static bool check_options(tn_context *tn, const tn_dataset *data, const tn_loader_options *options)
{
    if (options->batch_size < 0)
        tn_raise(tn, TN_INVALID, "loader: batch_size is %lld; it must be 1 or more", (long long)options->batch_size);
    else if (options->shuffle && data->count > UINT32_MAX)
        tn_raise(tn, TN_UNSUPPORTED, "loader: %lld examples cannot be shuffled; at most %lld can",
                 (long long)data->count, (long long)UINT32_MAX);
    else
        return true;
    return false;
}

static bool place(tn_loader *loader)
{
    tn_dataset *data = loader->data;
    if (loader->options.keep_on_host || !tn__dataset_fits(data)) return tn__dataset_to_host(data);
    if (!tn__dataset_to_device(data)) return false;
    loader->images = tn_retain(data->images); /* the dataset may move on */
    loader->labels = tn_retain(data->labels);
    return true;
}

tn_loader *tn_loader_open(tn_dataset *data, const tn_loader_options *options)
{
    static const tn_loader_options defaults;
    if (!data) return NULL;
    if (!options) options = &defaults;
    tn_context *tn = data->tn;
    if (!check_options(tn, data, options)) return NULL;
    tn_loader *loader = calloc(1, sizeof *loader);
    int64_t *order = calloc((size_t)data->count + 1, sizeof *order);
    if (!loader || !order) {
        free(loader);
        free(order);
        tn_raise(tn, TN_OUT_OF_MEMORY, "loader: no memory for the order of %lld examples", (long long)data->count);
        return NULL;
    }
    *loader = (tn_loader){.tn = tn, .data = data, .options = *options, .order = order, .epoch = -1};
    if (options->batch_size == 0) loader->options.batch_size = 1;
    if (options->prefetch == 0) loader->options.prefetch = 2;
    int64_t size = loader->options.batch_size;
    loader->batches = data->count / size + (!options->drop_last && data->count % size > 0);
    for (int64_t i = 0; i < data->count; i++) order[i] = i;
    tn_on_close(tn, release, loader);
    go_to(loader, 0, 0);
    return place(loader) ? loader : NULL;
}

/* ---- batches */

static bool upload_index(tn_loader *loader, int64_t count)
{
    tn_context *tn = loader->tn;
    tn_mark mark = tn_begin(tn);
    tn_tensor *index =
        loader->images ? tn_from(tn, loader->order, TN_I64, 1, &count) : tn_arange(tn, TN_I64, 0, (double)count, 1);
    bool good = !tn_is_nil(index);
    if (good) {
        drop(&loader->index);
        loader->index = tn_retain(index);
    }
    tn_end(tn, mark, NULL);
    return good;
}

static bool device_batch(tn_loader *loader, tn_raw_batch *raw)
{
    if (!loader->index && !upload_index(loader, loader->data->count)) return false;
    raw->images = loader->images;
    raw->labels = loader->labels;
    raw->rows = tn_narrow(loader->index, 0, raw->index * loader->options.batch_size, raw->n);
    return true;
}

static const tn__host_batch *take(tn_loader *loader)
{
    tn_loader_options *options = &loader->options;
    if (!loader->ahead)
        loader->ahead = tn__host_batches_open(loader->data, loader->order, options->batch_size, loader->position,
                                              loader->batches, options->prefetch);
    if (!loader->ahead) {
        tn_raise(loader->tn, TN_OUT_OF_MEMORY, "loader: no memory to prepare batches of %lld examples of %lld bytes",
                 (long long)options->batch_size, (long long)loader->data->example_bytes);
        return NULL;
    }
    return tn__host_batches_take(loader->ahead);
}

static bool host_batch(tn_loader *loader, tn_raw_batch *raw)
{
    const tn_dataset *data = loader->data;
    const tn__host_batch *host = take(loader);
    if (!host) return false;
    if (host->failed >= 0) {
        tn_raise(loader->tn, TN_IO, "loader: the dataset's callback failed on example %lld: it returned %d",
                 (long long)host->failed, host->code);
        return false;
    }
    /* All batches but the last are of one size; the default device may have changed since the one before. */
    int64_t most = loader->options.batch_size < data->count ? loader->options.batch_size : data->count;
    bool elsewhere = loader->index && strcmp(tn_device_of(loader->index), tn_default_device(loader->tn)) != 0;
    if ((!loader->index || elsewhere) && !upload_index(loader, most)) return false;
    int64_t dims[TN_MAX_RANK] = {host->n};
    memcpy(dims + 1, data->dims, sizeof *dims * (size_t)data->rank);
    raw->images = tn_from(loader->tn, host->images, TN_U8, data->rank + 1, dims);
    raw->labels = tn_from(loader->tn, host->labels, TN_I64, 1, dims);
    raw->rows = tn_narrow(loader->index, 0, 0, host->n);
    return true;
}

tn_batch tn_loader_decode(const tn_loader *loader, const tn_raw_batch *raw)
{
    const tn_dataset *data = loader->data;
    return (tn_batch){.x = tn_gather_scale(raw->images, raw->rows, data->scale, data->shift),
                      .y = tn_index_select(raw->labels, raw->rows),
                      .n = tn_dim(raw->rows, 0),
                      .index = raw->index};
}

/* The next one is at hand, which may still fail; false at the end of the epoch and on error. */
static bool has_next(tn_loader *loader)
{
    if (!loader || tn_check(loader->tn) != TN_OK) return false;
    if (tn_is_recording(loader->tn)) {
        tn_raise(
            loader->tn, TN_UNSUPPORTED,
            "loader: the host chooses the next batch, so a program that is being recorded cannot: choose it before the "
            "run and give it as an input");
        return false;
    }
    if (loader->position >= loader->batches) {
        go_to(loader, loader->epoch + 1, 0);
        return false;
    }
    return true;
}

static bool make_raw(tn_loader *loader, tn_raw_batch *raw)
{
    int64_t size = loader->options.batch_size, left = loader->data->count - loader->position * size;
    *raw = (tn_raw_batch){.n = left < size ? left : size, .index = loader->position};
    return (loader->images ? device_batch(loader, raw) : host_batch(loader, raw)) && tn_check(loader->tn) == TN_OK;
}

/* Moves on, unless something failed: then a later call begins with this batch again. */
static bool give(tn_loader *loader, bool good)
{
    good = good && tn_check(loader->tn) == TN_OK;
    if (good)
        loader->position++;
    else
        stop_ahead(loader);
    return good;
}

bool tn_loader_next_raw(tn_loader *loader, tn_raw_batch *raw)
{
    *raw = (tn_raw_batch){0};
    if (!has_next(loader)) return false;
    if (give(loader, make_raw(loader, raw))) return true;
    *raw = (tn_raw_batch){0};
    return false;
}

bool tn_loader_next(tn_loader *loader, tn_batch *batch)
{
    tn_raw_batch raw;
    *batch = (tn_batch){0};
    if (!has_next(loader)) return false;
    tn_mark mark = tn_begin(loader->tn);
    bool good = make_raw(loader, &raw);
    if (good) *batch = tn_loader_decode(loader, &raw);
    tn_end(loader->tn, mark, batch->x, batch->y, NULL);
    if (give(loader, good)) return true;
    *batch = (tn_batch){0};
    return false;
}

/* ---- looking and seeking */

int64_t tn_loader_batches(const tn_loader *loader)
{
    return loader ? loader->batches : 0;
}

int64_t tn_loader_epoch(const tn_loader *loader)
{
    return loader ? loader->epoch : 0;
}

int64_t tn_loader_position(const tn_loader *loader)
{
    return loader ? loader->position : 0;
}

void tn_loader_seek(tn_loader *loader, int64_t epoch, int64_t position)
{
    if (!loader) return;
    if (epoch < 0 || position < 0 || position > loader->batches) {
        tn_raise(loader->tn, TN_INVALID, "loader: cannot seek to batch %lld of epoch %lld: an epoch has %lld batches",
                 (long long)position, (long long)epoch, (long long)loader->batches);
        return;
    }
    go_to(loader, epoch, position);
}

const int64_t *tn_loader_order(const tn_loader *loader, int64_t *count)
{
    if (count) *count = loader ? loader->data->count : 0;
    return loader ? loader->order : NULL;
}
