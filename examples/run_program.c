/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a program from a file, without the code that made it: run_program simplenet.tnp */
#include <tenon.h>

int main(int argc, char **argv)
{
    tn_context *tn = tn_open(NULL);
    tn_program *program = tn_program_load(tn, argc > 1 ? argv[1] : "simplenet.tnp");
    tn_loader *loader = tn_loader_open(tn_mnist(tn, NULL, false), &(tn_loader_options){.batch_size = 1000});
    int64_t right = 0, seen = 0;
    for (tn_batch batch; tn_loader_next(loader, &batch); seen += batch.n) {
        tn_tensor *scores;
        tn_program_run(program, &batch.x, &scores);
        right += tn_item_i64(tn_sum(tn_eq(tn_argmax(scores, 1, false), batch.y), TN_ALL, false));
    }
    if (seen > 0) printf("right: %.2f %% of %lld images\n", 100 * (double)right / (double)seen, (long long)seen);
    return tn_close(tn);
}
