/* SPDX-License-Identifier: Apache-2.0
 *
 * What the subcommands of `tenon` share. Each is one file that ends with its tool_command; main.c lists them. They use
 * the public header alone. Results go to stdout; messages and progress go to stderr. */
#ifndef TENON_TOOL_H
#define TENON_TOOL_H

#include <argp.h>
#include <errno.h>
#include <error.h>
#include <jansson.h>
#include <signal.h>

#include "tenon.h"

enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 }; /* exit codes */

typedef struct tool_command {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is "tenon NAME"; the result is the exit code */
} tool_command;

extern const tool_command tool_train, tool_eval, tool_predict, tool_export, tool_run, tool_program, tool_bench,
    tool_conform, tool_backends, tool_doctor, tool_ops, tool_data;

/* ---- options.c: values of options. A bad one is a usage error that says what is possible; it ends the process. */

/* clang-format off */
int64_t tool_integer(const struct argp_state *state, const char *option, const char *text, int64_t min, int64_t max);
/* An end of the range is possible itself, except 0 when `positive`. */
double tool_number(const struct argp_state *state, const char *option, const char *text, double max, bool positive);
/* clang-format on */
/* The member of the list (ended by NULL) that equals text. */
const char *tool_choice(const struct argp_state *state, const char *option, const char *text,
                        const char *const *choices);

extern const char *const tool_models[]; /* that tn_nn_model knows; ended by NULL, as the next */
extern const char *const tool_datasets[];

/* ---- setup.c: where and on what a command works; a child parser that several commands share */

typedef struct tool_setup {
    const char *model;   /* NULL if not given */
    const char *backend; /* NULL: $TENON_BACKEND, or auto */
    const char *data;    /* NULL: the library's choice */
    const char *dataset;
    int threads; /* 0: the library's choice */
} tool_setup;
extern const struct argp tool_setup_argp; /* its input is a tool_setup */
extern const struct argp tool_place_argp; /* the same without --model */
#define TOOL_SETUP         \
    {                      \
        .dataset = "mnist" \
    }

/* Each returns NULL after the library has raised an error in its context; tool_open never does. */
tn_context *tool_open(const tool_setup *setup, const char *backend);
tn_dataset *tool_dataset(tn_context *tn, const tool_setup *setup, bool train);
/* The model on the weights in a file. */
tn_module *tool_load_model(tn_context *tn, const tool_setup *setup, const char *path);
/* A usage error unless --model was given. */
void tool_need_model(const struct argp_state *state, const tool_setup *setup);

/* Prints the pending error of the context, if there is one, closes it, and returns the exit code. */
int tool_close(tn_context *tn);
/* Lists the operators that ran elsewhere than their tensors, if any did; returns whether. */
bool tool_report_fallback(tn_context *tn, FILE *to);

/* ---- evaluate.c */

typedef struct tool_score {
    double loss, accuracy; /* mean cross entropy; share of right answers, 0 to 1 */
} tool_score;
/* A loader fit for tool_evaluate: in order, large batches; NULL on error. */
tn_loader *tool_test_loader(tn_dataset *data);
/* One pass over the loader in evaluation mode; the model's mode is restored. Stops early if *stop becomes true. */
tool_score tool_evaluate(tn_module *model, tn_loader *loader, const volatile sig_atomic_t *stop);

/* ---- inference.c */

/* The model in evaluation mode as a program of one input and one result, which has run once without gradients, on `batch`
 * images of zeros; it is named after the setup's model. passes: NULL for the usual ones. NULL on error. */
tn_program *tool_record(tn_module *model, const tool_setup *setup, int64_t batch, const char *passes);

/* ---- backends.c */

json_t *tool_device_json(const tn_device_status *device);

/* ---- file.c */

/* A file that appears whole or not at all; a device or a pipe is written to as it is. False after a message. */
bool tool_write_file(const char *path, bool (*write)(FILE *to, const void *arg), const void *arg);

/* ---- process.c: child processes for risky work */

/* In the child: it leads a group of its own, and ends with its parent. The parent calls setpgid as well, since either may
 * be first. */
void tool_process_settle(void);
/* Has it ended? It stays a zombie, so that its number, which is that of its group, means nobody else. */
bool tool_process_has_ended(pid_t process);
/* Kills it and all of its group, and returns what waitpid says of it. */
int tool_process_end(pid_t process);

/* ---- meter.c: a bar on a terminal, now and then a plain line elsewhere */

typedef struct tool_meter {
    const char *label;
    bool terminal, quiet;
    double drawn; /* when, in seconds of tool_now */
} tool_meter;
double tool_now(void); /* seconds on a clock that never goes back */
void tool_meter_init(tool_meter *meter, const char *label, bool quiet);
bool tool_meter_due(const tool_meter *meter); /* is it time to draw again? */
void tool_meter_draw(tool_meter *meter, double fraction, const char *text);
void tool_meter_clear(tool_meter *meter);

/* ---- text.c */

/* "61,234", in buffer. */
#define TOOL_COUNT(n) tool_count((n), (char[32]){0})
const char *tool_count(double n, char *buffer);
/* "12.3 MiB", in buffer. */
#define TOOL_BYTES(n) tool_bytes((n), (char[32]){0})
const char *tool_bytes(double n, char *buffer);
/* "1:05" or "1:02:05", in buffer. */
#define TOOL_TIME(seconds) tool_time((seconds), (char[32]){0})
const char *tool_time(double seconds, char *buffer);
const char *tool_kind_name(uint32_t kind); /* of a device: "integrated GPU" */
bool tool_utf8(void);                      /* does the terminal's locale have more than ASCII? */

json_t *tool_json_text(const char *text); /* null for NULL and for what is not UTF-8 */
json_t *tool_json_number(double number);  /* null for NaN and infinities */
/* Writes one object as one line and releases it; false after a message. */
bool tool_json_line(FILE *file, json_t *object);

#endif
