/* SPDX-License-Identifier: Apache-2.0
 *
 * What tn_program_dump promises: every operator, all memory by name, and where temporaries lie. */
#include <stdlib.h>

#include "check.h"

typedef struct step_state {
    tn_tensor *w;
} step_state;

/* The mean of a product, and its gradient for w. */
static void step(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    step_state *state = arg;
    tn_context *tn = tn_context_of(in[0]);
    float four[] = {1, 2, 3, 4};
    tn_set_grad(state->w, NULL);
    tn_tensor *x = tn_mul(tn_relu(tn_add_scalar(in[0], 1.5)), tn_from(tn, four, TN_F32, TN_SHAPE(4)));
    out[0] = tn_mean(tn_matmul(tn_transpose(x, 0, 1), state->w), TN_ALL, false);
    tn_backward(out[0]);
}

static char *dumped(tn_program *program, bool before)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    tn_program_dump(program, out, before);
    fclose(out);
    return text;
}

static void assert_says(const char *text, const char *phrase)
{
    if (!strstr(text, phrase)) fail_msg("\"%s\" is not in\n%s", phrase, text);
}

static tn_program *program_of(tn_context *tn, step_state *state)
{
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(3, 4)), *loss;
    state->w = tn_requires_grad(tn_ones(tn, TN_F32, TN_SHAPE(3, 2)), true);
    tn_program *program = tn_program_open(tn, "dumped", step, state, 1, 1);
    for (int i = 0; i < 2; i++) tn_program_run(program, &x, &loss);
    assert_good(tn);
    return program;
}

static void a_recording_is_printed_as_it_was_made(void **state)
{
    step_state s;
    char *text = dumped(program_of(*state, &s), true);
    assert_says(text, "program dumped: 1 recording, as recorded");
    assert_says(text, "gradients enabled, 2 runs");
    assert_says(text, "in0    f32[3,4]\n");
    assert_says(text, "p0     f32[3,2]  parameter");
    assert_says(text, "g0     f32[3,2]  gradient of p0  written");
    assert_says(text, "c0     f32[4]  constant");
    assert_says(text, "1  %0 = add_scalar(in0)  value=1.5 ");
    assert_says(text, "%2 as [4,3] strides 1,4 = permute(%2)  view");
    assert_says(text, "fill(%");
    assert_says(text, "!)  value=1 ");
    assert_says(text, "result 0 is out0");
    free(text);
}

static void a_replay_is_printed_with_places_and_implementations(void **state)
{
    step_state s;
    tn_program *program = program_of(*state, &s);
    char *text = dumped(program, false), *rest = text;
    assert_says(text, "as replayed");
    assert_says(text, "  @");
    assert_says(text, "workspace @0..");
    assert_says(text, "in place of %0");
    assert_says(text, "%2 as [4,3] strides 1,4, p0)");
    assert_null(strstr(text, "permute"));
    tn_program_stats stats = tn_program_look(program);
    char expected[100];
    snprintf(expected, sizeof expected, "%d operators recorded, %d replayed;", stats.recorded_ops, stats.ops);
    assert_says(text, expected);
    for (char *end; (end = strchr(rest, '\n')); rest = end + 1) assert_true(end - rest <= 160);
    free(text);
}

static void nothing_is_dumped_of_nothing(void **state)
{
    step_state s = {0};
    tn_program_dump(NULL, stdout, true);
    char *text = dumped(tn_program_open(*state, "fresh", step, &s, 1, 1), false);
    assert_string_equal(text, "program fresh: 0 recordings, as replayed\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_recording_is_printed_as_it_was_made),
        TEST(a_replay_is_printed_with_places_and_implementations),
        TEST(nothing_is_dumped_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
