/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors: making, looking, computing. */
#include "tenon.h"

int main(void)
{
    tn_context *tn = tn_open(NULL);

    tn_tensor *x = tn_from(tn, (int64_t[]){1, 2, 3, 4, 5, 6}, TN_I64, TN_SHAPE(2, 3));
    tn_print(x);

    tn_tensor *y = tn_ones(tn, TN_F32, TN_SHAPE(3, 2));
    tn_print(tn_matmul(tn_cast(x, TN_F32), y));

    /* Views share memory: nothing is copied here. */
    tn_print(tn_transpose(x, 0, 1));

    /* Errors are sticky. This addition fails, the sum passes the failure on, and the first message is kept. */
    tn_sum(tn_add(x, y), TN_ALL, false);
    printf("%s\n", tn_message(tn));
    tn_clear(tn);

    return tn_close(tn);
}
