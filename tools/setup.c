/* SPDX-License-Identifier: Apache-2.0
 *
 * Where and on what a command works: the options --model, --backend, --threads, --data and --dataset, and what is
 * opened by them. */
#include <string.h>

#include "tool.h"

/* clang-format off */
static const struct argp_option options[] = {
    {"model",   'm', "NAME", 0, "simplenet (784-128-10) or convnet (two convolutions)", 0},
    {"backend", 'b', "SPEC", 0, "auto, reference, onednn, cuda:1, ...: see `tenon backends` (default: $TENON_BACKEND, or auto)", 0},
    {"threads", 't', "N",    0, "CPU threads (default: $TENON_NUM_THREADS, or all CPUs)", 0},
    {"dataset", 'd', "NAME", 0, "mnist or fashion-mnist (default: mnist)", 0},
    {"data",    'D', "DIR",  0, "folder of the data (default: $TENON_DATA_DIR, or ~/.cache/tenon)", 0},
    {0},
};
/* clang-format on */

static error_t parse(int key, char *text, struct argp_state *state)
{
    tool_setup *setup = state->input;
    switch (key) {
    case 'm': setup->model = tool_choice(state, "--model", text, tool_models); return 0;
    case 'b': setup->backend = text; return 0;
    case 't': setup->threads = (int)tool_integer(state, "--threads", text, 1, 1024); return 0;
    case 'd': setup->dataset = tool_choice(state, "--dataset", text, tool_datasets); return 0;
    case 'D': setup->data = text; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp tool_setup_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
const struct argp tool_place_argp = {options + 1, parse, NULL, NULL, NULL, NULL, NULL};

void tool_need_model(const struct argp_state *state, const tool_setup *setup)
{
    if (!setup->model) argp_error(state, "name a model: --model simplenet or --model convnet");
}

tn_context *tool_open(const tool_setup *setup, const char *backend)
{
    if (setup->threads) tn_set_num_threads(setup->threads);
    return tn_open(backend);
}

tn_dataset *tool_dataset(tn_context *tn, const tool_setup *setup, bool train)
{
    return (!strcmp(setup->dataset, "mnist") ? tn_mnist : tn_fashion_mnist)(tn, setup->data, train);
}

tn_module *tool_load_model(tn_context *tn, const tool_setup *setup, const char *path)
{
    tn_module *model = tn_nn_model(tn, setup->model);
    if (!model || tn_load(tn, path, &(tn_checkpoint){.model = model}) != TN_OK) return NULL;
    return model;
}

int tool_close(tn_context *tn)
{
    int code = tn_check(tn) == TN_OK ? TOOL_OK : TOOL_FAILED;
    if (code) error(0, 0, "%s", tn_message(tn));
    tn_clear(tn);
    tn_close(tn);
    return code;
}

bool tool_report_fallback(tn_context *tn, FILE *to)
{
    if (!tn_fell_back(tn)) return false;
    int n;
    const tn_placement *placed = tn_placements(tn, &n);
    fprintf(to, "not all of it ran on %s:\n", tn_default_device(tn));
    for (int i = 0; i < n; i++)
        if (placed[i].fell_back)
            fprintf(to, "  %-28s %12s calls on %s\n", placed[i].op, TOOL_COUNT((double)placed[i].calls),
                    placed[i].device);
    return true;
}
