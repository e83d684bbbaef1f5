/* SPDX-License-Identifier: Apache-2.0 */
#include <tenon.h>

int main(void)
{
    tn_context *tn = tn_open("auto"); /* the best backend there is */
    tn_dataset *images = tn_mnist(tn, NULL, true);
    tn_loader *loader = tn_loader_open(images, &(tn_loader_options){.batch_size = 64, .shuffle = true});
    tn_module *model = tn_nn_sequential(tn, tn_nn_flatten(tn), tn_nn_linear(tn, 784, 128, true), tn_nn_relu(tn),
                                        tn_nn_linear(tn, 128, 10, true), NULL);
    tn_optimizer *adam = tn_optim_adam(model, NULL);
    for (tn_batch batch;;) {
        tn_mark step = tn_begin(tn); /* what is made from here on ... */
        if (!tn_loader_next(loader, &batch)) break;
        tn_tensor *loss = tn_cross_entropy(tn_nn_forward(model, batch.x), batch.y);
        tn_optim_zero_grad(adam);
        tn_backward(loss);
        tn_optim_step(adam);
        if (batch.index % 100 == 0) printf("step %lld: loss %.3f\n", (long long)batch.index, tn_item(loss));
        tn_end(tn, step, NULL); /* ... is freed here */
    }
    return tn_close(tn); /* prints the first error, if there was one */
}
