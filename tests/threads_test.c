/* SPDX-License-Identifier: Apache-2.0
 *
 * Several contexts work at once on several threads and disturb one another in nothing. Run under ThreadSanitizer. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 4, STEPS = 20 };

/* What a training run comes to: the weights' sum, bit for bit. */
typedef struct work {
    uint64_t seed;
    bool as_program;
    double sum;
    tn_status status;
} work;

typedef struct learner {
    tn_context *tn;
    tn_module *net;
    tn_optimizer *adam;
} learner;

static void step(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    const learner *l = arg;
    tn_context *tn = l->tn;
    (void)in, (void)out;
    tn_optim_zero_grad(l->adam);
    tn_tensor *x = tn_normal(tn, TN_F32, 0, 1, TN_SHAPE(16, 1, 12, 12));
    tn_tensor *y = tn_argmax(tn_narrow(tn_flatten(x, 1, -1), 1, 0, 10), 1, false);
    tn_backward(tn_cross_entropy(tn_nn_forward(l->net, x), y));
    tn_optim_step(l->adam);
}

static void *train(void *argument)
{
    work *w = argument;
    tn_context *tn = tn_open("reference");
    tn_manual_seed(tn, w->seed);
    tn_module *net =
        tn_nn_sequential(tn, tn_nn_conv2d(tn, 1, 8, 3, true, NULL), tn_nn_relu(tn), tn_nn_max_pool2d(tn, 2),
                         tn_nn_flatten(tn), tn_nn_linear(tn, 200, 10, true), NULL);
    learner l = {tn, net, tn_optim_adam(net, NULL)};
    tn_program *program = tn_program_open(tn, "step", step, &l, 0, 0);
    for (int i = 0; i < STEPS; i++) {
        tn_mark mark = tn_begin(tn);
        if (w->as_program)
            tn_program_run(program, NULL, NULL);
        else
            step(&l, NULL, NULL);
        tn_end(tn, mark, NULL);
    }
    for (int i = 0; i < tn_nn_state_count(net); i++)
        w->sum += tn_item(tn_sum(tn_detach(tn_nn_state(net, i, NULL, NULL)), TN_ALL, false));
    w->status = tn_check(tn);
    tn_close(tn);
    return NULL;
}

static void run_all(void *(*body)(void *), work *works)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, body, &works[i]), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static void contexts_on_threads_do_what_they_do_alone(void **state)
{
    (void)state;
    work together[THREADS] = {{0}}, alone[THREADS] = {{0}};
    for (int i = 0; i < THREADS; i++) {
        together[i].seed = alone[i].seed = 1 + (uint64_t)i / 2;
        together[i].as_program = alone[i].as_program = i % 2;
    }
    run_all(train, together);
    for (int i = 0; i < THREADS; i++) train(&alone[i]);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(together[i].status, TN_OK);
        if (together[i].sum != alone[i].sum) fail_msg("%.17g together, %.17g alone", together[i].sum, alone[i].sum);
    }
    assert_true(alone[0].sum == alone[1].sum && alone[0].sum != alone[2].sum);
}

/* Everything that the process finds out once, asked by all at once. */
static void *ask(void *argument)
{
    work *w = argument;
    int n;
    tn_context *tn = tn_open(NULL);
    w->status = tn_check(tn);
    w->sum = tn_backends(&n)[0].n_devices + tn_ops(&n)[0].fused + (double)tn_data_dir()[0];
    w->sum += tn_backend_has_op("reference", "add");
    tn_set_num_threads(1 + (int)w->seed);
    tn_log_line(TN_LOG_DEBUG, "from thread %d", (int)w->seed);
    tn_raise(tn, TN_INVALID, "of thread %d alone", (int)w->seed);
    w->status |= strstr(tn_message(tn), "alone") ? TN_OK : TN_INTERNAL;
    tn_clear(tn);
    tn_close(tn);
    return NULL;
}

static void the_process_is_asked_by_all_at_once(void **state)
{
    (void)state;
    int threads = tn_get_num_threads();
    work works[THREADS] = {{0}};
    for (int i = 0; i < THREADS; i++) works[i].seed = (uint64_t)i;
    run_all(ask, works);
    tn_set_num_threads(threads);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(works[i].status, TN_OK);
        assert_true(works[i].sum == works[0].sum);
    }
}

/* A context may move from thread to thread, as long as one uses it at a time. */
static void *close_it(void *tn)
{
    tn_sum(tn_ones(tn, TN_F32, TN_SHAPE(100)), TN_ALL, false);
    return tn_close(tn) ? tn : NULL;
}

static void a_context_may_be_closed_by_another_thread(void **state)
{
    (void)state;
    pthread_t thread;
    void *failed = NULL;
    tn_context *tn = tn_open("reference");
    tn_ones(tn, TN_F32, TN_SHAPE(100));
    assert_int_equal(pthread_create(&thread, NULL, close_it, tn), 0);
    pthread_join(thread, &failed);
    assert_null(failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_is_asked_by_all_at_once), /* first: nothing has been found out yet */
        cmocka_unit_test(contexts_on_threads_do_what_they_do_alone),
        cmocka_unit_test(a_context_may_be_closed_by_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
