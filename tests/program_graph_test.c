/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs on a device that has the extension tenon.graph: replays are launches of one graph, and give what the operators
 * would. The device is the sound vendor of bad_plugins/conform, whose streams are threads. */
#include <stdlib.h>

#include "check.h"

static tn_context *open_vendor(void)
{
    tn_context *tn = tn_open("vendor");
    assert_good(tn);
    return tn;
}

/* y = relu(x w + b) + x */
typedef struct layer {
    tn_tensor *w, *b;
} layer;

static void forward(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    const layer *l = arg;
    out[0] = tn_add(tn_relu(tn_add(tn_matmul(in[0], l->w), l->b)), in[0]);
}

static layer make_layer(tn_context *tn)
{
    const float w[] = {1, -1, 2, 0.5f}, b[] = {0.25f, -3};
    return (layer){tn_from(tn, w, TN_F32, TN_SHAPE(2, 2)), tn_from(tn, b, TN_F32, TN_SHAPE(2))};
}

static void assert_result(tn_tensor *y, float x0, float x1)
{
    float found[2], h0 = x0 + 2 * x1 + 0.25f, h1 = -x0 + 0.5f * x1 - 3;
    assert_int_equal(tn_read(y, found, sizeof found), TN_OK);
    if (found[0] != (h0 > 0 ? h0 : 0) + x0 || found[1] != (h1 > 0 ? h1 : 0) + x1)
        fail_msg("of %g, %g came %g, %g", x0, x1, found[0], found[1]);
}

static tn_tensor *pair(tn_context *tn, float x0, float x1)
{
    return tn_from(tn, (float[]){x0, x1}, TN_F32, TN_SHAPE(1, 2));
}

static void run_and_check(tn_program *program, tn_tensor *x, float x0, float x1)
{
    tn_tensor *y = NULL;
    tn_program_run(program, &x, &y);
    assert_result(y, x0, x1);
}

static void a_replay_is_one_launch_and_follows_its_input(void **state)
{
    (void)state;
    tn_context *tn = open_vendor();
    layer l = make_layer(tn);
    tn_program *program = tn_program_open(tn, "layer", forward, &l, 1, 1);
    tn_tensor *x = pair(tn, 1, 2);
    for (int i = 0; i < 6; i++) { /* the same memory, other values */
        tn_write(x, (float[]){(float)i, 8}, 8);
        run_and_check(program, x, (float)i, 8);
    }
    assert_null(tn_program_look(program).not_a_graph);
    tn_tensor *others[] = {pair(tn, -3, 4), pair(tn, 5, -6), pair(tn, 7, 8)};
    for (int i = 0; i < 9; i++)
        run_and_check(program, others[i % 3], (float[]){-3, 5, 7}[i % 3], (float[]){4, -6, 8}[i % 3]);
    run_and_check(program, x, 5, 8);
    assert_null(tn_program_look(program).not_a_graph);
    assert_int_equal(tn_program_look(program).recordings, 1);
    tn_write(l.b, (float[]){1.25f, -3}, 8); /* written anew: the graph reads what lies there now */
    tn_tensor *y = NULL;
    float found[2];
    tn_program_run(program, &others[0], &y);
    assert_int_equal(tn_read(y, found, sizeof found), TN_OK);
    assert_true(found[0] == 6.25f - 3 && found[1] == 2 + 4);
    assert_int_equal(tn_close(tn), 0);
}

/* While it moves it is copied, to memory that is given back once it stays. */
static void an_input_that_stays_again_is_taken_from_where_it_lies(void **state)
{
    (void)state;
    tn_context *tn = open_vendor();
    layer l = make_layer(tn);
    tn_program *program = tn_program_open(tn, "layer", forward, &l, 1, 1);
    tn_tensor *some[] = {pair(tn, -3, 4), pair(tn, 5, -6)}, *y = NULL;
    for (int i = 0; i < 4; i++) run_and_check(program, some[0], -3, 4);
    const uint64_t before = tn_memory_stats(tn, "vendor:0").live;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 7; i++) run_and_check(program, some[i % 2], i % 2 ? 5 : -3, i % 2 ? -6 : 4);
        assert_true(tn_memory_stats(tn, "vendor:0").live > before);
        for (int i = 0; i < 40; i++) { /* whose values change all the same */
            tn_write(some[1], (float[]){(float)i, 2}, 8);
            run_and_check(program, some[1], (float)i, 2);
        }
        assert_int_equal(tn_memory_stats(tn, "vendor:0").live, before);
        tn_write(some[1], (float[]){5, -6}, 8);
    }
    tn_program_run(program, &some[0], &y);
    assert_null(tn_program_look(program).not_a_graph);
    assert_int_equal(tn_program_look(program).recordings, 1);
    assert_int_equal(tn_close(tn), 0);
}

static void profiling_runs_the_operators_and_changes_nothing(void **state)
{
    (void)state;
    tn_context *tn = open_vendor();
    layer l = make_layer(tn);
    tn_program *program = tn_program_open(tn, "layer", forward, &l, 1, 1);
    for (int i = 0; i < 12; i++) {
        tn_mark mark = tn_begin(tn);
        tn_set_profiling(tn, i % 4 == 3);
        tn_tensor *gap = pair(tn, 0, 0); /* so that inputs move */
        run_and_check(program, pair(tn, (float)i, 1), (float)i, 1);
        (void)gap;
        tn_end(tn, mark, NULL);
    }
    assert_null(tn_program_look(program).not_a_graph);
    assert_int_equal(tn_close(tn), 0);
}

/* What was bound for the profiled run is not what the graph is to keep. */
static void a_graph_has_the_inputs_of_the_runs_that_it_stands_for(void **state)
{
    (void)state;
    tn_context *tn = open_vendor();
    layer l = make_layer(tn);
    tn_program *program = tn_program_open(tn, "layer", forward, &l, 1, 1);
    tn_tensor *usual = pair(tn, 1, 2), *profiled = pair(tn, 30, 40);
    run_and_check(program, usual, 1, 2);
    run_and_check(program, usual, 1, 2);
    tn_set_profiling(tn, true);
    run_and_check(program, profiled, 30, 40);
    tn_set_profiling(tn, false);
    for (int i = 0; i < 3; i++) run_and_check(program, usual, 1, 2);
    assert_null(tn_program_look(program).not_a_graph);
    assert_int_equal(tn_close(tn), 0);
}

static void add_up(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    (void)arg;
    out[0] = tn_sum(in[0], TN_ALL, false);
}

static void an_operator_that_is_not_for_graphs_keeps_a_program_from_being_one(void **state)
{
    (void)state;
    tn_context *tn = open_vendor();
    tn_program *program = tn_program_open(tn, "sum", add_up, NULL, 1, 1);
    tn_tensor *x = pair(tn, 1, 2), *y = NULL;
    for (int i = 0; i < 4; i++) tn_program_run(program, &x, &y);
    assert_true(tn_item(y) == 3);
    assert_string_equal(tn_program_look(program).not_a_graph, "the device's plan of sum cannot be recorded");
    assert_int_equal(tn_close(tn), 0);
}

static void count(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    (void)arg;
    tn_copy_(in[0], tn_add(in[0], in[1]));
    out[0] = tn_relu(in[0]);
}

static void an_input_that_is_written_and_moves_keeps_a_program_from_being_one(void **state)
{
    (void)state;
    tn_context *tn = open_vendor();
    tn_program *program = tn_program_open(tn, "count", count, NULL, 2, 1);
    tn_tensor *totals[] = {pair(tn, 0, 0), pair(tn, 10, 10)}, *one = pair(tn, 1, 1), *y = NULL;
    for (int i = 0; i < 8; i++) tn_program_run(program, (tn_tensor *[]){totals[i % 2], one}, &y);
    for (int i = 0; i < 2; i++) {
        float found[2];
        assert_int_equal(tn_read(totals[i], found, sizeof found), TN_OK);
        assert_true(found[0] == 10 * (float)i + 4 && found[1] == found[0]);
    }
    assert_non_null(strstr(tn_program_look(program).not_a_graph, "input 0, which a run changes, lies elsewhere"));
    assert_int_equal(tn_close(tn), 0);
}

static void the_environment_and_devices_without_graphs_are_told(void **state)
{
    (void)state;
    for (int off = 0; off < 2; off++) {
        setenv("TENON_GRAPH", off ? "off" : "on", 1);
        tn_context *tn = off ? open_vendor() : tn_open("reference");
        layer l = make_layer(tn);
        tn_program *program = tn_program_open(tn, "layer", forward, &l, 1, 1);
        tn_tensor *x = pair(tn, 1, 2);
        run_and_check(program, x, 1, 2);
        assert_string_equal(tn_program_look(program).not_a_graph, "it has not been replayed yet");
        for (int i = 0; i < 3; i++) run_and_check(program, x, 1, 2);
        assert_string_equal(tn_program_look(program).not_a_graph,
                            off ? "TENON_GRAPH is off" : "reference has no extension tenon.graph");
        assert_int_equal(tn_close(tn), 0);
    }
    unsetenv("TENON_GRAPH");
}

int main(void)
{
    const char *plugins = getenv("TENON_BAD_PLUGINS");
    char path[4096];
    snprintf(path, sizeof path, "%s/conform/sound.so", plugins ? plugins : "");
    setenv("TENON_PLUGIN_FILES", path, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_is_one_launch_and_follows_its_input),
        cmocka_unit_test(an_input_that_stays_again_is_taken_from_where_it_lies),
        cmocka_unit_test(profiling_runs_the_operators_and_changes_nothing),
        cmocka_unit_test(a_graph_has_the_inputs_of_the_runs_that_it_stands_for),
        cmocka_unit_test(an_operator_that_is_not_for_graphs_keeps_a_program_from_being_one),
        cmocka_unit_test(an_input_that_is_written_and_moves_keeps_a_program_from_being_one),
        cmocka_unit_test(the_environment_and_devices_without_graphs_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
