/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon data fetch: gets a data set, checked by SHA-256; needs no network if it is there already. */
#include <string.h>

#include "tool.h"

typedef struct data_options {
    const char *action, *name, *dir;
} data_options;

static const struct argp_option options[] = {
    {"dir", 'D', "DIR", 0, "folder to put it into (default: $TENON_DATA_DIR, or ~/.cache/tenon)", 0}, {0}};

static const char *const actions[] = {"fetch", NULL};

static error_t parse(int key, char *text, struct argp_state *state)
{
    data_options *o = state->input;
    switch (key) {
    case 'D': o->dir = text; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            o->action = tool_choice(state, "the action", text, actions);
        else if (state->arg_num == 1)
            o->name = tool_choice(state, "the data set", text, tool_datasets);
        else
            argp_error(state, "one data set at a time: \"%s\" is too much", text);
        return 0;
    case ARGP_KEY_END:
        if (!o->name) argp_error(state, "say what to fetch: fetch mnist, or fetch fashion-mnist");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "fetch mnist|fashion-mnist",
    .doc = "Fetches a data set and checks it. Files that are there and whole are left alone.",
};

typedef struct download {
    tool_meter meter;
    char file[128]; /* the one that the meter shows */
} download;

static void progress(void *arg, const char *file, uint64_t done, uint64_t total)
{
    download *d = arg;
    if (strcmp(d->file, file) != 0) {
        snprintf(d->file, sizeof d->file, "%s", file);
        tool_meter_init(&d->meter, d->file, false);
    }
    if (!tool_meter_due(&d->meter)) return;
    char text[80];
    if (total)
        snprintf(text, sizeof text, "%s of %s", TOOL_BYTES((double)done), TOOL_BYTES((double)total));
    else
        snprintf(text, sizeof text, "%s", TOOL_BYTES((double)done));
    tool_meter_draw(&d->meter, total ? (double)done / (double)total : 0, text);
}

static int run(int argc, char **argv)
{
    data_options o = {0};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    download d = {.meter = {.quiet = true}};
    tn_error why = {.struct_size = sizeof why};
    tn_status status = tn_data_fetch(o.name, o.dir, progress, &d, &why);
    tool_meter_clear(&d.meter);
    if (status != TN_OK) {
        error(0, 0, "%s", why.message);
        return TOOL_FAILED;
    }
    printf("%s is in %s/%s\n", o.name, o.dir ? o.dir : tn_data_dir(), o.name);
    return TOOL_OK;
}

const tool_command tool_data = {"data", "fetches mnist or fashion-mnist", run};
