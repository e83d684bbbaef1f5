/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 1: memory, streams, and that executions keep to what is theirs. */
#include "parts.h"

const conform_check conform_level1[] = {
    {"memory.kinds", "memory of all kinds and sizes is there, aligned as the device promises", conform_memory_kinds,
     false},
    {"memory.apart", "blocks do not overlap", conform_memory_apart, false},
    {"memory.copies",
     "copies of odd sizes between odd addresses arrive whole in all directions, and nothing else changes",
     conform_memory_copies, false},
    {"memory.fills", "fills of odd sizes at odd addresses arrive whole, and nothing else changes", conform_memory_fills,
     false},
    {"memory.exhausted", "more memory than there is is TN_OUT_OF_MEMORY with a message, and all works on",
     conform_memory_exhausted, false},
    {"memory.info", "no more memory is free than there is", conform_memory_info, false},
    {"streams.order", "work on one stream is done in its order", conform_stream_order, false},
    {"streams.sync", "stream_sync returns when the work is done", conform_stream_sync, false},
    {"streams.destroy", "stream_destroy waits for the stream", conform_stream_destroy, false},
    {"streams.many", "many streams work side by side", conform_stream_many, false},
    {"events.query", "event_query says that an event is reached when what came before is done", conform_event_query,
     false},
    {"events.wait", "event_wait makes one stream wait for another", conform_event_wait, false},
    {"events.elapsed", "the time between two events is not longer than the clock's, and not 0", conform_event_elapsed,
     false},
    {"execute.samples",
     "on all samples, execute writes to its outputs and to the workspace that its plan asked for, and nowhere else; it "
     "takes nothing from host->alloc, and leaves the process as it is",
     conform_execute_samples, false},
    {"execute.gaps", "gaps between the elements of a strided output stay as they are", conform_execute_gaps, false},
    {"execute.longer_bindings", "bindings of a newer core, with more fields, are executed like others",
     conform_execute_newer, false},
    {"execute.order", "executions on one stream are done in its order", conform_execute_order, false},
    {0},
};
