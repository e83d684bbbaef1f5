/* SPDX-License-Identifier: Apache-2.0
 *
 * A first network: 784 pixels, 128 hidden units, 10 digits. Three epochs reach 95 % of MNIST's test images and more.
 * Run `tenon data fetch mnist` before. */
#include "tenon.h"

static tn_tensor *forward(tn_module *net, tn_tensor *x)
{
    x = tn_flatten(x, 1, -1);
    x = tn_relu(tn_nn_forward(tn_nn_child(net, "fc1"), x));
    return tn_nn_forward(tn_nn_child(net, "fc2"), x);
}

static tn_module *simplenet(tn_context *tn)
{
    tn_module *net = tn_nn_module(tn, "SimpleNet", forward, NULL);
    tn_nn_add(net, "fc1", tn_nn_linear(tn, 28 * 28, 128, true));
    tn_nn_add(net, "fc2", tn_nn_linear(tn, 128, 10, true));
    return net;
}

/* One batch; false after the last one of an epoch. What the step makes is freed at its end. */
static bool train_step(tn_context *tn, tn_loader *batches, tn_module *net, tn_optimizer *optimizer)
{
    tn_mark mark = tn_begin(tn);
    tn_batch batch;
    bool more = tn_loader_next(batches, &batch);
    if (more) {
        tn_optim_zero_grad(optimizer);
        tn_backward(tn_cross_entropy(tn_nn_forward(net, batch.x), batch.y));
        tn_optim_step(optimizer);
    }
    tn_end(tn, mark, NULL);
    return more;
}

/* The same for testing: counts the digits that the network gets right. */
static bool test_step(tn_context *tn, tn_loader *batches, tn_module *net, double *right)
{
    tn_mark mark = tn_begin(tn);
    tn_batch batch;
    bool more = tn_loader_next(batches, &batch);
    if (more) {
        tn_tensor *guess = tn_argmax(tn_nn_forward(net, batch.x), 1, false);
        *right += tn_item(tn_sum(tn_cast(tn_eq(guess, batch.y), TN_F32), TN_ALL, false));
    }
    tn_end(tn, mark, NULL);
    return more;
}

int main(void)
{
    tn_context *tn = tn_open(NULL);
    tn_manual_seed(tn, 1);

    tn_dataset *train = tn_mnist(tn, NULL, true), *test = tn_mnist(tn, NULL, false);
    tn_loader *batches = tn_loader_open(train, &(tn_loader_options){.batch_size = 64, .shuffle = true});
    tn_module *net = simplenet(tn);
    tn_optimizer *optimizer = tn_optim_adam(net, &(tn_adam_options){.lr = 0.01});
    tn_scheduler *schedule = tn_lr_step(optimizer, 30, 0.1);

    for (int epoch = 0; epoch < 3; epoch++) {
        while (train_step(tn, batches, net, optimizer)) continue;
        tn_lr_advance(schedule);
    }

    tn_set_grad_enabled(tn, false);
    double right = 0;
    tn_loader *tests = tn_loader_open(test, &(tn_loader_options){.batch_size = 1000});
    while (test_step(tn, tests, net, &right)) continue;
    if (tn_check(tn) == TN_OK) printf("SimpleNet: %.2f %% of 10,000 test images\n", right / 100);
    return tn_close(tn);
}
