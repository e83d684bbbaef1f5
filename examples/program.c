/* SPDX-License-Identifier: Apache-2.0
 *
 * A training step as a program, and the trained model as a file that run_program.c runs. */
#include <tenon.h>

typedef struct trainer {
    tn_module *model;
    tn_optimizer *adam;
} trainer;

static void step(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    trainer *t = arg;
    tn_optim_zero_grad(t->adam);
    out[0] = tn_cross_entropy(tn_nn_forward(t->model, in[0]), in[1]);
    tn_backward(out[0]);
    tn_optim_step(t->adam);
}

static void infer(void *model, tn_tensor *const *in, tn_tensor **out)
{
    out[0] = tn_nn_forward(model, in[0]);
}

int main(int argc, char **argv)
{
    tn_context *tn = tn_open(NULL);
    tn_loader *loader =
        tn_loader_open(tn_mnist(tn, NULL, true), &(tn_loader_options){.batch_size = 64, .shuffle = true});
    tn_module *model = tn_nn_model(tn, "simplenet");
    trainer t = {model, tn_optim_adam(model, NULL)};

    tn_program *training = tn_program_open(tn, "training", step, &t, 2, 1);
    for (tn_batch batch;;) {
        tn_mark mark = tn_begin(tn);
        tn_tensor *loss;
        if (!tn_loader_next(loader, &batch)) break;
        tn_program_run(training, (tn_tensor *[]){batch.x, batch.y}, &loss);
        if (batch.index % 100 == 0) printf("step %lld: loss %.3f\n", (long long)batch.index, tn_item(loss));
        tn_end(tn, mark, NULL);
    }

    tn_nn_train(model, false);
    tn_program *inference = tn_program_open(tn, "simplenet", infer, model, 1, 1);
    tn_tensor *scores, *image = tn_zeros(tn, TN_F32, TN_SHAPE(1, 1, 28, 28));
    tn_program_run(inference, &image, &scores); /* records it; any number of images may come later */
    tn_program_save(inference, argc > 1 ? argv[1] : "simplenet.tnp", model);
    return tn_close(tn);
}
