/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of one operator on one of its samples. An "image" is a call. */
#include "bench/measure/worker.h"

static const char *text(const bench_worker *w, const char *key)
{
    const char *value = json_string_value(json_object_get(w->config, key));
    return value ? value : "";
}

static void open(bench_worker *w)
{
    double start = tool_now();
    w->call = tn_op_call_open(w->tn, text(w, "op"), text(w, "sample"),
                              &(tn_op_call_options){.batch = w->batch_size, .dtype = w->dtype});
    w->data_time = tool_now() - start;
}

static int64_t step(bench_worker *w)
{
    return tn_op_call_run(w->call) == TN_OK;
}

const bench_work bench_work_op = {"op", open, step, NULL, NULL, NULL};
