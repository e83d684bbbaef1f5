/* SPDX-License-Identifier: Apache-2.0
 *
 * The GPU's part is whole: it has every operator of the catalogue, and takes whatever sample and dtype the reference
 * backend, or the decomposition there, takes. Nothing may fall back. */
#include "alike.h"

#include <stdio.h>

static void it_has_every_operator(void **state)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    (void)state;
    for (int i = 0; i < n; i++)
        if (!tn_backend_has_op(backend, ops[i].name)) fail_msg("%s is not there", ops[i].name);
}

static tn_status run(tn_context *tn, const char *op, const char *sample, tn_dtype dtype, char *why, size_t size)
{
    tn_op_call *call = tn_op_call_open(tn, op, sample, &(tn_op_call_options){.batch = 2, .dtype = dtype});
    tn_status status = call ? tn_op_call_run(call) : tn_check(tn);
    snprintf(why, size, "%s", tn_message(tn));
    tn_clear(tn);
    tn_op_call_close(call);
    return status;
}

static void it_takes_what_the_reference_takes(void **state)
{
    int n, ran = 0;
    const tn_op_status *ops = tn_ops(&n);
    tn_context *reference = tn_open("reference"), *gpu = tn_open(backend);
    (void)state;
    assert_good(gpu);
    for (int i = 0; i < n; i++)
        for (const char *const *sample = ops[i].samples; *sample; sample++)
            for (tn_dtype dtype = TN_F32; dtype <= TN_BOOL; dtype++) {
                char why[1000];
                if (run(reference, ops[i].name, *sample, dtype, why, sizeof why) != TN_OK) continue;
                if (run(gpu, ops[i].name, *sample, dtype, why, sizeof why) != TN_OK)
                    fail_msg("%s, \"%s\", %s: %s", ops[i].name, *sample, tn_dtype_name(dtype), why);
                ran++;
            }
    assert_false(tn_fell_back(gpu));
    assert_true(ran > 4 * n);
    assert_int_equal(tn_close(reference), 0);
    assert_int_equal(tn_close(gpu), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_every_operator),
        cmocka_unit_test(it_takes_what_the_reference_takes),
    };
    backend = argc > 1 ? argv[1] : "gpu_host32";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
