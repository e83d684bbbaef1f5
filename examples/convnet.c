/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolutional network, put together from layers. Two epochs reach 98 % of MNIST's test images and more.
 * Run `tenon data fetch mnist` before. */
#include "tenon.h"

/* clang-format off */
static tn_module *convnet(tn_context *tn)
{
    return tn_nn_sequential(tn,
        tn_nn_conv2d(tn, 1, 32, 3, true, NULL),  tn_nn_relu(tn), tn_nn_max_pool2d(tn, 2), /* 28 -> 26 -> 13 */
        tn_nn_conv2d(tn, 32, 64, 3, true, NULL), tn_nn_relu(tn), tn_nn_max_pool2d(tn, 2), /* 13 -> 11 -> 5 */
        tn_nn_flatten(tn),
        tn_nn_linear(tn, 64 * 5 * 5, 128, true), tn_nn_relu(tn),
        tn_nn_linear(tn, 128, 10, true), NULL);
}
/* clang-format on */

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
    tn_loader *tests = tn_loader_open(test, &(tn_loader_options){.batch_size = 1000});
    tn_module *net = convnet(tn);
    tn_optimizer *optimizer = tn_optim_adam(net, NULL); /* lr 0.001 */
    tn_nn_print(net);

    for (int epoch = 0; epoch < 2; epoch++)
        while (train_step(tn, batches, net, optimizer)) continue;

    double right = 0;
    tn_nn_train(net, false);
    tn_set_grad_enabled(tn, false);
    while (test_step(tn, tests, net, &right)) continue;
    if (tn_check(tn) == TN_OK) printf("ConvNet: %.2f %% of 10,000 test images\n", right / 100);
    return tn_close(tn);
}
