/* SPDX-License-Identifier: Apache-2.0
 *
 * one_hot: each index becomes a row of zeros with a one. */
#include "ops/index.h"

#include <string.h>

static tn_status run(const tn_run *run, tn_error *error)
{
    const int64_t *index = run->in[0], n = tn_desc_numel(run->in_desc[0]);
    const int64_t classes = ((const tn_one_hot_attrs *)run->attrs)->classes;
    int64_t *y = run->out[0];
    tn_status status = tn__check_index("index", index, n, classes, "classes", error);
    if (status != TN_OK || n == 0) return status;
    memset(y, 0, (size_t)(n * classes) * sizeof *y);
    for (int64_t i = 0; i < n; i++) y[i * classes + index[i]] = 1;
    return TN_OK;
}

static bool infer(tn_infer *infer)
{
    int64_t classes = ((const tn_one_hot_attrs *)infer->attrs)->classes;
    tn_tensor_desc *y = &infer->out[0];
    if (classes < 1) {
        tn_raise(infer->ctx, TN_INVALID, "one_hot: the number of classes must be at least 1, but is %lld",
                 (long long)classes);
        return false;
    }
    if (y->rank <= TN_MAX_RANK) y->dims[y->rank - 1] = classes; /* else one dim too many: the engine refuses it */
    return true;
}

const tn_op tn__op_one_hot = {
    .name = "one_hot",
    .infer = infer,
    .run = run,
    .samples = TN_SAMPLES("index[4]{0,10}; classes=10", "index[3]{0,1}; classes=1", "index[2,3]; classes=7",
                          "index[]; classes=5", "index[5]{0,1000}; classes=1000", "index[0]; classes=4"),
};

tn_tensor *tn_one_hot(tn_tensor *index, int64_t classes)
{
    tn_one_hot_attrs attrs = {sizeof attrs, classes};
    return TN_APPLY(tn_context_of(index), one_hot, &attrs, index);
}
