/* SPDX-License-Identifier: Apache-2.0
 *
 * Loss and accuracy of a model on a test set. The sums stay on the device until the end of the pass. */
#include "tool.h"

enum { BATCH = 1000 };

tn_loader *tool_test_loader(tn_dataset *data)
{
    return data ? tn_loader_open(data, &(tn_loader_options){.batch_size = BATCH}) : NULL;
}

/* sums += {loss, number of right answers} of the batch. */
static void add_batch(tn_module *model, const tn_batch *batch, tn_tensor *loss_sum, tn_tensor *right_sum)
{
    tn_tensor *logits = tn_nn_forward(model, batch->x);
    tn_tensor *loss = tn_cross_entropy(logits, batch->y);
    tn_tensor *right = tn_eq(tn_argmax(logits, 1, false), batch->y);
    tn_copy_(loss_sum, tn_add(loss_sum, tn_mul_scalar(loss, (double)batch->n)));
    tn_copy_(right_sum, tn_add(right_sum, tn_sum(tn_cast(right, TN_F32), TN_ALL, false)));
}

static tool_score pass(tn_module *model, tn_loader *loader, const volatile sig_atomic_t *stop)
{
    tn_context *tn = tn_nn_context(model);
    tn_tensor *loss_sum = tn_zeros(tn, TN_F32, TN_SCALAR), *right_sum = tn_zeros(tn, TN_F32, TN_SCALAR);
    int64_t seen = 0;
    tn_loader_seek(loader, 0, 0);
    while (!*stop && tn_check(tn) == TN_OK) {
        tn_batch batch;
        tn_mark mark = tn_begin(tn);
        bool more = tn_loader_next(loader, &batch);
        if (more) {
            add_batch(model, &batch, loss_sum, right_sum);
            seen += batch.n;
        }
        tn_end(tn, mark, NULL);
        if (!more) break;
    }
    double count = seen ? (double)seen : 1;
    return (tool_score){.loss = tn_item(loss_sum) / count, .accuracy = tn_item(right_sum) / count};
}

tool_score tool_evaluate(tn_module *model, tn_loader *loader, const volatile sig_atomic_t *stop)
{
    tn_context *tn = tn_nn_context(model);
    bool was_training = tn_nn_is_training(model), was_recording = tn_set_grad_enabled(tn, false);
    tn_mark mark = tn_begin(tn);
    tn_nn_train(model, false);
    tool_score score = pass(model, loader, stop);
    tn_nn_train(model, was_training);
    tn_end(tn, mark, NULL);
    tn_set_grad_enabled(tn, was_recording);
    return score;
}
