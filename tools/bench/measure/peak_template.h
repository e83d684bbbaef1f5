/* SPDX-License-Identifier: Apache-2.0
 *
 * A loop of independent multiply-adds for one instruction set: PEAK_NAME, PEAK_TYPE, PEAK_BYTES of a vector, and
 * PEAK_TARGET, its attribute. Twelve chains hide the latency of two units, and fit into sixteen registers. */
PEAK_TARGET static double PEAK_NAME(int64_t rounds)
{
    typedef PEAK_TYPE vector __attribute__((vector_size(PEAK_BYTES)));
    enum { CHAINS = 12, LANES = PEAK_BYTES / sizeof(PEAK_TYPE) };
    vector factor = {0}, summand = {0}, chain[CHAINS];
    for (int i = 0; i < (int)LANES; i++) {
        factor[i] = (PEAK_TYPE)0.999;
        summand[i] = (PEAK_TYPE)0.001;
    }
    for (int c = 0; c < CHAINS; c++) chain[c] = summand * (PEAK_TYPE)c;
    for (int64_t round = 0; round < rounds; round++)
        for (int c = 0; c < CHAINS; c++) chain[c] = chain[c] * factor + summand;
    for (int c = 1; c < CHAINS; c++) chain[0] += chain[c];
    kept = (double)chain[0][0]; /* so that the loop is not dropped */
    return 2.0 * CHAINS * (double)LANES * (double)rounds;
}
#undef PEAK_NAME
#undef PEAK_TYPE
#undef PEAK_BYTES
#undef PEAK_TARGET
