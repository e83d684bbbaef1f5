/* SPDX-License-Identifier: Apache-2.0
 *
 * Records what is queued on any stream. */
#include "vendor.h"

NOTE;

static tn_stream *recorded;

static tn_status begin(tn_device *device, tn_stream *stream, tn_error *error)
{
    recorded = stream;
    return vendor_graph_begin(device, stream, error);
}

static tn_status memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                             tn_error *error)
{
    return vendor_memory_fill(device, recorded && recorded->recording ? recorded : stream, memory, byte, bytes, error);
}

static tn_status end(tn_device *device, tn_stream *stream, tn_graph **graph, tn_error *error)
{
    recorded = NULL;
    return vendor_graph_end(device, stream, graph, error);
}

QUERY
{
    vendor_graph.begin = begin;
    vendor_graph.end = end;
    vendor.memory_fill = memory_fill;
    return vendor_query(host, plugin, error);
}
