/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of a pooled convolution, shared by the ways to compute it. Include simd.h first. */
#ifndef DN_LARGEST_H
#define DN_LARGEST_H

DN_INLINE dn_vec choose(dn_mask mask, dn_vec yes, dn_vec no)
{
    return (dn_vec)(((dn_mask)yes & mask) | ((dn_mask)no & ~mask));
}

/* The first n lanes of relu(the largest of four) and of which it is: the first such, NaN before all. */
DN_INLINE void store_largest(const dn_vec *four, int64_t n, float *y, uint8_t *index)
{
    dn_vec best = four[0];
    dn_mask which = {0};
    for (int k = 1; k < 4; k++) {
        const dn_vec x = four[k];
        const dn_mask wins = ~(x <= best) & (best == best);
        best = choose(wins, x, best);
        which = (which & ~wins) | (wins & k);
    }
    best = (dn_vec)((dn_mask)best & ~(best <= 0));
    dn_store_some(y, best, n);
    dn_store_bytes(index, which, n);
}

#endif
