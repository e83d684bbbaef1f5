/* SPDX-License-Identifier: Apache-2.0
 *
 * How long operators take: by the clock where work is done when a call returns, by the device's own events where it is
 * not. The events are made on first use; one pair serves all operators, since the stream is waited for in between. */
#include "engine/backend.h"

enum { START, END };

void tn_set_profiling(tn_context *tn, bool on)
{
    tn->profiling = on;
}

static bool by_clock(const tn_dev *dev)
{
    return dev->info.flags & TN_DEVICE_SYNCHRONOUS;
}

static tn_status record(tn_dev *dev, int which, tn_error *error)
{
    tn_event **event = &dev->events[which];
    tn_status status = *event ? TN_OK : dev->plugin->event_create(dev->handle, event, error);
    return status == TN_OK ? dev->plugin->event_record(dev->handle, *event, dev->stream, error) : status;
}

tn_status tn__timer_start(tn_dev *dev, uint64_t *start, tn_error *error)
{
    *start = by_clock(dev) ? tn__now() : 0;
    return by_clock(dev) || !dev->ctx->profiling ? TN_OK : record(dev, START, error);
}

tn_status tn__timer_stop(tn_dev *dev, uint64_t start, uint64_t *nanoseconds, tn_error *error)
{
    *nanoseconds = by_clock(dev) ? tn__now() - start : 0;
    if (by_clock(dev) || !dev->ctx->profiling) return TN_OK;
    tn_status status = record(dev, END, error);
    if (status == TN_OK) status = dev->plugin->stream_sync(dev->handle, dev->stream, error);
    if (status != TN_OK) return status;
    return dev->plugin->event_elapsed(dev->handle, dev->events[START], dev->events[END], nanoseconds, error);
}

void tn__timer_release(tn_dev *dev)
{
    for (int i = START; i <= END; i++)
        if (dev->events[i]) dev->plugin->event_destroy(dev->handle, dev->events[i]);
}
