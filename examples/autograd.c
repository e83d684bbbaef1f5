/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients: y = x * x + 3 has the slope 4 at x = 2, and the slope changes by 2 per unit of x. */
#include "tenon.h"

static tn_tensor *f(tn_tensor *x)
{
    return tn_add_scalar(tn_mul(x, x), 3);
}

int main(void)
{
    tn_context *tn = tn_open(NULL);
    tn_tensor *x = tn_requires_grad(tn_scalar(tn, TN_F32, 2), true);

    tn_tensor *y = f(x);
    tn_backward(y);
    printf("y = %g, dy/dx = %g\n", tn_item(y), tn_item(tn_grad_of(x)));

    /* A gradient made with create_graph can itself be differentiated. */
    tn_tensor *slope, *curvature;
    tn_grad_for(f(x), NULL, 1, &x, &slope, false, true);
    tn_grad_for(slope, NULL, 1, &x, &curvature, false, false);
    printf("d2y/dx2 = %g\n", tn_item(curvature));

    return tn_close(tn);
}
