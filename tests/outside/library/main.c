/* SPDX-License-Identifier: Apache-2.0
 *
 * Computes relu on the backend that the argument names, and says where it ran. */
#include <stdio.h>

#include <tenon.h>

int main(int argc, char **argv)
{
    tn_context *tn = tn_open(argc > 1 ? argv[1] : NULL);
    const float values[] = {-1, 0, 2.5F, -3};
    tn_print(tn_relu(tn_from(tn, values, TN_F32, TN_SHAPE(2, 2))));
    int n;
    const tn_placement *placed = tn_placements(tn, &n);
    for (int i = 0; i < n; i++) printf("%s on %s\n", placed[i].op, placed[i].device);
    return tn_close(tn);
}
