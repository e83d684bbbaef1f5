/* SPDX-License-Identifier: Apache-2.0
 *
 * Computes what it recorded with the inputs of then. */
#include "vendor.h"

NOTE;

static tn_status end(tn_device *device, tn_stream *stream, tn_graph **graph, tn_error *error)
{
    const tn_status status = vendor_graph_end(device, stream, graph, error);
    for (uint64_t i = 0; status == TN_OK && i < (*graph)->n; i++) {
        vendor_job *job = &(*graph)->jobs[i];
        if (!job->plan || job->plan->n_in != 2) continue;
        const uint64_t bytes = (uint64_t)tn_desc_numel(&job->plan->desc[0]) * sizeof(float);
        void *copy = malloc(bytes);
        if (copy) job->data[0] = memcpy(copy, job->data[0], bytes);
    }
    return status;
}

QUERY
{
    vendor_graph.end = end;
    return vendor_query(host, plugin, error);
}
