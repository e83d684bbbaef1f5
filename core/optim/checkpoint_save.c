/* SPDX-License-Identifier: Apache-2.0
 *
 * Saves checkpoints: gathers names, tensors and metadata, and hands them to the safetensors writer. */
#include "optim/checkpoint.h"
#include "optim/optim.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PAIRS = 16, TEXT = 40 };

typedef struct saving {
    tn_context *tn;
    char **names; /* owned */
    tn_tensor **tensors;
    int n;
    const char *metadata[2 * MOST_PAIRS + 1]; /* key, value, ..., NULL */
    char texts[MOST_PAIRS][TEXT];             /* the values */
    int n_pairs;
} saving;

/* ---- tensors */

static bool add_tensor(saving *s, const char *prefix, const char *name, tn_tensor *tensor)
{
    if (asprintf(&s->names[s->n], "%s%s", prefix, name) < 0) {
        s->names[s->n] = NULL;
        tn_raise(s->tn, TN_OUT_OF_MEMORY, "no memory for the names of a checkpoint");
        return false;
    }
    s->tensors[s->n++] = tensor;
    return true;
}

static bool add_model(saving *s, tn_module *model)
{
    const char *name;
    int count = tn_nn_state_count(model);
    for (int i = 0; i < count; i++) {
        tn_tensor *tensor = tn_nn_state(model, i, &name, NULL);
        if (strncmp(name, TN_CHECKPOINT_OPTIMIZER, strlen(TN_CHECKPOINT_OPTIMIZER)) == 0) {
            tn_raise(s->tn, TN_INVALID,
                     "\"%s\" cannot be saved: names with \"" TN_CHECKPOINT_OPTIMIZER "\" are for the optimizer", name);
            return false;
        }
        if (!add_tensor(s, "", name, tensor)) return false;
    }
    return true;
}

static bool add_optimizer(saving *s, tn_optimizer *opt)
{
    const char *name;
    int count = tn_optim_state_count(opt);
    for (int i = 0; i < count; i++) {
        tn_tensor *tensor = tn_optim_state(opt, i, &name);
        if (!add_tensor(s, TN_CHECKPOINT_OPTIMIZER, name, tensor)) return false;
    }
    return true;
}

/* ---- metadata */

/* Where the value of a new pair goes. */
static char *add_pair(saving *s, const char *key)
{
    char *text = s->texts[s->n_pairs];
    s->metadata[2 * s->n_pairs] = key;
    s->metadata[2 * s->n_pairs + 1] = text;
    s->n_pairs++;
    return text;
}

static void add_text(saving *s, const char *key, const char *value)
{
    snprintf(add_pair(s, key), TEXT, "%s", value);
}

static void add_whole(saving *s, const char *key, int64_t value)
{
    snprintf(add_pair(s, key), TEXT, "%" PRId64, value);
}

static void add_unsigned(saving *s, const char *key, uint64_t value)
{
    snprintf(add_pair(s, key), TEXT, "%" PRIu64, value);
}

/* As %.17g, but with a point in every locale. */
static void add_real(saving *s, const char *key, double value)
{
    json_t *number = json_real(value);
    char *text = add_pair(s, key);
    size_t length = json_dumpb(number, text, TEXT - 1, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    json_decref(number);
    if (length == 0 || length >= TEXT) {
        tn_raise(s->tn, TN_OUT_OF_MEMORY, "no memory for the metadata \"%s\"", key);
        length = 0;
    }
    text[length] = '\0';
}

static void add_metadata(saving *s, const tn_checkpoint *what)
{
    add_text(s, TN_KEY_VERSION, TN_CHECKPOINT_VERSION);
    if (what->optimizer) {
        add_text(s, TN_KEY_OPTIMIZER, tn_optim_type(what->optimizer));
        add_real(s, TN_KEY_LR, tn_optim_get_lr(what->optimizer));
    }
    if (what->scheduler) {
        add_text(s, TN_KEY_SCHEDULER, what->scheduler->kind->type);
        add_real(s, TN_KEY_BASE_LR, what->scheduler->base_lr);
        add_whole(s, TN_KEY_SCHEDULER_EPOCH, tn_lr_epoch(what->scheduler));
    }
    if (what->loader) {
        add_whole(s, TN_KEY_LOADER_EPOCH, tn_loader_epoch(what->loader));
        add_whole(s, TN_KEY_LOADER_POSITION, tn_loader_position(what->loader));
        add_whole(s, TN_KEY_LOADER_BATCHES, tn_loader_batches(what->loader));
    }
    if (what->rng) {
        uint64_t seed, offset;
        tn_get_rng_state(s->tn, &seed, &offset);
        add_unsigned(s, TN_KEY_SEED, seed);
        add_unsigned(s, TN_KEY_OFFSET, offset);
    }
}

/* A context with an error pending may have taken half a step: nothing worth keeping. */
tn_status tn_save(tn_context *tn, const char *path, const tn_checkpoint *what)
{
    if (tn_check(tn) != TN_OK) return tn_check(tn);
    saving s = {.tn = tn};
    size_t most = (size_t)tn_nn_state_count(what->model) + (size_t)tn_optim_state_count(what->optimizer);
    s.names = calloc(most + 1, sizeof *s.names);
    s.tensors = calloc(most + 1, sizeof(tn_tensor *));
    if (!s.names || !s.tensors) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory for the names of a checkpoint", path);
    } else if (add_model(&s, what->model) && add_optimizer(&s, what->optimizer)) {
        add_metadata(&s, what);
        tn_safetensors_save(tn, path, s.n, (const char *const *)s.names, s.tensors, s.metadata);
    }
    for (int i = 0; i < s.n; i++) free(s.names[i]);
    free(s.names);
    free(s.tensors);
    return tn_check(tn);
}
