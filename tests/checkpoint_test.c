/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints: a resumed run goes on bit by bit, a load that fails changes nothing, and says what does not fit. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static char path[] = "/tmp/tenon-checkpoint-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* ---- a small training run, with every source of state */

typedef struct training {
    tn_checkpoint what;
    tn_module *model;
} training;

static tn_optimizer *sgd(tn_module *model)
{
    return tn_optim_sgd(model, &(tn_sgd_options){.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01});
}

static tn_optimizer *plain_sgd(tn_module *model)
{
    return tn_optim_sgd(model, &(tn_sgd_options){.lr = 0.1});
}

static tn_optimizer *adam(tn_module *model)
{
    return tn_optim_adam(model, NULL);
}

static tn_optimizer *adamw(tn_module *model)
{
    return tn_optim_adamw(model, NULL);
}

typedef tn_optimizer *(*make_optimizer)(tn_module *model);

static tn_module *make_model(tn_context *tn)
{
    return tn_nn_sequential(tn, tn_nn_conv2d(tn, 1, 3, 3, true, NULL), tn_nn_batch_norm2d(tn, 3), tn_nn_relu(tn),
                            tn_nn_flatten(tn), tn_nn_dropout(tn, 0.25), tn_nn_linear(tn, 3 * 4 * 4, 5, true), NULL);
}

static int item(void *arg, int64_t i, uint8_t *image, int64_t *label)
{
    (void)arg;
    for (int64_t k = 0; k < 36; k++) image[k] = (uint8_t)(i * 37 + k * k * 11);
    *label = i % 5;
    return 0;
}

static training start(tn_context *tn, make_optimizer make, uint64_t seed)
{
    tn_manual_seed(tn, seed);
    training run = {.model = make_model(tn)};
    tn_dataset *data = tn_dataset_custom(tn, 22, TN_SHAPE(1, 6, 6), item, NULL);
    run.what.model = run.model;
    run.what.optimizer = make(run.model);
    run.what.scheduler = tn_lr_step(run.what.optimizer, 3, 0.5);
    run.what.loader = tn_loader_open(data, &(tn_loader_options){.batch_size = 4, .shuffle = true, .seed = 9});
    run.what.rng = true;
    assert_good(tn);
    return run;
}

static void train(tn_context *tn, const training *run, int steps)
{
    for (int i = 0; i < steps; i++) {
        tn_batch batch;
        tn_mark mark = tn_begin(tn);
        while (!tn_loader_next(run->what.loader, &batch)) assert_good(tn);
        tn_optim_zero_grad(run->what.optimizer);
        tn_backward(tn_cross_entropy(tn_nn_forward(run->model, batch.x), batch.y));
        tn_optim_step(run->what.optimizer);
        tn_lr_advance(run->what.scheduler);
        tn_end(tn, mark, NULL);
        assert_good(tn);
    }
}

/* All bytes of the state of a run, and where it stands. */
typedef struct snapshot {
    uint8_t bytes[8192];
    size_t size;
    double lr;
    int64_t scheduler_epoch, loader_epoch, loader_position;
    uint64_t seed, offset;
} snapshot;

static void append(snapshot *into, tn_tensor *x)
{
    size_t bytes = (size_t)tn_numel(x) * tn_dtype_size(tn_dtype_of(x));
    assert_true(into->size + bytes <= sizeof into->bytes);
    assert_int_equal(tn_read(x, into->bytes + into->size, bytes), TN_OK);
    into->size += bytes;
}

static snapshot look(tn_context *tn, const training *run)
{
    snapshot s = {.lr = tn_optim_get_lr(run->what.optimizer),
                  .scheduler_epoch = tn_lr_epoch(run->what.scheduler),
                  .loader_epoch = tn_loader_epoch(run->what.loader),
                  .loader_position = tn_loader_position(run->what.loader)};
    for (int i = 0; i < tn_nn_state_count(run->model); i++) append(&s, tn_nn_state(run->model, i, NULL, NULL));
    for (int i = 0; i < tn_optim_state_count(run->what.optimizer); i++)
        append(&s, tn_optim_state(run->what.optimizer, i, NULL));
    tn_get_rng_state(tn, &s.seed, &s.offset);
    return s;
}

static void assert_same(const snapshot *x, const snapshot *y)
{
    assert_int_equal(x->size, y->size);
    assert_memory_equal(x->bytes, y->bytes, x->size);
    assert_true(x->lr == y->lr);
    assert_int_equal(x->scheduler_epoch, y->scheduler_epoch);
    assert_int_equal(x->loader_epoch, y->loader_epoch);
    assert_int_equal(x->loader_position, y->loader_position);
    assert_true(x->seed == y->seed && x->offset == y->offset);
}

static bool is_same(const snapshot *x, const snapshot *y)
{
    return x->size == y->size && memcmp(x->bytes, y->bytes, x->size) == 0;
}

static void resuming_is_bit_exact(void **state)
{
    static const make_optimizer optimizers[] = {plain_sgd, sgd, adam, adamw};
    for (int i = 0; i < 4; i++) {
        tn_context *first = tn_open("reference"), *second = tn_open("reference");
        training whole = start(first, optimizers[i], 1);
        train(first, &whole, 8); /* into the second epoch of six batches */
        assert_int_equal(tn_save(first, path, &whole.what), TN_OK);
        snapshot saved = look(first, &whole);
        train(first, &whole, 9);

        training resumed = start(second, optimizers[i], 2);
        train(second, &resumed, 3); /* whatever was there before is gone */
        assert_int_equal(tn_load(second, path, &resumed.what), TN_OK);
        snapshot loaded = look(second, &resumed);
        assert_same(&loaded, &saved);
        train(second, &resumed, 9);
        snapshot wanted = look(first, &whole), got = look(second, &resumed);
        assert_same(&got, &wanted);
        assert_false(is_same(&got, &saved));
        assert_int_equal(tn_close(first), 0);
        assert_int_equal(tn_close(second), 0);
    }
    (void)state;
}

/* A schedule goes on from the rate that the saved run started with, whatever the new optimizer was given. */
static void the_base_rate_is_restored(void **state)
{
    tn_context *tn = *state;
    training first = start(tn, plain_sgd, 1), second = start(tn, plain_sgd, 1);
    tn_save(tn, path, &first.what);
    second.what.optimizer = tn_optim_sgd(second.model, &(tn_sgd_options){.lr = 0.7});
    second.what.scheduler = tn_lr_step(second.what.optimizer, 3, 0.5);
    tn_load(tn, path, &second.what);
    assert_true(tn_optim_get_lr(second.what.optimizer) == 0.1);
    for (int i = 0; i < 3; i++) tn_lr_advance(second.what.scheduler);
    assert_true(tn_optim_get_lr(second.what.optimizer) == 0.05);
    assert_good(tn);
}

static void a_rate_set_by_hand_is_restored(void **state)
{
    tn_context *tn = *state;
    training first = start(tn, adam, 1), second = start(tn, adam, 1);
    tn_optim_set_lr(first.what.optimizer, 1.0 / 3);
    tn_save(tn, path, &first.what);
    tn_load(tn, path, &second.what);
    assert_good(tn);
    assert_true(tn_optim_get_lr(second.what.optimizer) == 1.0 / 3);
}

/* Parts can be left out on either side. */
static void a_model_loads_from_a_full_checkpoint(void **state)
{
    tn_context *tn = *state;
    training trained = start(tn, adam, 1), fresh = start(tn, adam, 2);
    train(tn, &trained, 2);
    tn_save(tn, path, &trained.what);
    assert_int_equal(tn_load(tn, path, &(tn_checkpoint){.model = fresh.model}), TN_OK);
    uint8_t trained_bytes[36], fresh_bytes[36];
    tn_read(tn_nn_get(trained.model, "1.running_mean"), trained_bytes, 12);
    tn_read(tn_nn_get(fresh.model, "1.running_mean"), fresh_bytes, 12);
    assert_memory_equal(trained_bytes, fresh_bytes, 12);
    assert_int_equal(tn_item_i64(tn_nn_get(fresh.model, "1.num_batches_tracked")), 2);
    assert_int_equal(tn_loader_position(fresh.what.loader), 0);
}

/* ---- a PyTorch state_dict: tensors alone */

static void save_state_dict(tn_context *tn, const char *extra_key, const char *extra_value)
{
    static const char *const names[] = {"fc2.bias", "fc1.weight", "fc1.bias", "fc2.weight"};
    tn_tensor *const tensors[] = {tn_full(tn, TN_F32, 4, TN_SHAPE(10)), tn_full(tn, TN_F32, 1, TN_SHAPE(128, 784)),
                                  tn_full(tn, TN_F32, 2, TN_SHAPE(128)), tn_full(tn, TN_F32, 3, TN_SHAPE(10, 128))};
    tn_safetensors_save(tn, path, 4, names, tensors, (const char *const[]){extra_key, extra_value, NULL});
    assert_good(tn);
}

static void a_state_dict_loads_as_a_model(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_model(tn, "simplenet");
    save_state_dict(tn, NULL, NULL);
    assert_int_equal(tn_load(tn, path, &(tn_checkpoint){.model = model}), TN_OK);
    for (int i = 0; i < 4; i++) {
        tn_tensor *x = tn_nn_state(model, i, NULL, NULL);
        assert_true(tn_item(tn_min(x, TN_ALL, false)) == i + 1 && tn_item(tn_max(x, TN_ALL, false)) == i + 1);
        assert_true(tn_has_requires_grad(x));
    }
    training run = start(tn, adam, 1);
    tn_load(tn, path, &(tn_checkpoint){.model = model, .optimizer = run.what.optimizer});
    assert_refused(tn, TN_INVALID, "holds no state of an optimizer");
    tn_load(tn, path, &(tn_checkpoint){.model = model, .scheduler = run.what.scheduler});
    assert_refused(tn, TN_INVALID, "holds no state of a schedule");
    tn_load(tn, path, &(tn_checkpoint){.model = model, .loader = run.what.loader});
    assert_refused(tn, TN_INVALID, "holds no position of a loader");
    tn_load(tn, path, &(tn_checkpoint){.model = model, .rng = true});
    assert_refused(tn, TN_INVALID, "holds no state of the generator");
}

/* ---- what does not fit */

static void differences_are_listed_and_nothing_changes(void **state)
{
    tn_context *tn = *state;
    static const char *const names[] = {"conv1.weight", "conv1.bias", "conv2.bias", "other"};
    tn_tensor *const tensors[] = {tn_ones(tn, TN_F32, TN_SHAPE(32, 1, 5, 5)), tn_full(tn, TN_F32, 9, TN_SHAPE(32)),
                                  tn_ones(tn, TN_F64, TN_SHAPE(64)), tn_ones(tn, TN_F32, TN_SHAPE(1))};
    tn_module *model = tn_nn_model(tn, "convnet");
    tn_safetensors_save(tn, path, 4, names, tensors, NULL);
    tn_load(tn, path, &(tn_checkpoint){.model = model});
    const char *message = tn_message(tn);
    assert_non_null(strstr(message, "does not fit the ConvNet"));
    assert_non_null(strstr(message, "missing: conv2.weight, fc1.weight, fc1.bias, fc2.weight and 1 more;"));
    assert_non_null(strstr(message, "conv1.weight is [32, 1, 5, 5] in the file, [32, 1, 3, 3] in the model"));
    assert_non_null(strstr(message, "conv2.bias is f64 in the file, f32 in the model"));
    assert_refused(tn, TN_INVALID, "unexpected: other");
    assert_true(tn_item(tn_max(tn_nn_get(model, "conv1.bias"), TN_ALL, false)) < 9);
}

static void other_optimizers_are_refused(void **state)
{
    tn_context *tn = *state;
    training saved = start(tn, sgd, 1), other = start(tn, adam, 2), plain = start(tn, plain_sgd, 3);
    tn_save(tn, path, &saved.what);
    snapshot before = look(tn, &other), before_plain = look(tn, &plain);
    tn_load(tn, path, &other.what);
    assert_refused(tn, TN_INVALID, "holds the state of an optimizer SGD, which cannot be loaded as Adam");
    tn_load(tn, path, &plain.what);
    assert_refused(tn, TN_INVALID, "unexpected: optimizer.momentum_buffer.0.weight");
    plain.what.scheduler = tn_lr_cosine(plain.what.optimizer, 5, 0);
    tn_load(tn, path, &plain.what);
    assert_refused(tn, TN_INVALID, "holds the state of a schedule StepLR, which cannot be loaded as CosineAnnealingLR");
    snapshot after = look(tn, &other), after_plain = look(tn, &plain);
    assert_same(&after, &before);
    assert_true(is_same(&after_plain, &before_plain));
}

static void other_batch_sizes_are_refused(void **state)
{
    tn_context *tn = *state;
    training saved = start(tn, adam, 1);
    tn_save(tn, path, &saved.what);
    tn_dataset *data = tn_dataset_custom(tn, 22, TN_SHAPE(1, 6, 6), item, NULL);
    saved.what.loader = tn_loader_open(data, &(tn_loader_options){.batch_size = 8});
    tn_load(tn, path, &saved.what);
    assert_refused(tn, TN_INVALID, "was saved with 6 batches per epoch, this loader has 3");
}

static void damaged_metadata_is_refused(void **state)
{
    static const struct {
        const char *key, *value, *phrase;
        tn_status status;
    } rows[] = {
        {"tenon.checkpoint", "2", "is a checkpoint of version 2; this Tenon reads version 1", TN_UNSUPPORTED},
        {"rng.seed", "-1", "its metadata \"rng.seed\" is -1", TN_CORRUPT},
        {"rng.seed", "12x", "its metadata \"rng.seed\" is 12x", TN_CORRUPT},
        {"rng.seed", "18446744073709551616", "its metadata \"rng.seed\" is 18446744073709551616", TN_CORRUPT},
        {"rng.seed", "", "its metadata \"rng.seed\" is ", TN_CORRUPT},
        {"rng.seed", "5", "its metadata \"rng.offset\" is missing", TN_CORRUPT},
    };
    tn_context *tn = *state;
    tn_module *model = tn_nn_model(tn, "simplenet");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        save_state_dict(tn, rows[i].key, rows[i].value);
        tn_load(tn, path, &(tn_checkpoint){.model = model, .rng = true});
        assert_refused(tn, rows[i].status, rows[i].phrase);
    }
    assert_true(tn_item(tn_max(tn_nn_get(model, "fc1.weight"), TN_ALL, false)) < 1);
}

static void a_negative_count_of_steps_is_refused(void **state)
{
    tn_context *tn = *state;
    training saved = start(tn, adam, 1);
    tn_write(tn_optim_state(saved.what.optimizer, 0, NULL), &(int64_t){-3}, sizeof(int64_t));
    tn_save(tn, path, &saved.what);
    tn_load(tn, path, &saved.what);
    assert_refused(tn, TN_CORRUPT, "has -3 as the Adam's count of steps");
}

/* ---- saving */

static tn_tensor *identity(tn_module *self, tn_tensor *x)
{
    (void)self;
    return x;
}

static void names_of_the_optimizer_are_reserved(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_module(tn, "Own", identity, NULL);
    tn_nn_add(model, "optimizer", tn_nn_linear(tn, 1, 1, false));
    tn_save(tn, path, &(tn_checkpoint){.model = model});
    assert_refused(tn, TN_INVALID, "\"optimizer.weight\" cannot be saved");
}

static void nothing_is_saved_while_an_error_is_pending(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_model(tn, "simplenet");
    save_state_dict(tn, NULL, NULL);
    tn_raise(tn, TN_INVALID, "half a step");
    assert_int_equal(tn_save(tn, path, &(tn_checkpoint){.model = model}), TN_INVALID);
    assert_int_equal(tn_load(tn, path, &(tn_checkpoint){.model = model}), TN_INVALID);
    assert_refused(tn, TN_INVALID, "half a step");
    tn_safetensors *file = tn_safetensors_open(tn, path);
    assert_true(tn_item(tn_max(tn_safetensors_get(file, "fc1.weight"), TN_ALL, false)) == 1);
    assert_true(tn_item(tn_max(tn_nn_get(model, "fc1.weight"), TN_ALL, false)) < 1);
    tn_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resuming_is_bit_exact),
        TEST(the_base_rate_is_restored),
        TEST(a_rate_set_by_hand_is_restored),
        TEST(a_model_loads_from_a_full_checkpoint),
        TEST(a_state_dict_loads_as_a_model),
        TEST(differences_are_listed_and_nothing_changes),
        TEST(other_optimizers_are_refused),
        TEST(other_batch_sizes_are_refused),
        TEST(damaged_metadata_is_refused),
        TEST(a_negative_count_of_steps_is_refused),
        TEST(names_of_the_optimizer_are_reserved),
        TEST(nothing_is_saved_while_an_error_is_pending),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
