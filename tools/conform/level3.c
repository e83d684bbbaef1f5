/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 3: training, with the reference backend as oracle: it is held to PyTorch's losses by Tenon's own tests. */
#include "level3.h"

bool level3_takes_part(conform_run *run, tn_context *candidate)
{
    int n;
    const tn_placement *rows = tn_placements(candidate, &n);
    for (int i = 0; i < n; i++)
        if (!rows[i].fell_back) return true;
    conform_skip(run, "all %d operators that it takes fall back to the reference backend", n);
    return false;
}

/* clang-format off */
const conform_check conform_level3[] = {
    {"train.graphs", "values and gradients of random small graphs are those of the reference backend in f64", level3_graphs, false},
    {"train.simplenet_sgd", "SimpleNet learns with SGD, and its losses stay as near to the reference's as rounding explains", level3_simplenet_sgd, false},
    {"train.simplenet_adam", "the same with Adam", level3_simplenet_adam, false},
    {"train.convnet_sgd", "ConvNet learns with SGD, and its losses stay as near to the reference's as rounding explains", level3_convnet_sgd, false},
    {"train.convnet_adam", "the same with Adam", level3_convnet_adam, false},
    {0},
};
/* clang-format on */
