/* SPDX-License-Identifier: Apache-2.0
 *
 * The Tenon backend ABI. Version 1.0 is frozen: what it says of structs, constants, functions and operators stays so, and
 * plugins built from it work as long as there is a major version 1 (README.md, beside this file).
 *
 * A backend is a shared object that exports one symbol, tn_plugin_query_v1. It never links the core: all that it
 * needs from its host comes through tn_host_api, all that it offers goes through tn_plugin. A plugin may include this
 * header, tenon_ops.h and its vendor's SDK, nothing else of Tenon.
 *
 * Growth rule. Every struct begins with `struct_size`, set by whoever fills it in to sizeof of the struct that it was
 * compiled with. Fields are only ever appended, and a reader looks at a field only if TN_HAS_FIELD says that the
 * writer knew it. All fields have a fixed width, structs have no padding, and structs that are stored in arrays
 * (tn_kernel) never grow. What was published in a minor version keeps its offset for ever: abi/layout-1.0.txt.
 *
 * Threads. Functions on a device, and plan creation, may be called from any thread at any time. A stream has one user
 * at a time. A plan may execute on several threads at once if each call has its own workspace. A plugin changes no
 * process-wide state: floating-point modes, locale, signal handlers, affinity, standard output.
 *
 * Errors. A function that can fail returns a tn_status and, if that is not TN_OK, has described the failure in the
 * caller's tn_error. Nothing aborts, exits, throws or jumps across this boundary.
 */
#ifndef TENON_ABI_H
#define TENON_ABI_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TN_ABI_MAJOR 1        /* in the name of the entry symbol; a new one means a new header */
#define TN_ABI_MINOR 0        /* grows by one with each set of appended fields or operators */
#define TN_ABI_FROZEN_MINOR 0 /* the newest published one: nothing of it changes any more */
#define TN_MAX_RANK 8         /* most dimensions of a tensor */

#if defined(__GNUC__)
#define TN_EXPORT __attribute__((visibility("default")))
#define TN_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define TN_UNUSED __attribute__((unused))
#else
#define TN_EXPORT
#define TN_PRINTF(fmt, first)
#define TN_UNUSED
#endif

#ifdef __cplusplus
#define TN_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define TN_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

/* Did the writer of *object know `field`? True only if the whole field lies within its struct_size. */
#define TN_HAS_FIELD(object, type, field) ((object)->struct_size >= offsetof(type, field) + sizeof(((type *)0)->field))

/* ---- status ------------------------------------------------------------------------------------------------- */

typedef int32_t tn_status;
enum {
    TN_OK = 0,
    TN_INVALID = 1,       /* the caller broke a rule: shapes, dtypes, arguments */
    TN_UNSUPPORTED = 2,   /* legal, but this backend does not do it */
    TN_OUT_OF_MEMORY = 3, /* the core trims its pool and tries once more */
    TN_DEVICE_LOST = 4,   /* sticky: every later call on the device fails the same way */
    TN_INTERNAL = 5,      /* a library call failed; native_code says how */
    TN_NOT_FOUND = 6,     /* no such file, backend, device, name */
    TN_IO = 7,            /* reading or writing failed */
    TN_CORRUPT = 8        /* a file's content is not what its format says */
};

/* Why something failed. Owned by the caller, who sets struct_size; the callee fills in the rest. */
typedef struct tn_error {
    uint64_t struct_size;
    int64_t native_code; /* the vendor library's own code, 0 if there is none */
    tn_status status;    /* same as the function's result */
    int32_t reserved;    /* 0 */
    char message[1000];  /* one sentence, NUL-terminated UTF-8: what was wrong, with values, and what to do */
} tn_error;

/* Fills *error (which may be NULL) and returns status, so that `return tn_fail(...)` reads well. */
TN_UNUSED TN_PRINTF(4, 5) static inline tn_status
    tn_fail(tn_error *error, tn_status status, int64_t native_code, const char *format, ...)
{
    if (error) {
        va_list args;
        error->status = status;
        error->native_code = native_code;
        va_start(args, format);
        vsnprintf(error->message, sizeof error->message, format, args);
        va_end(args);
    }
    return status;
}

/* ---- tensors ------------------------------------------------------------------------------------------------ */

typedef uint32_t tn_dtype;
enum {
    TN_F32 = 1,
    TN_F64 = 2,
    TN_I64 = 3,
    TN_I32 = 4,
    TN_U8 = 5,
    TN_BOOL = 6, /* one byte, 0 or 1 */
    TN_BF16 = 7, /* reserved: no operator takes it yet */
    TN_F16 = 8   /* reserved: no operator takes it yet */
};

/* Bytes of one element; 0 for a dtype that this header does not know. */
TN_UNUSED static inline uint64_t tn_dtype_size(tn_dtype dtype)
{
    switch (dtype) {
    case TN_F64:
    case TN_I64: return 8;
    case TN_F32:
    case TN_I32: return 4;
    case TN_BF16:
    case TN_F16: return 2;
    case TN_U8:
    case TN_BOOL: return 1;
    default: return 0;
    }
}

/* The shape of a tensor in memory. The element [i0, i1, ...] lies sum(i * strides[i]) elements after the address
 * that the bindings give. A stride may be 0 (broadcast) or of any order: a channels-last image is a stride order of
 * the same N C H W dims. Strides are never negative. An output never has a stride of 0 on a dim larger than 1. */
typedef struct tn_tensor_desc {
    uint64_t struct_size;
    tn_dtype dtype;
    uint32_t rank;                /* 0 (a scalar) to TN_MAX_RANK */
    int64_t dims[TN_MAX_RANK];    /* >= 0; entries from `rank` on are 0 */
    int64_t strides[TN_MAX_RANK]; /* in elements; entries from `rank` on are 0 */
    uint64_t alignment;           /* of every address bound to it, in bytes: a power of two, at least the element's */
} tn_tensor_desc;

/* Number of elements. */
TN_UNUSED static inline int64_t tn_desc_numel(const tn_tensor_desc *desc)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < desc->rank; i++) n *= desc->dims[i];
    return n;
}

/* 1 if the elements lie in row-major order without gaps (dims of 1 may have any stride), else 0. */
TN_UNUSED static inline int tn_desc_contiguous(const tn_tensor_desc *desc)
{
    int64_t expected = 1;
    for (uint32_t i = desc->rank; i-- > 0; expected *= desc->dims[i])
        if (desc->dims[i] != 1 && desc->strides[i] != expected) return tn_desc_numel(desc) == 0;
    return 1;
}

/* ---- host: what the core gives a plugin --------------------------------------------------------------------- */

enum { TN_LOG_ERROR = 1, TN_LOG_WARN = 2, TN_LOG_INFO = 3, TN_LOG_DEBUG = 4 };

typedef struct tn_host_api {
    uint64_t struct_size;
    uint32_t abi_major; /* the core's TN_ABI_MAJOR */
    uint32_t abi_minor; /* the core's TN_ABI_MINOR */
    /* Writes one line to the host's log. level: TN_LOG_*. Thread-safe. */
    void (*log)(uint32_t level, const char *message);
    /* Host memory for the plugin's own objects. alignment: a power of two. NULL if there is none left. */
    void *(*alloc)(uint64_t bytes, uint64_t alignment);
    /* Releases what alloc returned; NULL is allowed. */
    void (*free)(void *memory);
    /* Runs body over [0, n) cut into pieces of at least `grain`, on the host's threads, the caller's among them.
     * Returns when all is done. body must not call parallel_for. Shares its threads with OpenMP (libgomp), so that
     * a library built on OpenMP and the host's loops do not compete. */
    void (*parallel_for)(int64_t n, int64_t grain, void (*body)(void *arg, int64_t begin, int64_t end), void *arg);
    /* How many threads parallel_for uses at most. */
    uint64_t (*thread_count)(void);
    /* An optional interface of the host by name and version, NULL if it has none. The result begins with a
     * uint64_t struct_size. */
    const void *(*get_extension)(const char *name, uint32_t version);
} tn_host_api;

/* ---- devices, memory, streams ------------------------------------------------------------------------------- */

typedef struct tn_plugin tn_plugin;
typedef struct tn_kernel tn_kernel;
typedef struct tn_plan tn_plan;
typedef struct tn_device tn_device; /* opaque, the plugin's: one opened device */
typedef struct tn_stream tn_stream; /* opaque, the plugin's: an in-order queue of work on a device */
typedef struct tn_event tn_event;   /* opaque, the plugin's: a point in a stream */

enum { TN_DEVICE_CPU = 1, TN_DEVICE_INTEGRATED_GPU = 2, TN_DEVICE_GPU = 3, TN_DEVICE_ACCELERATOR = 4 };

enum {
    TN_DEVICE_SYNCHRONOUS = 1, /* work is done when the call returns; streams and events are formalities */
    TN_DEVICE_HOST_MEMORY = 2  /* the host may read and write device memory directly, once the stream is idle; without
                                * this flag the plugin must offer the operator copy, which every fallback needs */
};

enum { TN_LAYOUT_NCHW = 0, TN_LAYOUT_NHWC = 1 };

/* What a device is. Strings belong to the plugin and live as long as it is loaded. */
typedef struct tn_device_info {
    uint64_t struct_size;
    const char *name;         /* for people: "NVIDIA H200", "AMD EPYC 9554" */
    const char *architecture; /* "sm_90", "gfx90a", "avx512_core" */
    const char *location;     /* PCI address or the like; "" if there is none */
    uint32_t kind;            /* TN_DEVICE_CPU ... */
    uint32_t image_layout;    /* TN_LAYOUT_*: the stride order that its convolutions like best */
    uint64_t flags;           /* TN_DEVICE_SYNCHRONOUS ... */
    uint64_t memory_bytes;    /* total memory, 0 if unknown */
    uint64_t alignment;       /* that alloc guarantees, in bytes */
} tn_device_info;

enum {
    TN_MEMORY_DEVICE = 1, /* where kernels work */
    TN_MEMORY_PINNED = 2, /* host memory that the device copies from and to at full speed */
    TN_MEMORY_HOST = 3    /* plain host memory */
};

enum { TN_COPY_TO_DEVICE = 1, TN_COPY_TO_HOST = 2, TN_COPY_ON_DEVICE = 3 };

/* ---- operators ---------------------------------------------------------------------------------------------- */

enum {
    TN_OP_DETERMINISTIC = 1, /* the plan must give the same bits for the same inputs, every time */
    TN_OP_TF32 = 2           /* f32 products may be rounded to TF32; without this flag they may not */
};

/* One use of one operator. The arrays hold pointers, so that tn_tensor_desc can grow. List inputs (marked * in the
 * schema) are flattened in order: cat of three tensors has n_in = 3; adam_step over n parameters has n_in = 4n + 2.
 * Valid only during the call that it is passed to. */
typedef struct tn_op_desc {
    uint64_t struct_size;
    const char *name;                 /* "conv2d" */
    const void *attrs;                /* the operator's attribute struct (tenon_ops.h), NULL if it has none */
    const tn_tensor_desc *const *in;  /* n_in entries; NULL where an optional input is absent */
    const tn_tensor_desc *const *out; /* n_out entries */
    uint64_t n_in;
    uint64_t n_out;
    uint64_t flags; /* TN_OP_DETERMINISTIC ... */
} tn_op_desc;

/* Addresses for one execution: of the element [0, 0, ...] of each tensor, in device memory. Inputs that the schema
 * marks ! are updated in place. Outputs overlap no input, unless the plan has TN_PLAN_ALIAS. */
typedef struct tn_bindings {
    uint64_t struct_size;
    void *const *in;  /* n_in addresses; NULL where an optional input is absent; undefined for empty tensors */
    void *const *out; /* n_out addresses */
    void *workspace;  /* at least workspace_bytes of device memory, aligned like an allocation; NULL if 0 */
} tn_bindings;

enum {
    TN_PLAN_DETERMINISTIC = 1, /* same inputs, same bits */
    TN_PLAN_CAPTURE_SAFE = 2,  /* may be recorded by the tenon.graph extension */
    TN_PLAN_ALIAS = 4,         /* an output may have the very address of an input with an equal descriptor */
    TN_PLAN_CONCURRENT = 8     /* uses no lock while executing: several threads gain */
};

/* A prepared operator. The plugin allocates it, usually as the first member of a larger struct of its own. */
struct tn_plan {
    uint64_t struct_size;
    /* Queues the work on `stream`. Allocates nothing; does not wait. */
    tn_status (*execute)(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error);
    /* Releases the plan. All its executions are finished. */
    void (*destroy)(tn_plan *plan);
    const char *implementation; /* "brgconv:avx512_core"; lives as long as the plan */
    uint64_t workspace_bytes;   /* scratch memory that each execution needs */
    uint64_t flops;             /* floating-point operations of one execution, by the operator's textbook formula */
    uint64_t bytes_moved;       /* bytes of all inputs read and outputs written once */
    uint64_t flags;             /* TN_PLAN_* */
};

/* One row of a plugin's operator table. Never grows. */
struct tn_kernel {
    /* The schema string that the plugin was compiled with (TN_SCHEMA(conv2d)). If the core's differs, this operator
     * alone is disabled, and the log shows both. */
    const char *schema;
    /* Cheap: TN_OK if plan_create would succeed, else TN_UNSUPPORTED and the reason in *error. */
    tn_status (*check)(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error);
    /* May be slow: generates code, searches algorithms. On TN_OK *plan is the caller's to destroy. */
    tn_status (*plan_create)(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error);
    const void *data; /* the plugin's own: what tells the members of a family apart; may be NULL */
};

/* ---- plugin: what a backend gives the core ------------------------------------------------------------------ */

struct tn_plugin {
    uint64_t struct_size;
    uint32_t abi_major;       /* TN_ABI_MAJOR */
    uint32_t abi_minor;       /* TN_ABI_MINOR that the plugin was compiled with */
    const char *name;         /* lower case, what TENON_BACKEND selects: "onednn" */
    const char *version;      /* of the plugin: "0.1.0" */
    const char *vendor;       /* who made it */
    const char *library;      /* the native library as loaded at run time: "oneDNN 2.6.3" */
    const tn_kernel *kernels; /* n_kernels rows, at most one per schema */
    uint64_t n_kernels;

    /* How many devices there are. None is success: *count is 0 and reason->message says why in one sentence. */
    tn_status (*device_count)(uint32_t *count, tn_error *reason);
    /* Describes device `index` without opening it. The caller sets info->struct_size. */
    tn_status (*device_info)(uint32_t index, tn_device_info *info, tn_error *error);
    /* Opens device `index`; may be called more than once. */
    tn_status (*device_open)(uint32_t index, tn_device **device, tn_error *error);
    /* Closes it. Its memory, streams, events and plans are gone already. NULL is allowed. */
    void (*device_close)(tn_device *device);

    /* Gives `bytes` (> 0) of memory of a kind (TN_MEMORY_*), aligned to the device's alignment. The core pools. Addresses
     * of device memory are numbers to the core: it adds byte offsets within what one call gave, and reads nothing there
     * unless the device has TN_DEVICE_HOST_MEMORY. */
    tn_status (*memory_alloc)(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error);
    /* Takes it back. No queued work uses it. */
    void (*memory_free)(tn_device *device, uint32_t kind, void *memory);
    /* Queues a copy of `bytes`; direction: TN_COPY_*. Host memory that is not pinned may be waited for. */
    tn_status (*memory_copy)(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                             uint32_t direction, tn_error *error);
    /* Queues setting `bytes` of device memory to `byte` (0 to 255). */
    tn_status (*memory_fill)(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                             tn_error *error);
    /* Free and total device memory in bytes, now. */
    tn_status (*memory_info)(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error);

    /* Makes a stream; never NULL on success. */
    tn_status (*stream_create)(tn_device *device, tn_stream **stream, tn_error *error);
    /* Waits for it and releases it. */
    void (*stream_destroy)(tn_device *device, tn_stream *stream);
    /* Waits until all that was queued is done; reports errors of that work. */
    tn_status (*stream_sync)(tn_device *device, tn_stream *stream, tn_error *error);

    tn_status (*event_create)(tn_device *device, tn_event **event, tn_error *error);
    void (*event_destroy)(tn_device *device, tn_event *event);
    /* Marks the present end of the stream. */
    tn_status (*event_record)(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
    /* Lets later work of `stream` wait for the event, which may be of another stream. */
    tn_status (*event_wait)(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
    /* *done is 1 if the event has been reached, else 0. Does not wait. */
    tn_status (*event_query)(tn_device *device, tn_event *event, uint32_t *done, tn_error *error);
    /* Nanoseconds of device time between two reached events. */
    tn_status (*event_elapsed)(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds,
                               tn_error *error);

    /* An optional interface by name and version ("tenon.graph", 1), NULL if there is none. The result begins with a
     * uint64_t struct_size and lives as long as the plugin is loaded. */
    const void *(*get_extension)(const char *name, uint32_t version);
    /* Releases everything process-wide. Idempotent; after it, query may be called again. */
    void (*shutdown)(void);
};

/* The entry symbol. May be called more than once and returns the same table; `host` outlives the plugin. */
typedef tn_status (*tn_plugin_query_fn)(const tn_host_api *host, const tn_plugin **plugin, tn_error *error);
#define TN_PLUGIN_QUERY_SYMBOL "tn_plugin_query_v1"
TN_EXPORT tn_status tn_plugin_query_v1(const tn_host_api *host, const tn_plugin **plugin, tn_error *error);

/* ---- note: what can be read of a plugin's file without running any of it ------------------------------------ */

/* Lies in the ELF section .note.tenon of the plugin, so that a host can tell before dlopen, whose constructors run at
 * once, whether the file fits it. Every plugin has one; TN_PLUGIN_NOTE writes it. Texts are NUL-terminated. */
typedef struct tn_plugin_note {
    uint64_t struct_size;
    uint32_t abi_major; /* as in the plugin's table, like the next four */
    uint32_t abi_minor;
    char name[48];
    char version[32];
    char vendor[64];
    char cpu[128];       /* CPU features that all of its code may use, separated by spaces: "x86-64-v3", "avx512f fma";
                          * "" if any CPU of the machine will do. Of several files with one name, the host takes the one
                          * that asks for most among those that the CPU can run. */
    char libraries[256]; /* native libraries that it opens by itself, separated by spaces: "libcudnn.so.9" */
    char sanitizer[32];  /* that it was compiled with: "address" or "thread"; "" if none */
} tn_plugin_note;

#define TN_NOTE_OWNER "TenonPlugin" /* the ELF note's name; with its NUL 12 bytes, so the descriptor is 8-aligned */
#define TN_NOTE_TYPE 1              /* the ELF note's type: a tn_plugin_note */
#define TN_NOTE_SECTION ".note.tenon"

/* The whole ELF note (System V ABI, chapter 5, "Note Section"), which grows with tn_plugin_note alone. */
typedef struct tn_note_record {
    uint32_t owner_size, note_size, type;
    char owner[12];
    tn_plugin_note note;
} tn_note_record;

#if defined(__SANITIZE_ADDRESS__)
#define TN_NOTE_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define TN_NOTE_SANITIZER "thread"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TN_NOTE_SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define TN_NOTE_SANITIZER "thread"
#endif
#endif
#ifndef TN_NOTE_SANITIZER
#define TN_NOTE_SANITIZER ""
#endif

#if defined(__clang__) /* whose AddressSanitizer would put bytes of its own behind the note, into the section */
#define TN_NOTE_PLACE __attribute__((used, aligned(8), section(TN_NOTE_SECTION), no_sanitize("address")))
#else
#define TN_NOTE_PLACE __attribute__((used, aligned(8), section(TN_NOTE_SECTION)))
#endif

/* Writes the note; once per plugin, at file scope, followed by a semicolon. The arguments are string literals. Files of
 * other formats than ELF have no note. */
#if !defined(__ELF__)
#define TN_PLUGIN_NOTE(name, version, vendor, cpu, libraries) TN_STATIC_ASSERT(1, "")
#else
#define TN_PLUGIN_NOTE(name, version, vendor, cpu, libraries)                                                     \
    TN_NOTE_PLACE static const tn_note_record tn_plugin_note_record = {sizeof(TN_NOTE_OWNER),                     \
                                                                       sizeof(tn_plugin_note),                    \
                                                                       TN_NOTE_TYPE,                              \
                                                                       TN_NOTE_OWNER,                             \
                                                                       {sizeof(tn_plugin_note), TN_ABI_MAJOR,     \
                                                                        TN_ABI_MINOR, name, version, vendor, cpu, \
                                                                        libraries, TN_NOTE_SANITIZER}}
#endif

/* ---- extension tenon.graph, version 1: work recorded on a stream, and launched as a whole --------------------- */

#define TN_EXTENSION_GRAPH "tenon.graph"

typedef struct tn_graph tn_graph; /* opaque, the plugin's: recorded work */

/* A device of the plugin has the extension if begin succeeds on it. Addresses are recorded as bound: who launches a
 * graph keeps the memory, and changes what it computes by changing what lies there, or by update. */
typedef struct tn_graph_api {
    uint64_t struct_size;
    /* From here to end, what is queued on `stream` is recorded and not done: executions of plans with
     * TN_PLAN_CAPTURE_SAFE, copies on the device, and fills. Other streams go on as usual. */
    tn_status (*begin)(tn_device *device, tn_stream *stream, tn_error *error);
    /* Ends recording. On TN_OK *graph is the caller's to destroy. On failure (TN_UNSUPPORTED: something queued cannot
     * be recorded) nothing is kept. In both cases the stream works as before begin. */
    tn_status (*end)(tn_device *device, tn_stream *stream, tn_graph **graph, tn_error *error);
    /* Ends recording, too, but makes `graph` do from now on what was recorded: the same work as in it, in the same
     * order, with other addresses. Its launches are finished. On failure (TN_UNSUPPORTED: it cannot become that) it is
     * as it was, and what was recorded is dropped. */
    tn_status (*update)(tn_device *device, tn_stream *stream, tn_graph *graph, tn_error *error);
    /* Queues all of the recorded work on `stream`, in its order; does not wait. */
    tn_status (*launch)(tn_device *device, tn_graph *graph, tn_stream *stream, tn_error *error);
    /* Releases it. All its launches are finished. NULL is allowed. */
    void (*destroy)(tn_device *device, tn_graph *graph);
} tn_graph_api;

/* The version rule, for both sides: can a core that needs at least `minimum_minor` use a plugin compiled with
 * major.minor? Same major; the plugin's minor at or above the minimum; a newer minor is fine, since its extra fields
 * lie behind those that the core reads. */
TN_UNUSED static inline int tn_abi_compatible(uint32_t major, uint32_t minor, uint32_t minimum_minor)
{
    return major == TN_ABI_MAJOR && minor >= minimum_minor;
}

/* ---- layout: no padding anywhere, sizes a multiple of 8 ----------------------------------------------------- */

#define TN_SIZE_OF_1_0(type, bytes) TN_STATIC_ASSERT(sizeof(type) == (bytes), #type ": its 1.0 layout changed")
#if UINTPTR_MAX == UINT64_MAX
TN_SIZE_OF_1_0(tn_error, 1024);
TN_SIZE_OF_1_0(tn_tensor_desc, 152);
TN_SIZE_OF_1_0(tn_host_api, 64);
TN_SIZE_OF_1_0(tn_device_info, 64);
TN_SIZE_OF_1_0(tn_op_desc, 64);
TN_SIZE_OF_1_0(tn_bindings, 32);
TN_SIZE_OF_1_0(tn_plan, 64);
TN_SIZE_OF_1_0(tn_kernel, 32);
TN_SIZE_OF_1_0(tn_plugin, 224);
TN_SIZE_OF_1_0(tn_plugin_note, 576);
TN_SIZE_OF_1_0(tn_note_record, 600);
TN_SIZE_OF_1_0(tn_graph_api, 48);
#else
#error "Tenon's ABI 1 is defined for 64-bit machines"
#endif
#undef TN_SIZE_OF_1_0

#ifdef __cplusplus
}
#endif
#endif
