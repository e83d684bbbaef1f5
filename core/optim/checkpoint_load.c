/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads checkpoints. First all of it is read and compared with what is asked for; only then is anything changed. */
#include "optim/checkpoint.h"
#include "optim/optim.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A tensor to be loaded. */
typedef struct target {
    char *name; /* in the file, owned */
    const char *owner;
    tn_tensor *to, *from; /* from: NULL if the file has none */
} target;

typedef struct loading {
    tn_context *tn;
    const char *path;
    const tn_checkpoint *what;
    tn_safetensors *file;
    target *targets;
    int n_targets;
    double lr, base_lr;
    int64_t scheduler_epoch, loader_epoch, loader_position;
    uint64_t seed, offset;
} loading;

static bool refuse(const loading *l, tn_status status, const char *format, ...) TN_PRINTF(3, 4);
static bool refuse(const loading *l, tn_status status, const char *format, ...)
{
    char text[800];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++) /* what comes from a file shall not steer a terminal */
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
    tn_raise(l->tn, status, "%s %s", l->path, text);
    return false;
}

/* ---- metadata */

static bool damaged(const loading *l, const char *key, const char *text)
{
    return refuse(l, TN_CORRUPT, "is damaged: its metadata \"%s\" is %s", key, text ? text : "missing");
}

static bool read_unsigned(const loading *l, const char *key, uint64_t most, uint64_t *value)
{
    const char *text = tn_safetensors_metadata(l->file, key);
    char *end;
    if (!text || *text < '0' || *text > '9') return damaged(l, key, text);
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0 && *value <= most ? true : damaged(l, key, text);
}

static bool read_whole(const loading *l, const char *key, int64_t *value)
{
    uint64_t read;
    if (!read_unsigned(l, key, INT64_MAX / 2, &read)) return false; /* so that it can be counted on */
    *value = (int64_t)read;
    return true;
}

/* A rate, by a reader that expects a point in every locale. */
static bool read_rate(const loading *l, const char *key, double *value)
{
    const char *text = tn_safetensors_metadata(l->file, key);
    json_t *number = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    bool good = json_is_number(number) && json_number_value(number) >= 0;
    *value = json_number_value(number);
    json_decref(number);
    return good ? true : damaged(l, key, text);
}

/* The part of a checkpoint that `key` tells the type of must be there, and be of the type wanted. */
static bool check_type(const loading *l, const char *key, const char *part, const char *wanted)
{
    const char *type = tn_safetensors_metadata(l->file, key);
    if (!type) return refuse(l, TN_INVALID, "holds no state of %s: it was saved without one", part);
    if (strcmp(type, wanted) == 0) return true;
    return refuse(l, TN_INVALID, "holds the state of %s %s, which cannot be loaded as %s", part, type, wanted);
}

static bool read_optimizer(loading *l)
{
    const tn_optimizer *opt = l->what->optimizer;
    return !opt ||
           (check_type(l, TN_KEY_OPTIMIZER, "an optimizer", tn_optim_type(opt)) && read_rate(l, TN_KEY_LR, &l->lr));
}

static bool read_scheduler(loading *l)
{
    const tn_scheduler *scheduler = l->what->scheduler;
    return !scheduler ||
           (check_type(l, TN_KEY_SCHEDULER, "a schedule", scheduler->kind->type) &&
            read_rate(l, TN_KEY_BASE_LR, &l->base_lr) && read_whole(l, TN_KEY_SCHEDULER_EPOCH, &l->scheduler_epoch));
}

static bool read_loader(loading *l)
{
    int64_t batches, present = tn_loader_batches(l->what->loader);
    if (!l->what->loader) return true;
    if (!tn_safetensors_metadata(l->file, TN_KEY_LOADER_EPOCH))
        return refuse(l, TN_INVALID, "holds no position of a loader: it was saved without one");
    if (!read_whole(l, TN_KEY_LOADER_EPOCH, &l->loader_epoch) ||
        !read_whole(l, TN_KEY_LOADER_POSITION, &l->loader_position) || !read_whole(l, TN_KEY_LOADER_BATCHES, &batches))
        return false;
    if (batches != present)
        return refuse(l, TN_INVALID,
                      "was saved with %" PRId64 " batches per epoch, this loader has %" PRId64
                      "; use the same data and batch size",
                      batches, present);
    return l->loader_position <= batches ? true : damaged(l, TN_KEY_LOADER_POSITION, "beyond the epoch");
}

static bool read_rng(loading *l)
{
    if (!l->what->rng) return true;
    if (!tn_safetensors_metadata(l->file, TN_KEY_SEED))
        return refuse(l, TN_INVALID, "holds no state of the generator: it was saved without");
    return read_unsigned(l, TN_KEY_SEED, UINT64_MAX, &l->seed) &&
           read_unsigned(l, TN_KEY_OFFSET, UINT64_MAX, &l->offset);
}

static bool check_version(const loading *l)
{
    const char *version = tn_safetensors_metadata(l->file, TN_KEY_VERSION);
    if (!version || strcmp(version, TN_CHECKPOINT_VERSION) == 0) return true;
    return refuse(l, TN_UNSUPPORTED, "is a checkpoint of version %s; this Tenon reads version %s", version,
                  TN_CHECKPOINT_VERSION);
}

/* ---- tensors */

static bool add_target(loading *l, const char *prefix, const char *name, const char *owner, tn_tensor *to)
{
    target *t = &l->targets[l->n_targets];
    if (asprintf(&t->name, "%s%s", prefix, name) < 0)
        return refuse(l, TN_OUT_OF_MEMORY, "cannot be loaded: no memory for the names of its tensors");
    l->n_targets++;
    t->owner = owner;
    t->to = to;
    t->from = tn_safetensors_has(l->file, t->name) ? tn_safetensors_get(l->file, t->name) : NULL;
    return tn_check(l->tn) == TN_OK;
}

static bool find_targets(loading *l)
{
    tn_module *model = l->what->model;
    tn_optimizer *opt = l->what->optimizer;
    const char *name;
    int in_model = tn_nn_state_count(model), in_opt = tn_optim_state_count(opt);
    l->targets = calloc((size_t)in_model + (size_t)in_opt + 1, sizeof *l->targets);
    if (!l->targets) return refuse(l, TN_OUT_OF_MEMORY, "cannot be loaded: no memory for a list of its tensors");
    for (int i = 0; i < in_model; i++) {
        tn_tensor *to = tn_nn_state(model, i, &name, NULL);
        if (!add_target(l, "", name, "model", to)) return false;
    }
    for (int i = 0; i < in_opt; i++) {
        tn_tensor *to = tn_optim_state(opt, i, &name);
        if (!add_target(l, TN_CHECKPOINT_OPTIMIZER, name, "optimizer", to)) return false;
    }
    return true;
}

/* Some of a kind of difference, for a message: the first few, and how many more. */
typedef struct listing {
    char text[260];
    int shown, more;
} listing;

static void list(listing *into, const char *format, ...) TN_PRINTF(2, 3);
static void list(listing *into, const char *format, ...)
{
    enum { MOST = 4, LONG_ENOUGH = 80 };
    size_t used = strlen(into->text), room = sizeof into->text - used;
    if (into->shown == MOST || room < LONG_ENOUGH) {
        into->more++;
        return;
    }
    va_list args;
    va_start(args, format);
    if (into->shown++ > 0) used += (size_t)snprintf(into->text + used, room, ", ");
    vsnprintf(into->text + used, sizeof into->text - used, format, args);
    va_end(args);
}

static bool same_kind(const tn_tensor *x, const tn_tensor *y)
{
    bool same = tn_dtype_of(x) == tn_dtype_of(y) && tn_rank(x) == tn_rank(y);
    for (int i = 0; same && i < tn_rank(x); i++) same = tn_dim(x, i) == tn_dim(y, i);
    return same;
}

static void list_different(listing *into, const target *t)
{
    char in_file[192], wanted[192];
    if (same_kind(t->from, t->to)) return;
    bool shape = tn_dtype_of(t->from) == tn_dtype_of(t->to);
    list(into, "%.40s is %s in the file, %s in the %s", t->name,
         shape ? tn_format_shape(t->from, in_file) : tn_dtype_name(tn_dtype_of(t->from)),
         shape ? tn_format_shape(t->to, wanted) : tn_dtype_name(tn_dtype_of(t->to)), t->owner);
}

/* Is a tensor of the file one that nobody asked for? What belongs to a part that is not loaded does not count. */
static bool is_unexpected(const loading *l, const char *name)
{
    bool of_optimizer = strncmp(name, TN_CHECKPOINT_OPTIMIZER, strlen(TN_CHECKPOINT_OPTIMIZER)) == 0;
    if (of_optimizer ? !l->what->optimizer : !l->what->model) return false;
    for (int i = 0; i < l->n_targets; i++)
        if (strcmp(l->targets[i].name, name) == 0) return false;
    return true;
}

static void tell(char *message, size_t size, const char *what, const listing *items)
{
    char more[32] = "";
    size_t used = strlen(message);
    if (items->shown == 0) return;
    if (items->more > 0) snprintf(more, sizeof more, " and %d more", items->more);
    snprintf(message + used, size - used, "%s %s%s%s", used ? ";" : "", what, items->text, more);
}

static bool compare(const loading *l)
{
    listing missing = {0}, different = {0}, unexpected = {0};
    char message[780] = "";
    for (int i = 0; i < l->n_targets; i++) {
        const target *t = &l->targets[i];
        if (t->from)
            list_different(&different, t);
        else
            list(&missing, "%.60s", t->name);
    }
    for (int i = 0; i < tn_safetensors_count(l->file); i++) {
        const char *name = tn_safetensors_name(l->file, i);
        if (is_unexpected(l, name)) list(&unexpected, "%.60s", name);
    }
    tell(message, sizeof message, "missing: ", &missing);
    tell(message, sizeof message, "", &different);
    tell(message, sizeof message, "unexpected: ", &unexpected);
    const char *type = l->what->model ? tn_nn_type(l->what->model) : tn_optim_type(l->what->optimizer);
    return *message ? refuse(l, TN_INVALID, "does not fit the %s:%s", type, message) : true;
}

/* What steps are counted with; a bias correction by a negative count would be nonsense. */
static bool check_count(const loading *l)
{
    const tn_optimizer *opt = l->what->optimizer;
    if (!opt || !opt->kind->counts) return true;
    for (int i = 0; i < l->n_targets; i++) {
        const target *t = &l->targets[i];
        int64_t count = t->to == tn__optim_count(opt) ? tn_item_i64(t->from) : 0;
        if (count < 0)
            return refuse(l, TN_CORRUPT, "has %" PRId64 " as the %s's count of steps", count, tn_optim_type(opt));
    }
    return tn_check(l->tn) == TN_OK;
}

/* ---- changing things */

/* The saved rate comes last: it holds even where it was set by hand. */
static void apply(const loading *l)
{
    const tn_checkpoint *what = l->what;
    for (int i = 0; i < l->n_targets; i++) tn_copy_(l->targets[i].to, l->targets[i].from);
    if (what->scheduler) {
        what->scheduler->base_lr = l->base_lr;
        tn_lr_set_epoch(what->scheduler, l->scheduler_epoch);
    }
    if (what->optimizer) tn_optim_set_lr(what->optimizer, l->lr);
    if (what->loader) tn_loader_seek(what->loader, l->loader_epoch, l->loader_position);
    if (what->rng) tn_set_rng_state(l->tn, l->seed, l->offset);
}

static bool prepare(loading *l)
{
    return check_version(l) && read_optimizer(l) && read_scheduler(l) && read_loader(l) && read_rng(l) &&
           find_targets(l) && compare(l) && check_count(l);
}

tn_status tn_load(tn_context *tn, const char *path, const tn_checkpoint *what)
{
    loading l = {.tn = tn, .path = path, .what = what, .file = tn_safetensors_open(tn, path)};
    if (!l.file) return tn_check(tn);
    tn_mark mark = tn_begin(tn);
    bool was = tn_set_grad_enabled(tn, false);
    if (prepare(&l)) apply(&l);
    tn_set_grad_enabled(tn, was);
    tn_end(tn, mark, NULL);
    for (int i = 0; i < l.n_targets; i++) free(l.targets[i].name);
    free(l.targets);
    tn_safetensors_close(l.file);
    return tn_check(tn);
}
