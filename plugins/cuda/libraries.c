/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening cuBLASLt and cuDNN, and saying why one is not used. */
#include "libraries.h"

#include "plugin.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define BLAS_FILE "libcublasLt.so." TEXT(CUBLAS_VER_MAJOR)
#define DNN_FILE "libcudnn.so." TEXT(CUDNN_MAJOR)

enum { UNTRIED, USED, NOT_USED };
enum { MOST_DEVICES = 64, MOST_CALLS = 32 };

typedef struct library {
    const char *name, *setting; /* in messages, and in TENON_CUDA_LIBS */
    const char *file, *work;    /* what it is for */
    const char *const *functions;
} library;

#define NAME(name) #name,
static const char *const blas_functions[] = {CU_BLAS_CALLS(NAME) NULL};
static const char *const dnn_functions[] = {CU_DNN_CALLS(NAME) NULL};
#undef NAME
static const library blas = {"cuBLASLt", "cublas", BLAS_FILE, "products", blas_functions},
                     dnn = {"cuDNN", "cudnn", DNN_FILE, "convolutions", dnn_functions};
_Static_assert(sizeof(cu_blas_calls) <= MOST_CALLS * sizeof(void *), "MOST_CALLS is too small");
_Static_assert(sizeof(cu_dnn_calls) <= MOST_CALLS * sizeof(void *), "MOST_CALLS is too small");

/* As one device uses them. */
typedef struct libraries {
    const tn_device *device;
    cu_blas blas;
    cu_dnn dnn;
    int blas_state, dnn_state; /* UNTRIED ... */
} libraries;

static struct {
    int blas, dnn; /* UNTRIED ... */
    cu_blas_calls blas_calls;
    cu_dnn_calls dnn_calls;
} process;
static libraries all[MOST_DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of process and all */
static pthread_mutex_t dnn_lock = PTHREAD_MUTEX_INITIALIZER;

void cu_dnn_lock(void)
{
    pthread_mutex_lock(&dnn_lock);
}

void cu_dnn_unlock(void)
{
    pthread_mutex_unlock(&dnn_lock);
}

/* ---- settings */

enum { LIBS, TUNE, SETTINGS };

/* standard: without the variable. */
static const struct {
    const char *variable, *standard, *known[5], *complaint;
} settings[] = {
    [LIBS] = {"TENON_CUDA_LIBS", "on", {"off", "cublas", "cudnn", "on"}, "none of off, cublas, cudnn and on"},
    [TUNE] = {"TENON_CUDA_TUNE", "off", {"off", "on"}, "neither off nor on"},
};

static const char *value_of(int setting)
{
    const char *value = getenv(settings[setting].variable);
    return value && *value ? value : settings[setting].standard;
}

static int is_set(int setting, const char *value)
{
    return strcmp(value_of(setting), value) == 0;
}

tn_status cu_libraries_check(tn_error *error)
{
    for (int i = 0; i < SETTINGS; i++) {
        const char *const *known = settings[i].known;
        while (*known && !is_set(i, *known)) known++;
        if (!*known)
            return tn_fail(error, TN_INVALID, 0, "%s=%.40s is %s", settings[i].variable, value_of(i),
                           settings[i].complaint);
    }
    return TN_OK;
}

int cu_wants_tuning(const tn_op_desc *desc)
{
    return !(desc->flags & TN_OP_DETERMINISTIC) && is_set(TUNE, "on");
}

/* ---- opening */

static int open_failed(const library *l, const char *why)
{
    char text[600];
    snprintf(text, sizeof text, "cuda: %s is not used (%.400s): the plugin's own kernels do its %s", l->name, why,
             l->work);
    gpu_host->log(TN_LOG_WARN, text);
    return NOT_USED;
}

static int is_turned_off(const library *l)
{
    char text[200];
    if (is_set(LIBS, "on") || is_set(LIBS, l->setting)) return 0;
    snprintf(text, sizeof text, "cuda: %s is turned off by TENON_CUDA_LIBS: the plugin's own kernels do its %s",
             l->name, l->work);
    gpu_host->log(TN_LOG_INFO, text);
    return 1;
}

static void tell_version(const library *l, size_t version)
{
    char text[120];
    snprintf(text, sizeof text, "cuda: %s, version %zu, for %s", l->name, version, l->work);
    gpu_host->log(TN_LOG_DEBUG, text);
}

/* What dlerror says, kept: its text lasts until the next call of dlopen, dlsym or dlclose. */
static int keep_reason(char *reason, size_t size)
{
    const char *text = dlerror();
    snprintf(reason, size, "%s", text ? text : "the dynamic loader does not say why");
    return 0;
}

/* Finds all functions; 0 if there is no such library or it lacks one, and why in reason. */
static int find(const library *l, void **calls, char *reason, size_t size)
{
    void *file = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
    if (!file) return keep_reason(reason, size);
    for (int i = 0; l->functions[i]; i++) {
        calls[i] = dlsym(file, l->functions[i]);
        if (calls[i]) continue;
        keep_reason(reason, size);
        dlclose(file);
        return 0;
    }
    return 1;
}

/* Opens a library for as long as the process lasts. calls: its table, of that many bytes. */
static int open_library(const library *l, void *calls, size_t bytes)
{
    void *found[MOST_CALLS];
    char why[400];
    if (is_turned_off(l)) return NOT_USED;
    if (!find(l, found, why, sizeof why)) return open_failed(l, why);
    memcpy(calls, found, bytes);
    return USED;
}

static int open_dnn(void)
{
    char why[120];
    if (open_library(&dnn, &process.dnn_calls, sizeof process.dnn_calls) == NOT_USED) return NOT_USED;
    size_t version = process.dnn_calls.cudnnGetVersion();
    const size_t unit = version < 10000 ? 1000 : 10000; /* of the major number: 8905 is 8.9.5, 91900 is 9.19.0 */
    if (version / unit == CUDNN_MAJOR) return USED;
    snprintf(why, sizeof why, DNN_FILE " says that it is version %zu.%zu, but " TEXT(CUDNN_MAJOR) ".x is needed",
             version / unit, version % unit / 100);
    return open_failed(&dnn, why);
}

/* ---- handles */

/* A place for the device; NULL if all are taken. */
static libraries *libraries_of(const tn_device *device)
{
    for (int i = 0; i < MOST_DEVICES; i++) {
        if (all[i].device && all[i].device != device) continue;
        all[i].device = device;
        return &all[i];
    }
    return NULL;
}

static int open_blas_handle(tn_device *device, cu_blas *it)
{
    tn_error why = {.struct_size = sizeof why};
    if (process.blas == UNTRIED) process.blas = open_library(&blas, &process.blas_calls, sizeof process.blas_calls);
    if (process.blas == NOT_USED) return NOT_USED;
    it->call = &process.blas_calls;
    if (gpu_use(device, &why) != TN_OK ||
        cu_blas_status(it->call, it->call->cublasLtCreate(&it->handle), "opening cuBLASLt", &why) != TN_OK)
        return open_failed(&blas, why.message);
    tell_version(&blas, it->call->cublasLtGetVersion());
    return USED;
}

static int open_dnn_handle(tn_device *device, cu_dnn *it)
{
    tn_error why = {.struct_size = sizeof why};
    if (process.dnn == UNTRIED) process.dnn = open_dnn();
    if (process.dnn == NOT_USED) return NOT_USED;
    it->call = &process.dnn_calls;
    if (gpu_use(device, &why) != TN_OK ||
        cu_dnn_status(it->call, it->call->cudnnCreate(&it->handle), "opening cuDNN", &why) != TN_OK)
        return open_failed(&dnn, why.message);
    tell_version(&dnn, it->call->cudnnGetVersion());
    return USED;
}

const cu_blas *cu_blas_of(tn_device *device)
{
    pthread_mutex_lock(&lock);
    libraries *l = libraries_of(device);
    if (l && l->blas_state == UNTRIED) l->blas_state = open_blas_handle(device, &l->blas);
    pthread_mutex_unlock(&lock);
    return l && l->blas_state == USED ? &l->blas : NULL;
}

const cu_dnn *cu_dnn_of(tn_device *device)
{
    pthread_mutex_lock(&lock);
    libraries *l = libraries_of(device);
    if (l && l->dnn_state == UNTRIED) l->dnn_state = open_dnn_handle(device, &l->dnn);
    pthread_mutex_unlock(&lock);
    return l && l->dnn_state == USED ? &l->dnn : NULL;
}

void cu_libraries_close(tn_device *device)
{
    tn_error ignored = {.struct_size = sizeof ignored};
    pthread_mutex_lock(&lock);
    libraries *l = libraries_of(device);
    if (l && gpu_use(device, &ignored) == TN_OK) {
        if (l->blas_state == USED)
            cu_blas_status(l->blas.call, l->blas.call->cublasLtDestroy(l->blas.handle), "closing cuBLASLt", &ignored);
        if (l->dnn_state == USED)
            cu_dnn_status(l->dnn.call, l->dnn.call->cudnnDestroy(l->dnn.handle), "closing cuDNN", &ignored);
    }
    if (l) *l = (libraries){.device = device};
    pthread_mutex_unlock(&lock);
}

/* ---- operators */

const char cu_own_kernels[] = "the plugin's own kernels do it";

tn_status cu_go_on(const tn_op_desc *desc, tn_status status, const tn_error *why, const char *instead, tn_error *error)
{
    char text[1200];
    if (status == TN_DEVICE_LOST) return cu_pass_on(status, why, error);
    snprintf(text, sizeof text, "cuda: %s: %s; %s", desc->name, why->message, instead);
    gpu_host->log(status == TN_UNSUPPORTED ? TN_LOG_DEBUG : TN_LOG_WARN, text);
    return TN_OK;
}

uint64_t cu_bytes_moved(const tn_op_desc *desc)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < desc->n_in; i++) bytes += desc->in[i] ? gpu_bytes_of(desc->in[i]) : 0;
    for (uint64_t i = 0; i < desc->n_out; i++) bytes += gpu_bytes_of(desc->out[i]);
    return bytes;
}

tn_status cu_shared_plan(const tn_kernel *shared, tn_device *device, const tn_op_desc *desc, const char *missing,
                         tn_plan **plan, tn_error *error)
{
    char remark[40];
    GPU_TRY(shared->plan_create(shared, device, desc, plan, error));
    if (!missing) return TN_OK;
    snprintf(remark, sizeof remark, ", without %s", missing);
    gpu_plan_remark(*plan, remark);
    return TN_OK;
}

const cu_library_row cu_library_rows[] = {
    {TN_SCHEMA(matmul), cu_product_plan},
    {TN_SCHEMA(linear), cu_product_plan},
    {TN_SCHEMA(linear_relu), cu_product_plan},
    {TN_SCHEMA(linear_grad_weight), cu_product_plan},
    {TN_SCHEMA(conv2d), cu_conv2d_plan},
    {TN_SCHEMA(conv2d_relu), cu_conv2d_plan},
    {TN_SCHEMA(conv2d_grad_input), cu_conv2d_grad_input_plan},
    {TN_SCHEMA(conv2d_grad_weight), cu_conv2d_grad_weight_plan},
    {NULL, NULL},
};
