/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing among plans. */
#include "choice.h"

#include "trial.h"

#include <pthread.h>
#include <string.h>

enum { MOST_OF_A_WAY = 8, MOST_REMEMBERED = 1024 };

/* ---- what is remembered: a hash of the description, and the choice; two of the same hash cost only speed */

static struct {
    uint64_t key; /* 0: free */
    gpu_choice choice;
} remembered[MOST_REMEMBERED];
static pthread_mutex_t remembering = PTHREAD_MUTEX_INITIALIZER;

static uint64_t mix(uint64_t hash, const void *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix_tensor(uint64_t hash, const tn_tensor_desc *t)
{
    if (!t) return mix(hash, "", 1);
    hash = mix(hash, &t->dtype, sizeof t->dtype);
    hash = mix(hash, &t->rank, sizeof t->rank);
    hash = mix(hash, t->dims, t->rank * sizeof *t->dims);
    hash = mix(hash, t->strides, t->rank * sizeof *t->strides);
    return mix(hash, &t->alignment, sizeof t->alignment);
}

static uint64_t key_of(const tn_device *device, const tn_op_desc *desc)
{
    const int tf32 = (desc->flags & TN_OP_TF32) != 0;
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), &device, sizeof device);
    hash = mix(hash, desc->name, strlen(desc->name));
    hash = mix(hash, &tf32, sizeof tf32);
    if (desc->attrs) hash = mix(hash, desc->attrs, *(const uint64_t *)desc->attrs); /* its struct_size */
    for (uint64_t i = 0; i < desc->n_in; i++) hash = mix_tensor(hash, desc->in[i]);
    for (uint64_t i = 0; i < desc->n_out; i++) hash = mix_tensor(hash, desc->out[i]);
    return hash ? hash : 1;
}

static int recall(uint64_t key, gpu_choice *choice)
{
    int found = 0;
    pthread_mutex_lock(&remembering);
    for (int i = 0; i < MOST_REMEMBERED && remembered[i].key && !found; i++) {
        found = remembered[i].key == key;
        if (found) *choice = remembered[i].choice;
    }
    pthread_mutex_unlock(&remembering);
    return found;
}

static void remember(uint64_t key, gpu_choice choice)
{
    int i = 0;
    pthread_mutex_lock(&remembering);
    while (i < MOST_REMEMBERED && remembered[i].key && remembered[i].key != key) i++;
    if (i < MOST_REMEMBERED) {
        remembered[i].key = key;
        remembered[i].choice = choice;
    }
    pthread_mutex_unlock(&remembering);
}

/* ---- the first that does */

static int n_ways(const gpu_question *q)
{
    return q->second_way ? 2 : 1;
}

static tn_status own(const gpu_question *q, tn_plan **plan, tn_error *error)
{
    return gpu_shared_plan(q->shared, q->device, q->desc, NULL, plan, error);
}

static tn_status make_and_try(const gpu_question *q, gpu_choice choice, tn_plan **plan, tn_error *error)
{
    GPU_TRY(q->make(q->job, &choice, plan, error));
    tn_status status = gpu_trial(q->device, q->desc, *plan, q->keeps_nan, NULL, error);
    if (status != TN_OK) (*plan)->destroy(*plan);
    return status;
}

static tn_status first(const gpu_question *q, tn_plan **plan, tn_error *error)
{
    tn_error why = {.struct_size = sizeof why};
    for (int way = 0; way < n_ways(q); way++) {
        tn_status status = make_and_try(q, (gpu_choice){way, 0}, plan, &why);
        if (status == TN_OK) return TN_OK;
        GPU_TRY(gpu_go_on(q->desc, status, &why, way + 1 < n_ways(q) ? q->second_way : gpu_own_kernels, error));
    }
    return own(q, plan, error);
}

/* ---- the fastest */

typedef struct contest {
    tn_plan *best; /* NULL: none yet */
    gpu_choice choice;
    uint64_t nanoseconds;
} contest;

static pthread_mutex_t timing = PTHREAD_MUTEX_INITIALIZER; /* two at once would disturb each other */

static void tell(const gpu_question *q, const tn_plan *plan, uint64_t nanoseconds)
{
    gpu_library_log(TN_LOG_DEBUG, "%s: %s takes %.1f us", q->desc->name, plan->implementation,
                    (double)nanoseconds * 1e-3);
}

/* Times a plan, which becomes the contest's. Fails if the device is lost. */
static tn_status enter(contest *c, const gpu_question *q, gpu_choice choice, tn_plan *plan, tn_error *error)
{
    uint64_t nanoseconds = GPU_UNTIMED;
    tn_error why = {.struct_size = sizeof why};
    pthread_mutex_lock(&timing);
    tn_status status = gpu_trial(q->device, q->desc, plan, q->keeps_nan, &nanoseconds, &why);
    pthread_mutex_unlock(&timing);
    if (status == TN_OK && nanoseconds != GPU_UNTIMED) tell(q, plan, nanoseconds);
    if (status == TN_OK && (!c->best || nanoseconds < c->nanoseconds)) {
        if (c->best) c->best->destroy(c->best);
        *c = (contest){plan, choice, nanoseconds};
    } else {
        plan->destroy(plan);
    }
    return status == TN_OK ? TN_OK : gpu_go_on(q->desc, status, &why, "the others are timed", error);
}

static tn_status enter_way(contest *c, const gpu_question *q, int way, tn_error *error)
{
    tn_error why = {.struct_size = sizeof why};
    gpu_choice choice = {way, 0};
    for (int n = 0; n < MOST_OF_A_WAY; n++, choice.position++) {
        tn_plan *plan = NULL;
        tn_status status = q->make(q->job, &choice, &plan, &why);
        if (status != TN_OK) return gpu_go_on(q->desc, status, &why, "the others are timed", error);
        GPU_TRY(enter(c, q, choice, plan, error));
    }
    return TN_OK;
}

static tn_status enter_own(contest *c, const gpu_question *q, tn_error *error)
{
    tn_plan *plan = NULL;
    tn_error why = {.struct_size = sizeof why};
    tn_status status = own(q, &plan, &why);
    if (status != TN_OK) return gpu_go_on(q->desc, status, &why, "the library does it", error);
    return enter(c, q, (gpu_choice){GPU_OWN_WAY, 0}, plan, error);
}

static void remark(const gpu_question *q, tn_plan *plan)
{
    char text[40];
    snprintf(text, sizeof text, ", faster than %s", q->library);
    gpu_plan_remark(plan, text);
}

static tn_status fastest(const gpu_question *q, uint64_t key, tn_plan **plan, tn_error *error)
{
    contest c = {.best = NULL};
    tn_status status = TN_OK;
    for (int way = 0; way < n_ways(q) && status == TN_OK; way++) status = enter_way(&c, q, way, error);
    if (status == TN_OK && !c.best) return own(q, plan, error);
    if (status == TN_OK) status = enter_own(&c, q, error);
    if (status != TN_OK) {
        if (c.best) c.best->destroy(c.best);
        return status;
    }
    if (c.nanoseconds != GPU_UNTIMED) remember(key, c.choice);
    if (c.choice.way == GPU_OWN_WAY) remark(q, c.best);
    *plan = c.best;
    return TN_OK;
}

/* What was the fastest before. */
static tn_status again(const gpu_question *q, gpu_choice choice, tn_plan **plan, tn_error *error)
{
    if (choice.way != GPU_OWN_WAY) return make_and_try(q, choice, plan, error);
    GPU_TRY(own(q, plan, error));
    remark(q, *plan);
    return TN_OK;
}

tn_status gpu_choose(const gpu_question *q, tn_plan **plan, tn_error *error)
{
    gpu_choice choice;
    tn_error why = {.struct_size = sizeof why};
    if (!q->tuned) return first(q, plan, error);
    const uint64_t key = key_of(q->device, q->desc);
    if (!recall(key, &choice)) return fastest(q, key, plan, error);
    tn_status status = again(q, choice, plan, &why);
    if (status == TN_OK) return TN_OK;
    GPU_TRY(gpu_go_on(q->desc, status, &why, "it was the fastest, and the library's first choice is taken", error));
    return first(q, plan, error);
}
